"""Takes start on a bar of a real DAW and are whole, as the DAW itself recorded them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.real.ardour import CLOCK, TRACK, Ardour
from tests.real.conftest import JackServer, wait_for
from tests.real.heard_takes import ask_for_takes, find_take, tell
from tests.real.serving import OscClient, Program

pytestmark = [pytest.mark.real, pytest.mark.accept, pytest.mark.timeout(900)]

TEMPO, BEATS, BARS, TAKES = 112.5, 4, 4, 10
RATE = 48_000
BAR = round(BEATS * 60 / TEMPO * RATE)  # 102,400 samples: whole
ROUNDING = 2e-3  # a 24-bit file, and soxr block by block beside soxr at once


def test_ten_takes_on_the_bars_of_ardour(
    tmp_path: Path,
    jack_server: Callable[..., JackServer],
) -> None:
    server = jack_server(realtime=True)
    with Ardour(tmp_path, server, TEMPO) as ardour, Program(tmp_path, "--no-discovery") as program:
        osc = OscClient(program.port)
        program.wait_for("ready:", 120)
        program.wait_for("playing through")
        program.wait_for("MIDI in: JACK port daw-bridge:in")
        outputs = [f"PortAudio:out_{side}" for side in range(len(TRACK))]
        wait_for(lambda: set(outputs) <= set(ardour.ports()), 20, "our outputs are there")
        for output, track in zip(outputs, TRACK, strict=True):
            server.connect(output, track)
        server.connect(CLOCK, "daw-bridge:in")
        osc.send("/musicgen/bars", BARS)
        osc.send("/musicgen/quantize", 1)
        osc.send("/musicgen/prompt", "funky drums and bass")
        ardour.record()
        wait_for(lambda: osc.status()["clock"] == "midi", 10, "Ardour's clock leads")
        time.sleep(5)
        assert osc.status()["tempo"] == pytest.approx(TEMPO, abs=0.05)
        ask_for_takes(osc, TAKES)
        underruns = osc.status()["underruns"]
        time.sleep(0.5)
        recording = ardour.stop()
        osc.close()
    assert (recording[:, 0] == recording[:, 1]).all(), "the starter is mono"
    takes, after = [], 0
    for path in sorted(program.takes.glob("*.wav")):
        takes.append(find_take(recording[:, 0], path, after))
        after = takes[-1].end
    late = [off_the_bar(take.start) for take in takes]
    told = tell(tmp_path, "Ardour", late, takes, server)
    assert len(takes) == TAKES
    assert underruns == 0, told
    assert max(take.off for take in takes) < ROUNDING, told
    assert np.abs(late).max() <= 1.0, told
    assert {take.heard for take in takes} == {BARS * BAR}, told


def off_the_bar(sample: int) -> float:
    """Milliseconds after the nearest bar line; negative is before it."""
    return ((sample + BAR // 2) % BAR - BAR // 2) / RATE * 1_000
