"""The loopback doctor as the session runs it: through the same doors as a take."""

from __future__ import annotations

import numpy as np
import pytest

from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.loopback.examination import examine
from daw_bridge.loopback.run import AFTER, BEFORE
from daw_bridge.parameters import PARAMETERS
from daw_bridge.session_io import PlayBlock
from tests.daw_bridge.test_session import ME, Session, of

RATE = 32_000
IN_512 = float(PARAMETERS["buffer"].words.index("512"))


@pytest.fixture
def session() -> Session:
    session = Session()
    session.do(audio.InputOpened("in", RATE, 1, 0.003))
    return session


def come_back(session: Session, delay: float, late: float = 0.0) -> events.LoopbackMeasured:
    """As a wire of `delay` seconds would bring it; the take began `late`."""
    came = session.do(ask.MeasureLoopback(ME))
    begin = session.one(audio.BeginTake, came)
    sound = np.concatenate([play.block.pcm for play in of(PlayBlock, came)])
    heard = session.do(audio.TakeHeard(begin.take, session.now + 0.4 + late, late), after=0.4)
    capture = session.one(audio.Capture, heard)
    assert capture.until == pytest.approx(begin.sent_at + 0.4 + late + len(sound) / RATE + AFTER)
    lead, tail = np.zeros(round((BEFORE + delay) * RATE)), np.zeros(round((AFTER - delay) * RATE))
    pcm = np.concatenate([lead, sound[:, 0], tail]).astype(np.float32)[:, None]
    done = session.do(audio.Captured(capture.token, pcm, RATE), after=6.0)
    asked = session.one(disk.ExamineLoopback, done)
    report = examine(asked.heard, asked.train, asked.reported, asked.underruns, asked.buffer)
    return session.one(
        events.LoopbackMeasured, session.do(disk.LoopbackExamined(asked.token, report))
    )


@pytest.mark.parametrize("late", [0.0, 0.015])
def test_what_the_drivers_tell_is_added_to_what_is_found(session: Session, late: float) -> None:
    told = come_back(session, 0.030, late)
    assert told.origin == ME
    assert told.report.untold == pytest.approx(0.030, abs=1e-4)
    assert told.report.round_trip == pytest.approx(0.030 + 0.020 + 0.003, abs=1e-4)
    assert told.buffer is None


def test_underruns_meanwhile_propose_a_larger_buffer_which_opens_the_output_again(
    session: Session,
) -> None:
    session.do(ask.UseOutput("desk", ME))
    session.do(ask.MeasureLoopback(ME))
    state = session.state.loopback
    assert state is not None
    session.do(audio.TakeHeard(state.run.take, session.now, 0.0))
    session.do(audio.Played(state.run.take, state.run.epoch, 100, 0.1, 2))
    done = session.do(audio.Captured(state.run.number, np.zeros((10, 1), np.float32), RATE))
    assert session.one(disk.ExamineLoopback, done).underruns == 2
    opened = session.one(audio.OpenOutput, session.do(ask.SetParameter("buffer", IN_512, ME)))
    assert opened == audio.OpenOutput("desk", block_frames=512)


def test_a_file_that_is_recorded_is_not_begun_anew(session: Session) -> None:
    session.do(ask.UseOutput("wav:out.wav", ME))
    assert not of(audio.OpenOutput, session.do(ask.SetParameter("buffer", IN_512, ME)))


def refusal(session: Session) -> str:
    came = session.do(ask.MeasureLoopback(ME))
    assert not of(audio.BeginTake, came)
    return session.one(events.Problem, came).text


def test_where_it_cannot_measure_it_says_why(session: Session) -> None:
    session.do(ask.MeasureLoopback(ME))
    assert "already" in refusal(session)
    assert "choose the one that the output leads to" in refusal(Session())
    session.pass_time(20)
    session.do(audio.OutputOpened("wav:x.wav", RATE, 2, 0.0))
    assert "choose one first" in refusal(session)


def test_a_take_in_between_breaks_it_off(session: Session) -> None:
    session.do(ask.MeasureLoopback(ME))
    state = session.state.loopback
    assert state is not None
    told = session.do(audio.TakeEnded(state.run.take, 500, completed=False))
    assert "measure again" in session.one(events.Problem, told).text
    assert session.state.loopback is None


def test_no_answer_is_told_and_forgotten(session: Session) -> None:
    session.do(ask.MeasureLoopback(ME))
    assert "did not answer" in session.one(events.Problem, session.pass_time(20)).text
    assert session.state.loopback is None
    session.do(ask.MeasureLoopback(ME))
    assert session.state.loopback is not None
