"""The command line from outside: what it prints, what it returns, what it leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import BadInput
from daw_bridge.offline import OutputRefused, Request, write_result
from daw_bridge.serving import has_display


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "daw_bridge", *words],
        capture_output=True, text=True, check=False, timeout=55, cwd=cwd, env=environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["generate", "x"], "--out"),
        (["bogus"], "bogus"),
        (["generate", "x", "-o", "y.mp3"], ".wav"),
        (["continue", "nothing.wav", "-o", "y.wav"], "does not exist"),
        (["continue", "~no-such-user/x.wav", "-o", "y.wav"], "check the path"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words: list[str], hint: str, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert hint in done.stderr
    assert list(tmp_path.glob("*.wav")) == []


def request(**changes: object) -> Request:
    options: dict[str, object] = {
        "prompt": "funk", "out": Path("x.wav"), "seconds": None, "bars": None, "bpm": None,
        "seed": 1, "greedy": False, "guidance": 3.0, "top_k": 250, "temperature": 1.0,
        "model": None, "device": "cpu", "dtype": "auto", "tokens": None,
    }  # fmt: skip
    return Request.of(**{**options, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({}, 500),
        ({"seconds": 2.01}, 100),
        ({"seconds": 0.02}, 1),
        ({"bars": 4, "bpm": 87.0}, round(50 * 16 * 60 / 87)),
        ({"bars": 1}, 100),
        ({"bars": 4, "bpm": 112.5}, 427),
    ],
)
def test_lengths_are_exact(options: dict[str, object], frames: int) -> None:
    assert request(**options).frames == frames


def test_bars_are_exact_to_the_sample(tmp_path: Path) -> None:
    asked = request(out=tmp_path / "x.wav", bars=1, bpm=130.0)
    pcm = [np.zeros((asked.frames * 640, 1), np.float32)]
    write_result(asked, pcm, [np.zeros((4, asked.frames), np.int64)], "tiny abc", "MIT")
    assert soundfile.info(asked.out).frames == round(240 / 130 * 32_000) == 59_077
    take = asked.read_take()
    assert take is None
    again = request(out=tmp_path / "y.wav", bars=1, bpm=130.0, clip=asked.out)
    found = again.read_take()
    assert found is not None
    assert (found.record.complete, found.record.frames) == (True, 93)
    more = again.after(found)  # from the very next sample on
    assert more.lead == 93 * 640 - 59_077
    assert more.lead + more.frames * 640 >= more.samples == 59_077


@pytest.mark.parametrize(
    "options",
    [
        {"seconds": 0.0}, {"seconds": -1.0}, {"seconds": float("nan")}, {"seconds": 1e9},
        {"seconds": 1.0, "bars": 1}, {"temperature": 0.0}, {"top_k": -1}, {"guidance": 99.0},
        {"seed": -1}, {"prompt": "x" * 2001},
    ],
)  # fmt: skip
def test_nonsense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(Exception) as refused:
        request(**options)
    assert refused.value.exit_status == 2  # type: ignore[attr-defined]


def test_what_is_written(tmp_path: Path) -> None:
    asked = request(out=tmp_path / "x.wav", tokens=tmp_path / "x.npy", seed=5)
    codes = np.arange(8).reshape(4, 2)
    for _ in range(2):
        write_result(asked, [np.zeros((640, 1), np.float32)] * 2, [codes], "tiny abc", "CC-BY-4.0")
    assert soundfile.info(asked.out).frames == 1280
    assert np.load(tmp_path / "x.npy").dtype == np.int64
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["x.npy", "x.wav"]
    with soundfile.SoundFile(asked.out) as sound:
        assert "seed 5" in sound.comment
        assert "CC-BY-4.0" in sound.copyright


def test_what_is_written_is_a_take_that_can_be_continued(tmp_path: Path) -> None:
    asked = request(out=tmp_path / "x.wav", seed=5, bars=1, bpm=240.0, clip=Path("/my/clip.wav"))
    codes, context = np.arange(204).reshape(4, 51), np.arange(8).reshape(4, 2)
    pcm = np.zeros((50 * 640, 1), np.float32)
    write_result(asked, [pcm], [codes], "tiny one abc", "MIT", context=context)
    again = request(out=tmp_path / "y.wav", clip=asked.out)
    take = again.read_take()
    assert take is not None
    assert (take.record.seed, take.record.tempo, take.record.bars) == (5, 240.0, 1)
    assert (take.record.model, take.record.digest, take.record.source) == (
        "tiny one", "abc", "clip.wav",
    )  # fmt: skip
    assert take.record.complete
    assert np.array_equal(take.with_context, np.concatenate((context, codes[:, :50]), axis=1))
    first = asked.out.read_bytes()
    write_result(asked, [pcm], [codes], "tiny one abc", "MIT", context=context)
    assert asked.out.read_bytes() == first, "the same take gives the same bytes"
    soundfile.write(asked.out, pcm, 32_000)
    assert again.read_take() is None


@pytest.mark.parametrize("name", ["y" * 300 + ".wav", "/proc/y.wav", "nowhere/y.wav"])
def test_a_place_that_cannot_be_written_is_told_first(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        request(out=tmp_path / name).check()


def test_a_take_that_its_folder_refuses_is_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked = request(out=tmp_path / "gone" / "x.wav")
    with pytest.raises(OutputRefused, match="the take is in") as refused:
        write_result(asked, [np.zeros((640, 1), np.float32)], [], "tiny abc", "MIT")
    assert refused.value.exit_status == 1
    (kept,) = tmp_path.glob("daw-bridge-*/x.wav")
    assert str(kept) in str(refused.value)


def test_what_no_one_foresaw_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*words: object) -> None:
        raise RuntimeError("of a kind\nnobody knows")

    monkeypatch.setattr("daw_bridge.cli.one_take._to_file", fail)
    assert in_process(monkeypatch, "generate", "x", "-o", "x.wav") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_display_is_looked_for() -> None:
    if sys.platform == "linux":
        assert not has_display({})
    assert has_display({"DISPLAY": ":0"})
    assert has_display({"WAYLAND_DISPLAY": "wayland-0"})


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_without_a_display_it_serves_until_told_to_stop(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    gone = {"QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"}
    environment = {k: v for k, v in os.environ.items() if k not in gone}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "daw_bridge", "--osc-port", port, "--output", "none",
             "--model", str(tmp_path / "nothing"), "--takes", str(tmp_path / "takes")],
            stdout=out, stderr=out, env=environment, cwd=tmp_path,
        )  # fmt: skip
    try:
        until = time.monotonic() + 40
        while f"listening on OSC 127.0.0.1:{port}" not in log.read_text():
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        assert "no display" in log.read_text()
        second = run("serve", "--osc-port", port)
        assert second.returncode == 2
        assert port in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.core.tiny_checkpoints import make_checkpoint

    return str(make_checkpoint(tmp_path_factory.mktemp("model") / "tiny"))


def in_process(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    from daw_bridge.__main__ import main

    monkeypatch.setattr(sys, "argv", ["daw-bridge", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_generate_and_continue(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, more = (tmp_path / f"{name}.wav" for name in ("one", "two", "more"))
    common = ["--model", tiny, "--device", "cpu", "--seconds", "0.5", "--seed", "3"]
    codes = tmp_path / "one.npy"
    words = ["generate", "funk", *common, "--tokens", str(codes), "-o", str(one)]
    assert in_process(monkeypatch, *words) == 0
    assert in_process(monkeypatch, "generate", "funk", *common, "-o", str(two)) == 0
    assert one.read_bytes() == two.read_bytes(), "same seed, same bytes"
    assert soundfile.info(one).frames == 25 * 640
    assert np.load(codes).shape == (4, 25)
    words = ["continue", str(one), *common, "--keep-clip", "-o", str(more)]
    assert in_process(monkeypatch, *words) == 0
    assert soundfile.info(more).frames == 50 * 640


def test_ctrl_c_keeps_what_was_made(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daw_bridge.cli.take_progress import TakeProgress

    def interrupt(self: TakeProgress, frames: int, wanted: int) -> None:
        if frames == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(TakeProgress, "made", interrupt)
    out = tmp_path / "x.wav"
    words = ["generate", "funk", "--model", tiny, "--device", "cpu", "-o", str(out)]
    assert in_process(monkeypatch, *words) == 130
    assert 20 * 640 < soundfile.info(out).frames <= 30 * 640
