"""kill -9 in mid-take, while JACK records: the engine, and the whole program."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from daw_bridge.take_chunks import read_take_file
from tests.real.beat_recorder import BeatRecorder
from tests.real.conftest import JackServer, wait_for
from tests.real.heard_takes import find_sound, find_take
from tests.real.serving import OscClient, Program

pytestmark = [pytest.mark.real, pytest.mark.accept, pytest.mark.timeout(600)]

RATE = 48_000
BARS, TEMPO = 8, 120  # 16 seconds


def family(program: Program) -> list[int]:
    """It and its children, whichever of its threads has started them."""
    lists = Path(f"/proc/{program.pid}/task").glob("*/children")
    return [program.pid, *(int(pid) for one in lists for pid in one.read_text().split())]


def engine_of(program: Program) -> int:
    """The child that has loaded torch."""
    for pid in family(program):
        maps = Path(f"/proc/{pid}/maps")
        with contextlib.suppress(OSError):
            if "libtorch" in maps.read_text():
                return pid
    raise AssertionError("no child has loaded torch")


@contextlib.contextmanager
def recorded(folder: Path, server: JackServer, bars: int):
    """The program with a take that plays, and what records it. bars: 0 is until stopped."""
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(Program(folder, "--no-discovery"))
        osc = OscClient(program.port)
        stack.callback(osc.close)
        program.wait_for("ready:", 120)
        program.wait_for("playing through")
        recorder = BeatRecorder(folder)
        stack.callback(recorder.close)
        server.connect("PortAudio:out_0", recorder.port("take"))
        for name, value in (("bars", bars), ("tempo", TEMPO), ("quantize", 0), ("seed", 4)):
            osc.send(f"/musicgen/{name}", value)
        osc.send("/musicgen/generate", "slow piano")
        osc.wait_for("/musicgen/first_audio", 100)
        yield program, osc, recorder


def test_the_sound_goes_on_when_the_engine_is_killed(tmp_path: Path, jack_server) -> None:
    """The take is whole on disk, and is heard whole but for one dip at most."""
    server = jack_server()
    with recorded(tmp_path, server, BARS) as (program, osc, recorder):
        time.sleep(1.5)  # a second of it is heard, at least
        killed = engine_of(program)
        os.kill(killed, signal.SIGKILL)
        program.wait_for("SIGKILL", 30)
        _, (_, path) = osc.wait_for("/musicgen/done", 200)
        wait_for(lambda: osc.status()["state"] == "idle", 100, "it has been heard")
        underruns = osc.status()["underruns"]
        time.sleep(0.5)
        assert engine_of(program) != killed
        take, _, _ = recorder.result()
    own, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert len(own) == BARS * 4 * 60 // TEMPO * rate
    found = read_take_file(Path(path))
    assert found is not None
    assert found.codes.shape[1] == BARS * 4 * 60 // TEMPO * 50
    if underruns == 0:
        assert find_take(take, path).off < 2e-3
    else:  # it waited for the engine once: what came before and after is there, sample by sample
        assert underruns == 1
        expected = soxr.resample(own[:, 0], rate, RATE)
        begun, off = find_sound(take, expected[:RATE])
        ended, off_after = find_sound(take, expected[-2 * RATE :])
        assert max(off, off_after) < 2e-3
        assert ended - begun > len(expected) - 2 * RATE, "nothing was left out"


def test_a_take_is_there_after_the_whole_program_was_killed(tmp_path: Path, jack_server) -> None:
    """What JACK recorded until then is the beginning of the take that the next start finds."""
    server = jack_server()
    with recorded(tmp_path, server, 0) as (program, _, recorder):
        partial = program.takes / ".take-0001.pcm"
        wait_for(lambda: partial.stat().st_size > 3 * 32_000 * 4, 60, "three seconds are made")
        time.sleep(2)
        take, _, _ = recorder.result()  # a synchronous jackd waits for the dead client for good
        for pid in family(program):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    with Program(tmp_path, "--no-discovery", "--output", "none") as program:
        program.wait_for("take 1 was cut short", 100)
        (path,) = program.takes.glob("*.wav")
        found = read_take_file(path)
        assert found is not None
        assert not found.edited
        assert not list(program.takes.glob(".take-*"))
    own, rate = soundfile.read(path, dtype="float32", always_2d=True)
    expected = soxr.resample(own[:, 0], rate, RATE)
    heard = np.flatnonzero(take)
    length = min(int(heard[-1] - heard[0]), len(expected))
    assert length > RATE
    assert find_sound(take, expected[:length])[1] < 2e-3
