"""A melody over OSC: asked for, read, heard by the engine, followed live, kept with the take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio.messages import Capture, Captured, InputOpened
from daw_bridge.disk import DiskWorker
from daw_bridge.engine_ledger import Ledger
from daw_bridge.osc_address import parse
from daw_bridge.osc_feedback import message_of
from daw_bridge.session_io import Tick
from daw_bridge.session_status import status_of
from daw_bridge.settings import SettingsFile
from daw_bridge.take_timeline import timeline
from daw_bridge.takes import TakeLibrary
from tests.daw_bridge.test_session import Session, block, of, tokens
from tests.fakes import loaded

ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/melody", 7)
TUNE = "/music/tune.wav"
PCM = np.zeros((64_000, 1), np.float32)


@pytest.fixture
def session() -> Session:
    """With a melody model."""
    session = Session()
    session.do(replace(loaded("melody"), hears_melody=True, digest="e" * 16))
    return session


def heard(session: Session, melody: str, path: str = TUNE) -> None:
    asked = session.one(disk.ReadClip, session.do(ask.SetMelody(path, ME)))
    listen = session.one(
        engine.HearMelody, session.do(disk.ClipRead(asked.token, PCM, 32_000, path))
    )
    session.do(engine.MelodyHeard(listen.token, melody))


def test_a_melody_is_heard_and_the_next_take_follows_it(session: Session) -> None:
    heard(session, "047")
    told = session.one(events.MelodyChanged)
    assert (told.path, told.seconds, told.origin) == (TUNE, pytest.approx(0.384), ME)
    came = session.do(ask.SetPrompt("funk"), ask.Generate())
    assert session.one(engine.StartTake, came).prompt.melody == "047"
    record = session.one(disk.OpenTake, came).record
    assert timeline(record)[0].prompt.melody == "047"


def test_it_turns_the_take_that_plays_and_an_empty_path_ends_it(session: Session) -> None:
    session.do(ask.SetParameter("bars", 0.0), ask.Generate("funk"), tokens(1, 0, 500))
    session.do(block(1, 0, 500))
    heard(session, "047")
    assert session.one(engine.ChangePrompt).prompt.melody == "047"
    session.out.clear()
    session.do(ask.SetMelody("", ME), after=2.0)
    assert session.one(engine.ChangePrompt).prompt.melody == ""
    assert session.one(events.MelodyChanged).path == ""


def test_what_is_still_listened_to_when_it_is_cleared_comes_too_late(session: Session) -> None:
    asked = session.one(disk.ReadClip, session.do(ask.SetMelody(TUNE, ME)))
    listen = session.one(
        engine.HearMelody, session.do(disk.ClipRead(asked.token, PCM, 32_000, TUNE))
    )
    session.do(ask.SetMelody("", ME))
    session.do(engine.MelodyHeard(listen.token, "047"))
    assert session.state.melody == ""


def test_the_starter_follows_none() -> None:
    problem = (session := Session()).one(events.Problem, session.do(ask.SetMelody(TUNE, ME)))
    assert (problem.code, problem.origin) == ("bad_input", ME)
    assert "follows no melody" in problem.text


def test_another_model_does_without(session: Session) -> None:
    heard(session, "047")
    session.do(loaded())
    came = session.do(ask.Generate("funk"))
    assert session.one(engine.StartTake, came).prompt.melody == ""


@pytest.mark.parametrize("path", ["tune.wav", "../tune.wav"])
def test_a_path_is_whole(session: Session, path: str) -> None:
    came = session.do(ask.SetMelody(path, ME))
    assert "not an absolute path" in session.one(events.Problem, came).text
    assert not of(disk.ReadClip, came)


def test_what_the_engine_does_not_hear_is_told_and_the_one_before_stays(session: Session) -> None:
    heard(session, "047")
    asked = session.one(disk.ReadClip, session.do(ask.SetMelody("/b.wav", ME)))
    listen = session.one(
        engine.HearMelody, session.do(disk.ClipRead(asked.token, PCM, 32_000, "/b.wav"))
    )
    came = session.do(engine.MelodyHeard(listen.token, "", "the melody clip is silent"))
    assert session.one(events.Problem, came).origin == ME
    assert session.state.melody_path == TUNE


def test_the_last_bars_of_the_input_are_a_melody(session: Session) -> None:
    session.do(InputOpened("mic", 48_000, 1), ask.SetParameter("context", 2.0))
    came = session.do(ask.SetMelody(ask.FROM_INPUT, ME))
    capture = session.one(Capture, came)
    assert (capture.seconds, capture.until) == (4.0, 0.0)  # two bars at 120, until now
    assert session.one(events.Accepted, came).origin == ME
    hum = np.full((48_000, 1), 0.2, np.float32)
    listen = session.one(engine.HearMelody, session.do(Captured(capture.token, hum, 48_000)))
    assert listen.rate == 48_000
    session.do(engine.MelodyHeard(listen.token, "0470"))
    told = session.one(events.MelodyChanged)
    assert (told.path, told.seconds) == (ask.FROM_INPUT, pytest.approx(0.512))


def test_they_are_whole_bars_while_a_clock_rolls(session: Session) -> None:
    session.do(InputOpened("mic", 48_000, 1))
    session.roll()
    began = session.now
    capture = session.one(Capture, session.do(ask.SetMelody(ask.FROM_INPUT, ME), after=5.0))
    assert capture.until - began == pytest.approx(4.0)  # the line of the bar that plays


def test_what_was_recorded_goes_before_what_came_in(session: Session) -> None:
    hum = np.full((48_000, 1), 0.2, np.float32)
    session.do(InputOpened("mic", 48_000, 1), ask.Record(True))
    capture = session.one(Capture, session.do(ask.Record(False), after=2.0))
    session.do(Captured(capture.token, hum, 48_000))
    came = session.do(ask.SetMelody(ask.FROM_INPUT, ME))
    assert session.one(engine.HearMelody, came).clip is hum
    assert session.state.recorded is None


def test_an_input_that_is_silent_dead_or_not_open_is_told(session: Session) -> None:
    came = session.do(ask.SetMelody(ask.FROM_INPUT, ME))
    assert "no input is open" in session.one(events.Problem, came).text
    session.do(InputOpened("mic", 48_000, 1))
    capture = session.one(Capture, session.do(ask.SetMelody(ask.FROM_INPUT, ME)))
    silence = np.zeros((48_000, 1), np.float32)
    came = session.do(Captured(capture.token, silence, 48_000))
    told = session.one(events.Problem, came)
    assert ("silent" in told.text, told.origin) == (True, ME)
    session.do(ask.SetMelody(ask.FROM_INPUT, ME))
    came = session.do(Tick(), after=6.0)
    assert "did not answer" in session.one(events.Problem, came).text


def test_the_status_says_whether_the_model_follows_one(session: Session) -> None:
    assert status_of(session.state).hears_melody
    session.do(loaded())
    assert not status_of(session.state).hears_melody


def test_an_engine_that_died_listens_once_more() -> None:
    ledger, asked = Ledger(), engine.HearMelody(3, PCM, 32_000)
    ledger.request(asked)
    assert asked in ledger.replay()
    ledger.event(engine.MelodyHeard(3, "0"))
    assert ledger.replay() == []


def test_the_file_is_read_from_its_start(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 32_000, dtype=np.float32)
    soundfile.write(tmp_path / "ramp.wav", ramp, 32_000, subtype="FLOAT")
    answers: list[disk.DiskOutcome] = []
    worker = DiskWorker(TakeLibrary(tmp_path / "t"), SettingsFile(tmp_path / "s"), answers.append)
    worker.start()
    worker.do(disk.ReadClip(1, str(tmp_path / "ramp.wav"), 0.5, from_start=True))
    worker.do(disk.ReadClip(2, str(tmp_path / "none.wav"), 0.5, from_start=True))
    worker.stop()
    read, missing = answers
    assert isinstance(read, disk.ClipRead)
    assert len(read.pcm) == 16_000
    assert read.pcm[-1, 0] < 0.51
    assert isinstance(missing, disk.DiskProblem)
    assert missing.token == 2
    assert "does not exist" in missing.text


def test_over_osc() -> None:
    assert parse("/musicgen/melody", [TUNE, 7], ask.Origin("osc"), 0.0) == ask.SetMelody(
        TUNE, ask.Origin("osc", None, "/musicgen/melody", 7)
    )
    assert isinstance(parse("/musicgen/melody", [], ask.Origin("osc"), 0.0), ask.AskMelody)
    message = message_of(events.MelodyChanged(TUNE, 3.0))
    assert message is not None
    assert message.args == (TUNE, 3.0)
