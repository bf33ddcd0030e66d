"""Takes on the bars of LinkHut, and of a jack_midi_clock whose tempo wanders.

Both are compared in frames of one recording: the take, and what the leader itself put out.
docs/clocks.md says what is compared with what, and why.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.conftest import require_program
from tests.real.beat_recorder import BeatRecorder
from tests.real.clock_rig import own_network
from tests.real.conftest import JackServer, wait_for
from tests.real.heard_takes import HeardTake, ask_for_takes, find_take, tell
from tests.real.jack_child import Conductor
from tests.real.link_hut import LinkHut
from tests.real.serving import OscClient, Program

pytestmark = [pytest.mark.real, pytest.mark.accept, pytest.mark.timeout(900)]

RATE, BARS, BEATS, TAKES = 48_000, 4, 4, 10
BAR = BEATS * 24  # ticks
TWO_BARS = 2 * BAR
KNOWN = (0.06, 0.16)  # seconds before its start at which the frame of a start is fixed
ROUNDING = 2e-3


@contextlib.contextmanager
def playing(folder: Path, server: JackServer) -> Iterator[tuple[Program, OscClient, BeatRecorder]]:
    """The program with its starter, and what records it."""
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(Program(folder, "--no-discovery", "--link"))
        osc = OscClient(program.port)
        stack.callback(osc.close)
        program.wait_for("ready:", 120)
        program.wait_for("playing through")
        program.wait_for("MIDI in: JACK port daw-bridge:in")
        recorder = BeatRecorder(folder)
        stack.callback(recorder.close)
        server.connect("PortAudio:out_0", recorder.port("take"))
        for name, value in (("bars", BARS), ("quantize", 1), ("beats", BEATS)):
            osc.send(f"/musicgen/{name}", value)
        osc.send("/musicgen/prompt", "funky drums and bass")
        yield program, osc, recorder


def found(program: Program, recording: NDArray[np.float32]) -> list[HeardTake]:
    """The takes, each whole and as long as its bars at the tempo that it was asked for at."""
    takes: list[HeardTake] = []
    for path in sorted(program.takes.glob("*.wav")):
        takes.append(find_take(recording, path, takes[-1].end if takes else 0))
        seconds = soundfile.info(path).duration
        assert takes[-1].off < ROUNDING, takes[-1]
        assert takes[-1].heard == pytest.approx(seconds * RATE, abs=1.01)
    assert len(takes) == TAKES
    return takes


# ---------------------------------------------------------------- Ableton Link


def bar_clicks(click: NDArray[np.float32]) -> NDArray[np.int64]:
    """Where LinkHut's clicks begin that are on its bar lines: 1568 Hz, the others are 1109."""
    loud = np.flatnonzero(np.abs(click) > 1e-6)
    first = loud[np.diff(loud, prepend=-RATE) > RATE // 20]
    first = first[first < len(click) - RATE // 20]
    crossings = [np.count_nonzero(np.diff(np.signbit(click[at : at + RATE // 50]))) for at in first]
    return first[np.array(crossings) > 2 * 1_338 / 50]


def test_ten_takes_on_the_bars_of_link(tmp_path: Path, jack_server) -> None:
    server = jack_server()
    with (
        own_network(),
        contextlib.closing(LinkHut()) as hut,
        playing(tmp_path, server) as (program, osc, recorder),
    ):
        hut.press("a ")
        out = next(port for port in server.ports() if "LinkHut" in port)
        server.connect(out, recorder.port("click"))
        wait_for(lambda: osc.status()["clock"] == "link", 20, "it leads")
        time.sleep(2 * 2)
        assert osc.status()["tempo"] == pytest.approx(float(hut.line()["tempo"]), abs=0.05)
        ask_for_takes(osc, TAKES)
        assert osc.status()["underruns"] == 0
        time.sleep(1)
        take, click, _ = recorder.result()
    takes, lines = found(program, take), bar_clicks(click)
    late = [float(start - lines[np.abs(lines - start).argmin()]) / RATE * 1_000
            for start in (one.start for one in takes)]  # fmt: skip
    told = tell(tmp_path, "LinkHut", late, takes, server)
    assert np.abs(late).max() <= 2, told


# ---------------------------------------------------------------- a MIDI clock that wanders


@contextlib.contextmanager
def jittering(server: JackServer, recorder: BeatRecorder, bpm: float) -> Iterator[None]:
    """jack_midi_clock -J 20 to us and the recorder, rolling."""
    require_program("jack_midi_clock")
    words = ["jack_midi_clock", "-b", str(bpm), "-B", "-P", "-J", "20"]
    clock = subprocess.Popen(
        [*words, "daw-bridge:in", recorder.port("ticks")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    conductor = Conductor()
    try:
        wait_for(lambda: any("jack_midi_clock" in p for p in server.ports()), 5, "its port")
        time.sleep(1)
        conductor("start")
        yield
        conductor("stop")
    finally:
        conductor.close()
        clock.send_signal(signal.SIGINT)  # SIGTERM would leave jackd waiting for it
        clock.wait(5)


def expected(ticks: NDArray[np.int64], line: int, known: float) -> float:
    """The frame of tick `line`, to one who knows the ticks up to `known` seconds before it: the
    newest of them, and from there the mean of the last two bars. Nobody knows a walk better."""
    newest = int(np.searchsorted(ticks, ticks[line] - known * RATE)) - 1
    first = max(0, newest - TWO_BARS)
    period = (ticks[newest] - ticks[first]) / (newest - first)
    return float(ticks[newest] + (line - newest) * period)


def late_for(ticks: NDArray[np.int64], start: int) -> tuple[float, float]:
    """Milliseconds from the bar line as it could be expected when the start was fixed, and from
    the line as it came."""
    lines = np.arange(0, len(ticks), BAR)
    line = int(lines[np.abs(ticks[lines] - start).argmin()])
    guesses = [expected(ticks, line, known) for known in np.arange(*KNOWN, 0.01)]
    low, high = min(guesses), max(guesses)
    off = start - high if start > high else min(0.0, start - low)
    return off / RATE * 1_000, float(start - ticks[line]) / RATE * 1_000


def test_ten_takes_on_the_bars_of_a_midi_clock_that_wanders(tmp_path: Path, jack_server) -> None:
    server = jack_server()
    with playing(tmp_path, server) as (program, osc, recorder):
        with jittering(server, recorder, 112.5):
            wait_for(lambda: osc.status()["clock"] == "midi", 10, "it leads")
            time.sleep(6)
            told, at = osc.status()["tempo"], recorder.frame()
            ask_for_takes(osc, TAKES)
            assert osc.status()["underruns"] == 0
            time.sleep(1)
        take, _, ticks = recorder.result()
    takes = found(program, take)
    # The tempo is told on sixteenths, so it is that of one of the last few.
    newest = int(np.searchsorted(ticks, at)) // 6 * 6
    assert newest > TWO_BARS
    own = [2.5 * TWO_BARS * RATE / (ticks[m] - ticks[m - TWO_BARS])
           for m in range(newest - 12, newest + 1, 6)]  # fmt: skip
    assert min(abs(told - bpm) for bpm in own) <= 0.05, (told, own)
    late = [late_for(ticks, one.start) for one in takes]
    foreseen, came = ([pair[i] for pair in late] for i in (0, 1))
    figures = tell(tmp_path, "jack_midi_clock -J 20", foreseen, takes, server, came=came)
    assert np.abs(foreseen).max() <= 2, figures
