from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from core.training.tokens import tokenizing
from core.training.tokens.clips import read_tokens
from daw_bridge.__main__ import main
from tests.core.tiny_checkpoints import make_checkpoint
from tests.core.training.sounds import silence, tone, write


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_checkpoint(tmp_path_factory.mktemp("model")))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    write(tmp_path / "music" / "Drum Loops" / "120bpm_funky_break_01.wav", tone(1.2))
    write(tmp_path / "music" / "silent.wav", silence(10))
    return tmp_path / "music"


def tokenize(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["daw-bridge", "tokenize", *map(str, words)])
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit) as left:
        main()
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_folder_becomes_tokens_and_the_last_line_says_what_was_done(
    tiny: str,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tokenize(monkeypatch, music, "-o", tmp_path / "t", "--model", tiny) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("wrote 1 clip, 1 s; left out 1: silent.wav (silent)")
    (clip,) = read_tokens(tmp_path / "t")
    assert clip.captions == ["funky break, drum loops, 120 bpm"]
    assert clip.codes.shape == (4, 60)


def test_cancelled_it_says_that_the_same_command_goes_on(
    tiny: str,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def cancel(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tokenizing, "_encode", cancel)
        assert tokenize(patch, music, "-o", tmp_path / "t", "--model", tiny) == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert tokenize(monkeypatch, music, "-o", tmp_path / "t", "--model", tiny) == 0


@pytest.mark.parametrize(
    ("folder", "more", "why"),
    [
        ("gone", [], "no folder"),
        ("music/silent.wav", [], "is a file"),
        ("empty", [], "no audio below"),
        ("silent", [], "can be used; wrote 0 clips, 0 s; left out 1: a.wav (silent)"),
        ("music", ["--loudness", "loud"], "use a number of LUFS"),
        ("music", ["--loudness", "nan"], "use -60 to 0"),
        ("music", ["--model", "."], "no config.json"),
        ("music", ["-o", "music/silent.wav"], "is a file; name a folder for the tokens"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tiny: str,
    music: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    more: list[str],
    why: str,
) -> None:
    monkeypatch.chdir(music.parent)
    (music.parent / "empty").mkdir()
    write(music.parent / "silent" / "a.wav", silence(10))
    words = [folder, *([] if "-o" in more else ["-o", "t"])]
    words += [] if "--model" in more else ["--model", tiny]
    assert tokenize(monkeypatch, *words, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


@pytest.mark.parametrize("content", [b"not a checkpoint", None])
def test_a_run_that_is_no_codecs_is_refused(
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    torch.save({"step": 1}, run / "last.pt")  # of a Transformer
    if content is not None:
        (run / "last.pt").write_bytes(content)
    assert tokenize(monkeypatch, music, "-o", tmp_path / "t", "--model", run) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "last.pt" in line
