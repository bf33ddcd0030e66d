"""A minute at 256 frames beside a busy Python: how many gaps? `make accept` only."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from core.generation.messages import PcmBlock
from daw_bridge.audio.messages import BeginTake, OpenOutput, OutputOpened, Played, TakeEnded

pytestmark = [pytest.mark.real, pytest.mark.accept, pytest.mark.timeout(240)]
SECONDS = 60


def test_a_minute_without_a_gap(jack_server, jack_rec, audio_rig, record_property, capsys):
    """The take is a slow ramp: a lost, repeated or silent block is a jump in it."""
    server = jack_server(rate=48_000, period=256)
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    recording = jack_rec(server, SECONDS + 4)
    hog = subprocess.Popen([sys.executable, "-c", "while True: sum(range(1000))"])
    try:
        audio_rig.send(BeginTake(1, 1))
        ramp = (np.arange(1, SECONDS * 32_000 + 1) / 2**24).astype(np.float32)[:, None]
        began = time.monotonic()
        for first in range(0, len(ramp), 3200):
            while time.monotonic() - began < first / 32_000 - 1.0:  # a second ahead, as credits do
                time.sleep(0.005)
            end = first + 3200 >= len(ramp)
            audio_rig.client.play(PcmBlock(1, 1, first, ramp[first : first + 3200], end))
        audio_rig.wait(TakeEnded, timeout=60.0)  # a busy jackd itself is slow
    finally:
        hog.kill()
        hog.wait()
    captured = recording.result()[:, 0].astype(np.float64)
    sounding = np.flatnonzero(captured)
    inside = captured[sounding[0] + 480 : sounding[-1] - 960]
    gaps = int((np.abs(np.diff(inside) - 2 / 3 / 2**24) > 2e-6).sum())
    seconds = len(inside) / 48_000
    underruns = audio_rig.of(Played)[-1].underruns
    xruns = server.xruns()
    with capsys.disabled():
        sys.stdout.write(
            f"\nsoak: {seconds:.1f} s, {gaps} gaps, {underruns} underruns; jackd: {xruns} xruns\n"
        )
    record_property("gaps", gaps)
    assert seconds > SECONDS - 0.1
    assert gaps == 0
    assert underruns == 0
