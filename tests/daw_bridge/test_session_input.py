"""Continuing what was just played: on which bar lines it is captured and taken up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.generation import messages as engine
from core.generation.params import BarGrid
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.session_input import plan
from daw_bridge.session_state import SessionState
from tests.daw_bridge.test_session import ME, Session, block
from tests.fakes import codes_of, pcm_of


@pytest.fixture
def session() -> Session:
    """The clock rolls at 120 bpm from 100 s on: a bar line every two seconds."""
    session = Session()
    session.do(audio.InputOpened("mic", 32_000, 1), ask.SetParameter("context", 3.0))
    session.roll()
    session.state = replace(session.state, ready_after=0.3, speed=5.0)
    return session


def music(seconds: float) -> np.ndarray:
    return pcm_of(round(50 * seconds))


def test_the_bars_until_the_last_line_are_taken_up_on_the_next(session: Session) -> None:
    """Pressed at 104.8: bars until 104 are heard, the take starts at 106, and the bar between
    is made and skipped."""
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME), after=4.8))
    assert (capture.seconds, capture.until) == pytest.approx((6.0, 104.0))
    came = session.do(audio.Captured(capture.token, music(6), 32_000), after=0.05)
    start = session.one(engine.StartTake, came)
    assert start.clip is not None
    assert len(start.clip) == 6 * 32_000
    assert (start.bars, start.skip) == (BarGrid(100.0), 100)
    scheduled = session.one(events.Scheduled, came)
    assert scheduled.seconds == pytest.approx(106.0 - session.now)


def test_just_before_a_line_that_bar_is_waited_for(session: Session) -> None:
    """Pressed at 105.7 it is too late for 106: then what is played until 106 is heard too."""
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME), after=5.7))
    assert capture.until == pytest.approx(106.0)
    assert not [o for o in session.pass_time(0.4) if isinstance(o, events.Problem)]
    came = session.do(audio.Captured(capture.token, music(6), 32_000))
    assert session.one(engine.StartTake, came).skip == 100
    scheduled = session.one(events.Scheduled, came)
    assert scheduled.seconds == pytest.approx(108.0 - session.now)


def test_a_slow_engine_goes_on_from_where_the_bars_ended(session: Session) -> None:
    session.state = replace(session.state, speed=1.2)
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME), after=4.5))
    assert capture.until == pytest.approx(104.0)
    came = session.do(audio.Captured(capture.token, music(6), 32_000))
    assert session.one(engine.StartTake, came).skip == 0
    assert session.one(events.Scheduled, came).seconds == pytest.approx(106.0 - session.now)


@given(
    st.floats(20, 300), st.integers(1, 8), st.integers(1, 8), st.floats(0.05, 5),
    st.floats(0, 20), st.floats(0, 40),
)  # fmt: skip
def test_there_is_always_time_between_the_lines(
    bpm: float, beats: int, every: int, ready: float, speed: float, passed: float
) -> None:
    session = Session()
    session.roll(bpm=bpm)
    values = {**session.state.values, "beats": beats, "quantize": every}
    state = replace(session.state, values=values, ready_after=ready, speed=speed)
    now = session.now + passed
    planned = plan(state, now)
    assert planned is not None
    bar = beats * 60 / bpm
    for at in (planned.ends, planned.starts):
        assert abs((at - 100) / bar - round((at - 100) / bar)) < 1e-6
    assert round((planned.starts - 100) / bar) % every == 0
    assert planned.starts - max(now, planned.ends) > ready
    assert planned.skip in (0, round(50 * (planned.starts - planned.ends)))


def test_without_a_clock_what_was_played_until_now_goes_on_at_once() -> None:
    session = Session()
    session.do(audio.InputOpened("mic", 32_000, 1))
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME)))
    assert (capture.seconds, capture.until) == (pytest.approx(8.0), 0.0)
    came = session.do(audio.Captured(capture.token, music(5.5), 32_000))
    start = session.one(engine.StartTake, came)
    assert start.clip is not None
    assert (len(start.clip), start.bars, start.skip) == (5.5 * 32_000, None, 0)
    assert plan(SessionState(), 5.0) is None


def test_of_an_input_that_was_opened_lately_whole_bars_are_heard(session: Session) -> None:
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME), after=4.8))
    played = np.arange(4.8 * 32_000, dtype=np.float32)[:, None] * np.float32(2**-18)
    start = session.one(engine.StartTake, session.do(audio.Captured(capture.token, played, 32_000)))
    assert start.clip is not None
    np.testing.assert_array_equal(start.clip, played[-4 * 32_000 :])


def test_a_clipped_input_is_continued_and_said(session: Session) -> None:
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME)))
    came = session.do(
        audio.Captured(capture.token, np.clip(3 * music(6), -1, 1).astype(np.float32), 32_000)
    )
    assert session.one(events.Problem, came).code == "clipped_input"
    assert session.one(engine.StartTake, came).clip is not None


def test_an_input_of_no_numbers_is_refused(session: Session) -> None:
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME)))
    broken = music(6)
    broken[100] = np.nan
    came = session.do(audio.Captured(capture.token, broken, 32_000))
    assert session.one(events.Problem, came).code == "bad_clip"
    assert not [o for o in came if isinstance(o, engine.StartTake)]


# ---------------------------------------------------------------- what is handed down


def test_bars_and_level_are_handed_down(session: Session) -> None:
    """Of a take that continues the input: its level as the engine found it, its bars as they
    were. A branch goes on from both."""
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME)))
    session.do(audio.Captured(capture.token, music(6), 32_000))
    came = session.do(engine.TakeStarted(1, 1, 200, codes_of(200), (), 0.25))
    noted = session.one(disk.NoteTake, came).record
    assert (noted.level, noted.bar_frames, noted.bar_first) == (0.25, 100.0, 0.0)
    session.do(block(1, 0, 150, last=True), engine.TakeDone(1, 150, False))
    recall = session.one(disk.RecallTake, session.do(ask.ContinueTake(1, 2.6, None, ME)))
    record = session.state.tree.records[1]
    came = session.do(disk.TakeRecalled(recall.token, record, codes_of(330), 130))
    start = session.one(engine.StartTake, came)
    assert (start.level, start.bars) == (0.25, BarGrid(100.0, -130.0))
    opened = session.one(disk.OpenTake, came).record
    assert (opened.level, opened.bar_frames, opened.bar_first) == (0.25, 100.0, -130.0)
    again = session.one(engine.StartTake, session.do(ask.Retry(ME)))
    assert (again.level, again.bars) == (0.25, BarGrid(100.0, -130.0))


def test_at_another_tempo_bars_begin_anew(session: Session) -> None:
    session.do(ask.Generate(None, ME), block(1, 0, 150), engine.TakeDone(1, 150, False))
    session.do(ask.ClockTempo(ask.ClockSource.MIDI, 90.0))
    recall = session.one(disk.RecallTake, session.do(ask.ContinueTake(1, None, None, ME)))
    record = session.state.tree.records[1]
    came = session.do(disk.TakeRecalled(recall.token, record, codes_of(150), 150))
    grid = session.one(engine.StartTake, came).bars
    assert grid is not None
    assert (grid.frames, grid.first) == (pytest.approx(50 * 240 / 90), 0.0)


def test_where_nobody_said_a_tempo_nothing_is_known_of_bars() -> None:
    session = Session()
    assert session.one(engine.StartTake, session.do(ask.Generate(None, ME))).bars is None
    session.do(ask.SetParameter("tempo", 100.0))
    grid = session.one(engine.StartTake, session.do(ask.Generate(None, ME))).bars
    assert grid == BarGrid(120.0)
