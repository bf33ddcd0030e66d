"""Takes of the whole program, its own model included: killed, started again, continued."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.take_chunks import read_take_file
from tests.real.serving import OscClient, Program

pytestmark = [pytest.mark.real, pytest.mark.beside_others]


@contextlib.contextmanager
def running(folder: Path, name: str = "sound") -> Iterator[tuple[Program, OscClient]]:
    with Program(folder, "--output", f"wav:{folder / name}.wav", "--device", "cpu") as program:
        program.wait_for("ready:", timeout=100)
        client = OscClient(program.port)
        client.send("/musicgen/subscribe")
        try:
            yield program, client
        finally:
            client.close()


def kill(program: Program) -> None:
    """The whole program at once, as a crash of the machine would."""
    family = [program.pid, *program.children()]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(180)
def test_kill_in_mid_take_loses_no_take_and_no_place_in_the_tree(tmp_path: Path) -> None:
    with running(tmp_path) as (program, client):
        client.send("/musicgen/bars", 1)
        client.send("/musicgen/generate", "funk")
        client.wait_for("/musicgen/done")
        client.send("/musicgen/bars", 0)
        client.send("/musicgen/continue/take")
        until = time.monotonic() + 60
        partial = program.takes / ".take-0002.pcm"
        while not partial.exists() or partial.stat().st_size < 2 * 32_000 * 4:
            assert time.monotonic() < until, "the second take does not grow"
            time.sleep(0.02)
        while client.wait_for("/musicgen/first_audio")[1][0] != 2:
            pass  # before it is heard, a prompt would change it from its first frame on
        client.send("/musicgen/prompt", "strings")  # it is in the take's story too
        time.sleep(0.5)
        kill(program)
    with running(tmp_path, "again") as (program, client):
        program.wait_for("take 2 was cut short")
        client.send("/musicgen/takes")
        _, first = client.wait_for("/musicgen/take")
        _, second = client.wait_for("/musicgen/take")
        assert first[:2] == [1, 0]
        assert second[:3] == [2, 1, 2.0]
        assert second[3] >= 1.0  # the prompt's change took back what was not heard yet
        _, counts = client.wait_for("/musicgen/takes")
        assert counts == [2, 2, 2]
        path = Path(second[7])
        found = read_take_file(path)
        assert found is not None
        assert not found.edited
        frames = found.record.frames
        assert soundfile.info(path).frames == frames * 640
        assert found.codes.shape == (4, frames)
        assert [text for _, text in found.record.prompts] == ["funk", "strings"]
        assert not list(program.takes.glob(".take-*"))
        client.send("/musicgen/bars", 1)
        client.send("/musicgen/continue/take")  # from where it ended
        _, done = client.wait_for("/musicgen/done")
        table = json.loads(Path(done[1]).with_suffix(".json").read_text())
        assert (table["take"], table["parent"], table["at"]) == (3, 2, frames)


@pytest.mark.accept
@pytest.mark.timeout(600)
def test_eight_seconds_continued_by_twelve_are_twenty(tmp_path: Path) -> None:
    """With the starter, over OSC, as a person would: 4 bars and 6 more are 10 bars."""
    with running(tmp_path) as (_, client):
        client.send("/musicgen/tempo", 120.0)
        client.send("/musicgen/seed", 7)
        sounds, tokens = [], []
        for bars, address in ((10, "generate"), (4, "generate"), (6, "continue/take")):
            client.send("/musicgen/bars", bars)
            client.send(f"/musicgen/{address}", *["funk"][: address == "generate"])
            _, (_, path, *_) = client.wait_for("/musicgen/done", timeout=200)
            found = read_take_file(Path(path))
            assert found is not None
            tokens.append(found.codes)
            sounds.append(soundfile.read(path, dtype="float32")[0])
    whole, first, rest = tokens
    assert (whole.shape[1], first.shape[1], rest.shape[1]) == (1000, 400, 600)
    np.testing.assert_array_equal(np.concatenate((first, rest), axis=1), whole)
    sound, joined = sounds[0], np.concatenate(sounds[1:])
    np.testing.assert_array_equal(sounds[1], sound[: len(sounds[1])])
    assert np.abs(joined - sound).max() < 1e-5
