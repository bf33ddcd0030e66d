"""Clocks come, go and hand over while takes wait and play."""

from __future__ import annotations

import pytest

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.commands import ClockSource
from daw_bridge.session import apply
from daw_bridge.session_io import SessionOutput, Tick
from daw_bridge.session_state import SessionState
from tests.fakes import loaded, pcm_of

LINK, MIDI = ClockSource.LINK, ClockSource.MIDI


class Played:
    """A session with a model and an output, driven in steps of time."""

    def __init__(self) -> None:
        self.state, self.now = SessionState(entropy=1), 100.0
        self.out: list[SessionOutput] = []
        self.do(engine.ModelLoading("starter", 0.0, ""), loaded())
        self.do(audio.OutputOpened("out", 48_000, 2, 0.02))

    def do(self, *items) -> None:
        for item in items:
            self.state, outputs = apply(self.state, item, self.now)
            self.out += outputs

    def clock(self, source: ClockSource, bpm: float, beat: float) -> None:
        self.do(ask.ClockTempo(source, bpm), ask.ClockPosition(source, beat, self.now))
        self.do(ask.ClockRolling(source, True, self.now))

    def until(self, moment: float) -> None:
        while self.now < moment - 1e-9:
            self.now = min(moment, self.now + 0.05)
            self.do(Tick())

    def of(self, kind: type) -> list:
        return [o for o in self.out if isinstance(o, kind)]


@pytest.fixture
def session() -> Played:
    return Played()


def test_a_planned_take_waits_for_the_new_leaders_bar(session: Played) -> None:
    session.clock(MIDI, 120, 0.0)  # bars at 100, 102, 104
    session.do(ask.Generate())
    assert session.of(events.Scheduled)[-1].seconds == pytest.approx(2.0)
    session.until(100.5)
    session.clock(LINK, 100, 1.0)  # bars at 102.3, 104.7
    session.do(engine.PcmBlock(1, 1, 0, pcm_of(400), True))
    session.until(102.2)
    begin = session.of(audio.BeginTake)[0]
    assert begin.sent_at + begin.start_in == pytest.approx(100.5 + 3 * 0.6)


def test_a_take_that_plays_does_not_notice_another_leader(session: Played) -> None:
    session.clock(MIDI, 120, 3.9)
    session.do(ask.Generate(), engine.PcmBlock(1, 1, 0, pcm_of(400)))
    session.until(102.5)
    assert session.of(audio.BeginTake)
    session.clock(LINK, 90, 0.5)
    session.until(103)
    session.do(ask.ClockRolling(MIDI, False, session.now))  # no longer the leader's stop
    session.do(ask.LinkPeers(0), ask.ClockLost(LINK))
    session.until(105)
    assert not session.of(audio.EndTake)
    assert session.state.transport.leader is LINK


def test_a_loss_is_told_once_and_names_who_leads_now(session: Played) -> None:
    session.clock(MIDI, 97.5, 0.0)
    session.clock(LINK, 120, 0.0)
    session.do(ask.LinkPeers(1), ask.ClockLost(LINK), ask.ClockLost(LINK))
    told = [p.text for p in session.of(events.Problem)]
    assert told == ["the last Link peer left; midi leads now, at 97.5 bpm"]
    session.do(ask.ClockLost(MIDI), ask.ClockLost(MIDI))
    assert [p.text for p in session.of(events.Problem)][1:] == [
        "the MIDI clock is silent; going on at 97.5 bpm"
    ]


def test_a_clock_that_stands_leads_when_nothing_needs_the_lost_one(session: Played) -> None:
    session.clock(LINK, 120, 0.0)
    session.do(ask.ClockTempo(MIDI, 90), ask.ClockLost(LINK))
    session.do(ask.Generate())
    session.until(100.3)
    assert session.state.transport.leader is LINK, "the take waits for its bar"
    session.do(ask.Panic(), engine.TakeDone(1, 0, True))
    session.until(100.5)
    assert session.state.transport.leader is MIDI


def test_the_status_shows_every_clock(session: Played) -> None:
    session.clock(LINK, 120, 0.0)
    session.do(ask.ClockTempo(MIDI, 97.54), ask.LinkPeers(2))
    session.until(100.2)
    shown = session.state.shown
    assert (shown.clock, shown.clocks) == ("link", "link 120.0 rolling, midi 97.5")
    assert shown.link_peers == 2


def test_a_correction_of_the_clock_moves_a_start_that_was_sent_ahead(session: Played) -> None:
    session.clock(MIDI, 120, 0.0)  # bars at 100, 102, 104
    session.do(ask.Generate(), engine.PcmBlock(1, 1, 0, pcm_of(400), True))
    session.until(101.6)
    assert len(session.of(audio.BeginTake)) == 1
    for late in (0.015, 0.01505, -0.002):  # the second is too little to be told
        session.until(session.now + 0.1)
        beat = (session.now - 100 - late) * 2
        session.do(ask.ClockPosition(MIDI, beat, session.now))
    moved = session.of(audio.BeginTake)[1:]
    assert [m.sent_at + m.start_in for m in moved] == [
        pytest.approx(102.015),
        pytest.approx(101.998),
    ]
    session.until(102.05)
    session.do(ask.ClockPosition(MIDI, 4.0, session.now))  # it has begun
    assert len(session.of(audio.BeginTake)) == 3


def test_a_correction_of_the_clock_moves_a_stop_that_waits_for_its_bar(session: Played) -> None:
    session.clock(MIDI, 120, 3.9)
    session.do(ask.Generate(), engine.PcmBlock(1, 1, 0, pcm_of(400)))
    session.until(102.5)
    session.do(audio.TakeHeard(1, 102.05, 0.0), ask.Stop())
    session.until(103.0)
    planned = session.of(audio.EndTake)[0]
    due = planned.sent_at + planned.stop_in
    beat = session.state.transport.beat_at(session.now)
    session.do(ask.ClockPosition(MIDI, beat - 0.02, session.now))  # 10 ms later than it seemed
    moved = session.of(audio.EndTake)[1]
    assert moved.sent_at + moved.stop_in == pytest.approx(due + 0.01)
