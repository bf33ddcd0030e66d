"""Loop mode in the session: asked for, made, begun, kept on the grid, ended."""

from __future__ import annotations

import numpy as np
import pytest

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from tests.daw_bridge.test_session import Session, block, of, tokens
from tests.fakes import pcm_of

LENGTH = 2.0  # a bar at 120 bpm
TAIL = 28  # frames: half a second, and 3 % of the loop


def set_to(name: str, value: float) -> ask.SetParameter:
    return ask.SetParameter(name, value)


def loop_pcm(seconds: float = LENGTH) -> np.ndarray:
    return pcm_of(round(seconds * 50))


@pytest.fixture
def session() -> Session:
    """A loop of one bar is made, and its first round is heard."""
    s = Session()
    s.roll()
    s.do(set_to("bars", 1), set_to("loop", 1), ask.Generate("drums"))
    s.do(tokens(1, 0, 128), block(1, 0, 128, last=True))
    s.pass_time(2.2)
    s.do(audio.TakeHeard(1, s.now), audio.Played(1, 1, 3200, 1.0, 0))
    s.do(engine.TakeDone(1, 128, False))
    return s


def made(session: Session) -> list:
    return session.do(disk.LoopReady(1, loop_pcm(), 12.0, 3.0, 1))


def test_a_tail_is_made_for_the_loop_to_come_back_by(session: Session) -> None:
    asked = session.one(engine.StartTake)
    assert asked.frames == 100 + TAIL
    record = session.one(disk.CloseTake).record
    assert (record.loop, record.length, record.samples) == (True, LENGTH, 64_000)
    begin = session.one(audio.BeginTake)
    assert begin.length == pytest.approx(LENGTH + TAIL / 50)  # heard on, should the loop be late


def test_the_loop_takes_the_place_of_the_take_just_before_its_end(session: Session) -> None:
    out = made(session)
    play = session.one(audio.PlayLoop, out)
    assert (play.take, play.follows, play.seconds, play.bars) == (1, 1, LENGTH, 1)
    assert play.epoch not in (0, 1)
    assert 0.03 < LENGTH - play.at / 32_000 < 0.1
    assert session.one(audio.LoopGrid, out).seconds == LENGTH
    assert session.one(events.LoopMade, out) == events.LoopMade(1, 12.0, 3.0, 1)


def test_every_tick_tells_where_bar_lines_are(session: Session) -> None:
    made(session)
    grids = of(audio.LoopGrid, session.pass_time(0.5))
    assert len(grids) == 10
    for grid in grids:
        assert grid.line is not None
        assert (grid.line - 100.0) % LENGTH == pytest.approx(0.0, abs=1e-6)


def test_a_tempo_that_moves_stretches_the_loop_once(session: Session) -> None:
    made(session)
    session.do(ask.ClockTempo(ask.ClockSource.MIDI, 120.2))
    assert not of(disk.StretchLoop, session.pass_time(0.2))  # the playing follows by itself
    session.do(ask.ClockTempo(ask.ClockSource.MIDI, 126.0))
    out = session.pass_time(0.2)
    wanted = session.one(disk.StretchLoop, out)
    assert wanted.samples == round(LENGTH * 120 / 126 * 32_000)
    assert of(audio.LoopGrid, out)[-1].seconds == pytest.approx(LENGTH * 120 / 126)
    out = session.do(disk.LoopStretched(1, loop_pcm()[: wanted.samples]))
    assert len(session.one(audio.PlayLoop, out).pcm) == wanted.samples
    assert session.one(audio.PlayLoop, out).epoch == session.state.flights[0].epoch
    assert not of(disk.StretchLoop, session.pass_time(0.2))


def test_a_loop_that_is_late_is_waited_for(session: Session) -> None:
    session.do(audio.TakeEnded(1, 81_920, completed=True))
    assert session.state.flights
    assert of(audio.PlayLoop, made(session))


def test_what_was_stopped_before_it_was_a_loop_stays_silent(session: Session) -> None:
    session.do(ask.Stop())
    session.pass_time(2.1)
    assert not of(audio.PlayLoop, made(session))


def test_switched_off_the_loop_ends_with_its_round(session: Session) -> None:
    made(session)
    assert session.one(audio.FinishLoop, session.do(set_to("loop", 0))).take == 1
    assert not of(audio.FinishLoop, session.do(set_to("loop", 0)))
    session.do(audio.TakeEnded(1, 64_000, completed=True))
    assert not session.state.flights


def test_switched_off_in_its_first_round_it_ends_at_the_bar(session: Session) -> None:
    out = session.do(set_to("loop", 0))
    end = session.one(audio.EndTake, out)
    assert end.stop_in == pytest.approx(LENGTH - 0.1, abs=0.03)
    assert not of(audio.PlayLoop, made(session))
    session.do(audio.TakeEnded(1, 64_000, completed=False))
    assert not session.state.flights


def test_another_take_replaces_the_loop_on_its_bar(session: Session) -> None:
    made(session)
    session.do(set_to("loop", 0), set_to("loop", 1))
    session.do(ask.Generate("strings"), tokens(2, 0, 128), block(2, 0, 128, last=True))
    begin = of(audio.BeginTake, session.pass_time(2.2))[-1]
    assert (begin.take, begin.follows) == (2, None)
    assert (session.now + begin.start_in - 100.0) >= 0
    session.do(audio.TakeEnded(1, 10, completed=False))
    assert [flight.take for flight in session.state.flights] == [2]


def test_a_prompt_that_changes_leaves_the_loop_as_it_is(session: Session) -> None:
    made(session)
    session.do(audio.Played(1, session.state.flights[0].epoch, 6400, 1.0, 0))
    out = session.do(ask.SetPrompt("strings"))
    assert not of(disk.RecallTake, out)
    assert not of(engine.ChangePrompt, out)


def test_without_a_clock_the_loop_goes_round_at_its_own_pace() -> None:
    s = Session()
    s.do(set_to("bars", 1), set_to("loop", 1), ask.Generate("drums"))
    s.do(tokens(1, 0, 128), block(1, 0, 128, last=True))
    s.do(audio.TakeHeard(1, s.now), audio.Played(1, 1, 3200, 1.0, 0))
    s.do(engine.TakeDone(1, 128, False))
    grid = s.one(audio.LoopGrid, made(s))
    assert (grid.seconds, grid.line) == (LENGTH, None)


def test_an_endless_take_is_no_loop() -> None:
    s = Session()
    s.do(set_to("bars", 0), set_to("loop", 1), ask.Generate("drums"))
    assert s.one(engine.StartTake).frames is None
    assert not s.one(disk.OpenTake).record.loop
