"""Clocks that no one here wrote lead: jack_midi_clock with jitter, JACK's timebase, LinkHut."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from daw_bridge.commands import ClockSource, Origin
from daw_bridge.events import ParameterChanged, Problem
from daw_bridge.link_clock import LinkClock
from daw_bridge.midi_ports import MidiInput
from daw_bridge.transport import Transport
from tests.conftest import require_program
from tests.real.clock_rig import Follower, own_network
from tests.real.conftest import JackServer, wait_for
from tests.real.jack_child import ClickRecorder, Conductor, TickRecorder
from tests.real.link_hut import LinkHut

pytestmark = pytest.mark.real

TWO_BARS = 192  # ticks
PERIOD = 1024  # frames
LATENCY = PERIOD / 48_000  # seconds from a cycle to its sound, as jackd -S says


@pytest.fixture
def server(jack_server: Callable[..., JackServer]) -> JackServer:
    return jack_server(period=PERIOD)  # a cycle is as long as a tick at 120 bpm


@pytest.fixture
def follower(server: JackServer) -> Iterator[Follower]:
    follower = Follower()
    midi = MidiInput(follower.submit, say=lambda line: None)
    midi.start()
    wait_for(lambda: midi.available, 10, "our JACK port")
    yield follower
    midi.stop()


@pytest.fixture
def conductor(server: JackServer) -> Iterator[Conductor]:
    conductor = Conductor()
    yield conductor
    conductor("stop")
    conductor.close()


@contextlib.contextmanager
def midi_clock(
    server: JackServer, bpm: float, *options: str, settled: bool = True
) -> Iterator[TickRecorder]:
    """jack_midi_clock into our port and into a recorder. settled: which knows the time exactly."""
    require_program("jack_midi_clock")
    recorder = TickRecorder()
    ours = next(p for p in server.ports() if p.startswith("daw-bridge") and p.endswith(":in"))
    words = ["jack_midi_clock", "-b", str(bpm), "-B", "-P", *options, ours, recorder.name]
    clock = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: any("jack_midi_clock" in p for p in server.ports()), 5, "its port")
        if settled:
            time.sleep(1.5)  # the recorder's own idea of the time needs 64 cycles, as ours does
        yield recorder
    finally:
        clock.send_signal(signal.SIGINT)  # SIGTERM would leave jackd waiting for it
        clock.wait(5)
        recorder.close()


def told_late(follower: Follower, times: np.ndarray, at: float) -> float:
    """Milliseconds by which the tick of which the follower knew last, at time `at`, is late there.

    times: time.monotonic() of each tick since the song's start.
    """
    transport = follower.at(at)
    clock = transport.clocks[transport.leader]
    tick = min(round(clock.beat * 24), len(times) - 1)
    expected = clock.at + (tick / 24 - clock.beat) * 60 / clock.tempo
    return float(expected - LATENCY - times[tick]) * 1000


# -J 20 lengthens or shortens each interval by up to 20 % and never makes up for it, so the
# sender has no tempo but its own mean, which wanders by 1 % over two bars.
@pytest.mark.parametrize(
    ("bpm", "jitter"), [pytest.param(97.5, 0, marks=pytest.mark.accept), (97.5, 20), (300, 0)]
)
def test_two_bars_of_midi_clock_give_the_senders_tempo_and_beat(
    server: JackServer, follower: Follower, conductor: Conductor, bpm: float, jitter: int
) -> None:
    with midi_clock(server, bpm, "-J", str(jitter)) as recorder:
        conductor("start")
        wait_for(lambda: len(recorder.ticks()[0]) > TWO_BARS + 4, 15, "two bars")
        time.sleep(0.2)
        frames, times = recorder.ticks()
    own = 2.5 * TWO_BARS / (times[TWO_BARS] - times[0])
    steady = 2.5 * TWO_BARS * server.rate / (frames[TWO_BARS] - frames[0])
    said = follower.at(times[TWO_BARS + 3]).tempo  # it is told on each sixteenth
    lost = abs(own - steady)  # by a jackd that was kept waiting: then time is not its frames
    assert abs(said - own) <= 0.05 + lost
    now = [told_late(follower, times, times[tick] + 0.03) for tick in range(0, TWO_BARS + 1, 6)]
    assert abs(now[0]) <= 2, "the start"
    assert np.median(np.abs(now)) <= 1
    state = follower.state.transport
    assert (state.leader, state.rolling) == (ClockSource.MIDI, True)


def test_a_midi_clock_that_vanishes_is_told_once_and_the_beat_goes_on(
    server: JackServer, follower: Follower, conductor: Conductor
) -> None:
    with midi_clock(server, 120) as recorder:
        conductor("start")
        wait_for(lambda: len(recorder.ticks()[0]) > 60, 10, "some ticks")
        _, times = recorder.ticks()
    wait_for(lambda: bool(follower.of(Problem)), 5, "its silence is told")
    state = follower.state.transport
    assert (state.leader, state.rolling) == (ClockSource.MIDI, True)
    expected = 2 + (time.monotonic() - LATENCY - times[48]) * 2
    assert state.beat_at(time.monotonic()) == pytest.approx(expected, abs=0.05)
    time.sleep(1)
    assert len(follower.of(Problem)) == 1


def test_jack_transport_leads_where_there_is_a_timebase_master(
    server: JackServer, follower: Follower, conductor: Conductor
) -> None:
    def state() -> Transport:
        return follower.state.transport

    bpm = 113.0
    conductor("start")
    time.sleep(0.3)
    assert state().leader is ClockSource.INTERNAL, "nobody says a tempo"
    conductor("lead", bpm)
    wait_for(lambda: state().leader is ClockSource.JACK and state().rolling, 3, "it leads")
    time.sleep(1)
    late = []
    for _ in range(20):
        at, frame = conductor.frame()
        beat = frame / server.rate * bpm / 60
        late.append((beat - state().beat_at(at + LATENCY)) * 60_000 / bpm)
        time.sleep(0.03)
    assert state().tempo == bpm
    assert abs(np.median(late)) <= 2, late
    conductor("locate", 10 * server.rate)
    wait_for(lambda: 18 < state().beat_at(time.monotonic()) < 30, 3, "the locate")
    conductor("stop")
    wait_for(lambda: not state().rolling, 3, "it stands")
    assert not follower.of(Problem)
    conductor("start")
    wait_for(lambda: state().rolling, 3, "it rolls")
    conductor("release")
    wait_for(lambda: bool(follower.of(Problem)), 3, "the loss is told")
    assert "JACK" in follower.of(Problem)[0].text


def test_midi_clock_goes_before_jack_transport_and_both_are_shown(
    server: JackServer, follower: Follower, conductor: Conductor
) -> None:
    conductor("lead", 90)
    with midi_clock(server, 120, settled=False) as recorder:
        conductor("start")
        wait_for(lambda: len(recorder.ticks()[0]) > 50, 10, "some ticks")
        wait_for(lambda: len(follower.state.shown.clocks) > 20, 3, "both are there")
        shown = follower.state.shown
        assert shown.clock == "midi"
        assert re.fullmatch(r"midi 1[12]\d\.\d rolling, jack 90\.0 rolling", shown.clocks)
    wait_for(lambda: follower.state.shown.clock == "jack", 4, "the one that is left leads")
    assert len(follower.of(Problem)) == 1


# ---------------------------------------------------------------- Ableton Link


@pytest.fixture
def link_hut(server: JackServer) -> Iterator[LinkHut]:
    with own_network():
        hut = LinkHut()
        try:
            yield hut
        finally:
            hut.close()


@pytest.fixture
def linked(link_hut: LinkHut) -> Iterator[tuple[Follower, LinkClock]]:
    """A session that follows Link, in the network where LinkHut is."""
    follower = Follower()
    link = LinkClock(follower.submit, say=lambda line: None)
    link.start(on=True, tempo=120, beats=4)
    yield follower, link
    link.stop()


def test_link_leads_while_there_is_a_peer(
    link_hut: LinkHut, linked: tuple[Follower, LinkClock]
) -> None:
    follower, link = linked

    def state():
        return follower.state.transport

    time.sleep(0.3)
    assert state().leader is ClockSource.INTERNAL, "a session alone is no clock"
    link_hut.press("a")
    wait_for(lambda: state().leader is ClockSource.LINK and state().rolling, 10, "it leads")
    wait_for(lambda: link_hut.line()["peers"] == "1", 5, "the peer sees us")
    assert follower.state.shown.link_peers == 1

    link_hut.press("eeeee")
    wait_for(lambda: state().tempo > 120.9, 3, "the peer's tempo")
    theirs = lambda: pytest.approx(float(link_hut.line()["tempo"]), abs=0.01)  # noqa: E731
    wait_for(lambda: state().tempo == theirs(), 3, "… to the hundredth")
    # what a person sets here goes to the session
    link.hear(ParameterChanged("tempo", 97.5, Origin()))
    wait_for(lambda: link_hut.line()["tempo"] == "97.50", 3, "ours at the peer")
    wait_for(lambda: state().tempo == pytest.approx(97.5, abs=0.01), 3, "… and here")

    link_hut.press("s ")  # it shares starts and stops, and starts
    wait_for(lambda: "playing" in link_hut.line()["sync"], 3, "the peer plays")
    time.sleep(0.3)
    assert state().rolling
    link_hut.press(" ")
    wait_for(lambda: not state().rolling, 3, "we stop with the peer")
    link_hut.press(" ")
    wait_for(lambda: state().rolling, 3, "we start with the peer")

    link_hut.press("q")
    wait_for(lambda: bool(follower.of(Problem)), 15, "that the last peer left is told")
    assert (state().leader, state().rolling) == (ClockSource.LINK, True), "free-wheeling"
    assert follower.state.shown.link_peers == 0


def test_the_peers_click_is_on_our_beat(
    server: JackServer, link_hut: LinkHut, linked: tuple[Follower, LinkClock]
) -> None:
    follower, _ = linked
    clicks = ClickRecorder()
    try:
        link_hut.press("a ")
        out = next(p for p in server.ports() if "LinkHut" in p)
        server.connect(out, clicks.name)
        wait_for(lambda: follower.state.transport.leader is ClockSource.LINK, 10, "it leads")
        time.sleep(1)
        first = len(clicks.onsets())
        wait_for(lambda: len(clicks.onsets()) >= first + 8, 10, "eight clicks")
        onsets = clicks.onsets()
    finally:
        clicks.close()
    beats = np.array([follower.at(at).beat_at(at) for at in onsets[first:]])
    late = (beats - np.round(beats)) * 500  # ms at 120 bpm
    cycle = 1000 * 1024 / server.rate  # it aims at the loudspeaker, a cycle or two after JACK
    assert np.abs(late - np.median(late)).max() <= 5, late
    assert -3 * cycle <= np.median(late) <= 1, late
