"""The whole program, its real engine: a prompt changed over OSC while an endless take plays.

The model is a tiny random one, so that the engine is as far ahead of the ear as it may be.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.take_length import PRE_ROLL
from daw_bridge.take_table import record_of
from daw_bridge.take_timeline import split, timeline
from tests.real.conftest import going_first, wait_for
from tests.real.serving import OscClient, Program

pytestmark = [pytest.mark.real, pytest.mark.beside_others, pytest.mark.timeout(180)]
RATE = 32_000
FADE = 320  # the cross-fade, 10 ms
LOOK_AHEAD = 2.0  # seconds; 0.3 on a machine that has nothing else to do


def found_in(heard: np.ndarray, take: np.ndarray) -> int:
    """Where the take's first sample is. The first ones fade in, from nothing."""
    about, second = int(np.flatnonzero(heard)[0]), slice(RATE // 2, RATE)
    return min(
        range(max(0, about - 50), about + 2),
        key=lambda at: float(np.abs(heard[at:][second] - take[second]).max()),
    )


@pytest.fixture(scope="module")
def program(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    options = ("--output", "none", "--model", str(tiny), "--device", "cpu", "--no-discovery")
    with going_first(), Program(tmp_path_factory.mktemp("program"), *options) as program:
        program.wait_for("ready:", 120)
        yield program


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A file for what is heard."""
    return tmp_path / "heard.wav"


@pytest.fixture
def client(program: Program, sound: Path) -> Iterator[OscClient]:
    """Of the program as if it had just started, playing into `sound`, and in time all along."""
    client = OscClient(program.port)
    client.send("/musicgen/output", f"wav:{sound}")
    wait_for(lambda: client.status()["output"] == f"wav:{sound}", 20, "it plays into the file")
    for address, values in (
        ("prompt/2", ("",)), ("prompt/negative", ("",)), ("temperature", (1.0,)),
        ("quantize", (0,)), ("tempo", (120,)), ("seed", (5,)),
    ):  # fmt: skip
        client.send(f"/musicgen/{address}", *values)
    before = client.status()["underruns"]
    yield client
    underruns = client.status()["underruns"] - before
    client.close()
    assert underruns == 0


def test_changes_are_heard_soon_and_no_sample_is_lost_or_doubled(
    client: OscClient, sound: Path, tiny: Path
) -> None:
    asked: list[float] = []
    client.send("/musicgen/tell_tempo", 0)
    client.send("/musicgen/bars", 0)
    client.send("/musicgen/generate", "slow piano")
    begun, _ = client.wait_for("/musicgen/first_audio")
    while client.status()["buffered"] < 6:  # far more than a change may wait for
        time.sleep(0.1)
    for address, values in (
        ("/musicgen/prompt", ("loud drums",)),
        ("/musicgen/prompt/2", ("strings", 0.4)),
        ("/musicgen/prompt/negative", ("piano",)),
        ("/musicgen/temperature", (0.7,)),
    ):
        asked.append(client.send(address, *values) - begun)
        time.sleep(1.5)
    client.send("/musicgen/stop")
    _, (_, path) = client.wait_for("/musicgen/done")
    time.sleep(0.6)  # the file of what is heard is written in steps
    record = record_of(json.loads(Path(path).with_suffix(".json").read_text()))
    changes = timeline(record)
    assert len(changes) == 5
    assert changes[0].frame == 0
    assert changes[-1].prompt.negative == "piano"
    assert [text for text, _ in changes[-1].prompt.texts] == ["loud drums", "strings"]

    # What was heard is the take as it is on disk, sample for sample, from its first one on.
    take, _ = soundfile.read(path, dtype="float32")
    heard = soundfile.read(sound, dtype="float32")[0][:, 0]
    start = found_in(heard, take)
    length = int(np.flatnonzero(heard)[-1]) - start - 2 * FADE
    assert length > 5.5 * RATE
    off = np.abs(heard[start : start + length] - take[:length])
    off[:FADE] = 0
    for change in changes[1:]:  # the old sound fades out where the new one begins
        splice = change.frame * 640 - 2_402
        off[splice : splice + FADE + 1] = 0
    assert off.max() < 1e-4, f"from {int(np.argmax(off > 1e-4)) / RATE:.3f} s on"

    # Each change took hold after it was asked for, and within the look-ahead.
    for change, at in zip(changes[1:], asked, strict=True):
        waited = (change.frame * 640 - 2_402) / RATE - at
        assert 0 < waited < LOOK_AHEAD, f"heard {waited:.2f} s after it was asked for"

    # The timeline reproduces the tokens.
    from core.generation.generator import Generator

    codes = np.load(Path(path).with_suffix(".npy"))
    first, rest = split(changes)
    generator = Generator.load(str(tiny), "cpu")
    stream = generator.open(first.prompt, first.sampling, codes.shape[1], open_end=True,
                            changes=rest, bars=record.bar_grid)  # fmt: skip
    while not stream.ended:
        stream.step()
    again = stream.untold_codes()
    np.testing.assert_array_equal(again, codes)


def test_a_take_that_is_made_already_is_branched_without_a_seam(
    client: OscClient, sound: Path
) -> None:
    """Four bars are made in no time; a change on the way is a take of its own, in its place."""
    client.send("/musicgen/tell_tempo", 1)
    client.send("/musicgen/bars", 4)
    client.send("/musicgen/generate", "slow piano")
    begun, _ = client.wait_for("/musicgen/first_audio")
    _, (number, first_path) = client.wait_for("/musicgen/done")
    asked = client.send("/musicgen/prompt", "loud drums") - begun
    _, (_, path) = client.wait_for("/musicgen/done")
    while client.status()["state"] == "playing":
        time.sleep(0.2)
    time.sleep(0.6)  # the file of what is heard is written in steps
    record = record_of(json.loads(Path(path).with_suffix(".json").read_text()))
    assert record.take == number + 1
    assert (record.parent, record.prompt) == (number, "loud drums, 120 bpm")
    assert record.at is not None
    assert 0 < record.at / 50 - asked < LOOK_AHEAD + 2
    first, _ = soundfile.read(first_path, dtype="float32")
    second, _ = soundfile.read(path, dtype="float32")
    splice = record.at * 640
    assert len(first) == splice + len(second) == 8 * RATE
    heard = soundfile.read(sound, dtype="float32")[0][:, 0]
    start = found_in(heard, first)
    expected = np.concatenate((first[:splice], second))
    off = np.abs(heard[start : start + 8 * RATE] - expected)
    # on a busy machine the branch may come late: the first plays on, and what is late is left out
    departs = np.abs(heard[start : start + 8 * RATE] - first)[splice:] > 1e-4
    taken_over = splice + int(departs.argmax())
    assert taken_over < splice + RATE // 2
    # It crosses over before its first frame, where the codec has not yet looked ahead to that.
    off[:FADE] = off[splice - PRE_ROLL : taken_over + FADE + 1] = 0
    assert off[: -2 * FADE].max() < 1e-4, f"{int(np.argmax(off > 1e-4)) - splice} after the splice"
    assert not heard[start + 8 * RATE + FADE :].any()
