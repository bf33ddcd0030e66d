"""The loopback doctor through JACK: over a wire that is late, and that loses sound."""

from __future__ import annotations

import time

import pytest

from daw_bridge.audio.messages import (
    Captured,
    InputOpened,
    OpenInput,
    OpenOutput,
    OutputOpened,
    TakeHeard,
)
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.examination import examine
from daw_bridge.loopback.report import LoopbackReport
from daw_bridge.loopback.run import LoopbackRun
from tests.real.jack_child import DelayLine

pytestmark = pytest.mark.real
RATE, PERIOD = 48_000, 256
DELAY = 1_000  # frames
LOST = 300


def measured(rig, number: int) -> LoopbackReport:
    """One measurement of two seconds through the audio process."""
    run = LoopbackRun(number, number, time.monotonic(), ChirpTrain(25))
    begin, blocks = run.begin()
    rig.send(begin)
    for block in blocks:
        rig.client.play(block)
    run, capture = run.heard(rig.wait(TakeHeard, number)[-1])
    rig.send(capture)
    told = rig.wait(Captured, number)[-1]
    latency = rig.of(OutputOpened)[-1].latency + rig.of(InputOpened)[-1].latency
    return examine(run.captured(told), run.train, latency)


def test_a_known_delay_and_known_losses_are_found(jack_server, audio_rig) -> None:
    server = jack_server(rate=RATE, period=PERIOD)
    audio_rig.send(OpenOutput())
    audio_rig.send(OpenInput())
    audio_rig.wait(OutputOpened)
    audio_rig.wait(InputOpened)
    wire = DelayLine()
    try:
        server.connect("PortAudio:out_0", "delay:in")
        server.connect(wire.name, "PortAudio:in_0")
        wire("delay", DELAY)
        report = measured(audio_rig, 1)
        assert report.found, report
        expected = DELAY / RATE
        assert report.round_trip == pytest.approx(expected, abs=2 * PERIOD / RATE)
        assert not report.dropouts, server.xruns()
        assert report.drift == pytest.approx(0, abs=5)
        wire("lose", LOST, 2.2)  # frames, seconds from now: within the train
        report = measured(audio_rig, 2)
        assert [round(d.lost, 1) for d in report.dropouts] == [round(1000 * LOST / RATE, 1)]
    finally:
        wire.close()
