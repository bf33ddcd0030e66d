"""The whole program, its real engine: a take of whole bars, and the one that goes on from it.

What is heard across the join is one uninterrupted run, token for token and sample for sample.
The model is a tiny random one: what it makes is noise, in which each sample tells its place.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from core.generation.messages import Codes
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import record_of
from daw_bridge.take_timeline import split, timeline
from tests.real.serving import OscClient, Program

pytestmark = pytest.mark.real
RATE = 32_000
FADE = 0.012  # seconds at the start and the end, where it fades


def uninterrupted(model: Path, record: TakeRecord, frames: int) -> tuple[Codes, NDArray]:
    """The take as it would have been had it been longer."""
    from core.generation.generator import Generator

    first, rest = split(timeline(record))
    stream = Generator.load(str(model), "cpu").open(
        first.prompt, first.sampling, frames, open_end=True, changes=rest
    )
    pcm = []
    while not stream.ended:
        if (block := stream.step()) is not None:
            pcm.append(block.pcm)
    codes = stream.untold_codes()
    assert codes is not None
    return codes, np.concatenate(pcm)[:, 0]


def play(program: Program, tempo: float, first: int, second: int) -> list[Path]:
    """A take of `first` bars, continued by `second` while it sounds: their files."""
    client = OscClient(program.port)
    for name, value in (("bars", first), ("tempo", tempo), ("seed", 5), ("tell_tempo", 0)):
        client.send(f"/musicgen/{name}", value)
    client.send("/musicgen/generate", "slow piano")
    client.wait_for("/musicgen/first_audio", 60)
    client.send("/musicgen/bars", second)
    client.send("/musicgen/continue/take")
    paths = [Path(client.wait_for("/musicgen/done", 90)[1][1]) for _ in range(2)]
    while client.status()["state"] != "idle":
        time.sleep(0.2)
    time.sleep(0.8)  # the file of what is heard is written in steps
    assert client.status()["underruns"] == 0
    client.close()
    return paths


def check(model: Path, paths: list[Path], heard: NDArray, rate: int, exact: float) -> None:
    """Files, tokens and what was heard against the uninterrupted run."""
    records = [record_of(json.loads(p.with_suffix(".json").read_text())) for p in paths]
    assert [r.parent for r in records] == [None, 1]
    samples = [round(r.bars * r.beats * 60 / r.tempo * RATE) for r in records]
    files = [soundfile.read(path, dtype="float32")[0] for path in paths]
    assert [len(pcm) for pcm in files] == samples
    frames = sum(r.frames for r in records)
    record = replace(records[0], changes=records[0].changes)
    codes, sound = uninterrupted(model, record, frames + 4)
    told = np.concatenate([np.load(p.with_suffix(".npy")) for p in paths], axis=1)
    np.testing.assert_array_equal(told, codes[:, :frames])
    joined = np.concatenate(files)
    np.testing.assert_allclose(joined, sound[: len(joined)], atol=1e-4)

    length = sum(round(r.length * rate) for r in records)
    loud = np.flatnonzero(heard)
    assert len(loud) > 0.9 * length
    whole = sound if rate == RATE else soxr.resample(sound, RATE, rate, quality="HQ")
    fade = round(FADE * rate)
    about = int(loud[0])
    probe = slice(fade, fade + rate // 2)
    start = min(
        range(max(0, about - 60), about + 2),
        key=lambda at: float(np.abs(heard[at:][probe] - whole[probe]).max()),
    )
    inside = slice(fade, length - fade)
    off = np.abs(heard[start:][inside] - whole[inside])
    assert off.max() < exact, f"from {(fade + int(np.argmax(off >= exact))) / rate:.4f} s on"
    assert not heard[start + length :].any()
    assert heard[start + length - round(0.003 * rate) : start + length].any()


def check_in_file(tmp_path: Path, model: Path, tempo: float, first: int, second: int) -> None:
    """`play` into a file, and `check`."""
    sound = tmp_path / "heard.wav"
    with Program(tmp_path, "--output", f"wav:{sound}", "--model", str(model), "--device", "cpu",
                 "--no-discovery") as program:  # fmt: skip
        program.wait_for("ready:", timeout=120)
        paths = play(program, tempo, first, second)
    heard = soundfile.read(sound, dtype="float32")[0][:, 0]
    check(model, paths, heard, RATE, 1e-4)


@pytest.mark.beside_others
@pytest.mark.timeout(150)
def test_a_take_and_its_continuation_are_heard_as_one(
    tmp_path: Path, tiny: Path, ahead_of_others: None
) -> None:
    """Bars at 190 bpm end inside a frame: 1.263 s are 63.2 of them."""
    check_in_file(tmp_path, tiny, 190, 2, 1)


@pytest.mark.accept
@pytest.mark.timeout(150)
def test_the_same_through_jack(tmp_path: Path, tiny: Path, jack_server, jack_rec) -> None:
    server = jack_server(rate=48_000)
    with Program(tmp_path, "--model", str(tiny), "--device", "cpu", "--no-discovery") as program:
        program.wait_for("ready:", timeout=120)
        recording = jack_rec(server, 10)
        paths = play(program, 190, 2, 1)
    heard = recording.result()[:, 0]
    check(tiny, paths, heard, 48_000, 5e-4)


@pytest.mark.accept
@pytest.mark.timeout(300)
def test_twenty_seconds_are_eight_and_twelve(tmp_path: Path, tiny: Path) -> None:
    check_in_file(tmp_path, tiny, 120, 4, 6)
