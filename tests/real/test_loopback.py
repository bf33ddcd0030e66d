"""The loopback doctor through JACK: over a wire that is late, and that loses sound."""

from __future__ import annotations

import pytest

from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.direct import DirectDoctor
from tests.real.jack_child import DelayLine

pytestmark = pytest.mark.real
RATE, PERIOD = 48_000, 256
DELAY = 1_000  # frames
LOST = 300
NEAR = 2 * PERIOD / RATE  # seconds


def test_a_known_delay_and_known_losses_are_found(jack_server) -> None:
    server = jack_server(rate=RATE, period=PERIOD)
    wire = DelayLine()
    silences: list[None] = []
    try:
        with DirectDoctor(None, None, train=ChirpTrain(12)) as doctor:
            server.connect("PortAudio:out_0", "delay:in")
            server.connect(wire.name, "PortAudio:in_0")
            wire("delay", DELAY)
            origin = wire.origin()
            report = doctor.measure(0, lambda: silences.append(None))
            held_up = max(0.0, wire.origin() - origin)  # the server itself, on a busy machine
            assert report.found, report
            longer = report.round_trip - DELAY / RATE
            assert -NEAR < longer < held_up + NEAR, f"held up for {held_up} s"
            assert report.drift == pytest.approx(0, abs=10)
            assert not report.dropouts, f"{server.xruns()} xruns"
            wire("lose", LOST, 1.2)  # frames, seconds from now: within the train
            report = doctor.measure(0, lambda: silences.append(None))
            assert [round(d.lost, 1) for d in report.dropouts] == [round(1000 * LOST / RATE, 1)]
    finally:
        wire.close()
    assert not silences
