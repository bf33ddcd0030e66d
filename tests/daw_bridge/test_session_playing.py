"""A take of the library is played from its file; the session, with no thread and no file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.session_io import PlayBlock, SessionOutput
from daw_bridge.session_playing import PIECE
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_tree import TakeTree
from tests.daw_bridge.test_session import Session, block, of, tokens

LONG = 1500  # frames: 30 s, more than one piece


@pytest.fixture
def session() -> Session:
    made = Session()
    records = (
        TakeRecord(1, frames=200, length=4.0, bars=2, complete=True, path="/t/1.wav"),
        TakeRecord(2, frames=LONG, lead=100, parent=1, at=200, path="/t/2.wav"),
    )
    tree = TakeTree.of(records, 2)
    made.state = replace(made.state, tree=tree, next_take=3, last_take=2)
    return made


def answer(session: Session, question: disk.ReadSound, whole: int) -> list[SessionOutput]:
    count = min(question.count, whole - question.first)
    pcm = np.full((count, 1), 0.1, np.float32)
    return session.do(disk.SoundRead(question.token, question.take, question.first, pcm, whole))


def test_it_begins_at_the_moment_asked_for(session: Session) -> None:
    question = session.one(disk.ReadSound, session.do(ask.PlayTake(1, 1.5)))
    assert (question.take, question.first) == (1, 48_000)
    came = answer(session, question, 128_000)
    begin = session.one(audio.BeginTake, came)
    assert (begin.first, begin.length) == (48_000, 2.5)
    played = session.one(PlayBlock, came).block
    assert (played.first_sample, len(played.pcm), played.last) == (48_000, 80_000, True)
    assert session.one(events.CurrentTake, came).take == 1
    session.do(audio.TakeHeard(1, session.now), audio.Played(1, begin.epoch, 50_000, 2.4, 0))
    assert (session.state.shown.state, session.state.shown.sounding) == ("playing", 1)
    session.do(audio.TakeEnded(1, 128_000, completed=True))
    assert session.state.flights == ()
    assert not [o for o in session.out if isinstance(o, engine.EngineRequest)]


def test_a_long_take_is_read_a_piece_at_a_time(session: Session) -> None:
    whole = 100 + LONG * 640
    came = answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(2))), whole)
    begin = session.one(audio.BeginTake, came)
    assert begin.first == -100, "the WAV begins with the lead"
    early = session.do(audio.Played(2, begin.epoch, PIECE // 4, 15.0, 0))
    assert of(disk.ReadSound, early) == []
    late = session.do(audio.Played(2, begin.epoch, PIECE * 3 // 4, 5.0, 0))
    question = session.one(disk.ReadSound, late)
    assert question.first == PIECE
    rest = session.one(PlayBlock, answer(session, question, whole)).block
    assert (rest.first_sample, rest.last) == (PIECE - 100, True)


def test_on_a_clock_that_rolls_it_waits_for_the_bar(session: Session) -> None:
    session.roll(beat=1.0)
    came = answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(1))), 128_000)
    assert session.one(events.Scheduled, came).bar == 2
    assert of(audio.BeginTake, came) == []
    begun = session.one(audio.BeginTake, session.pass_time(1.4))
    assert begun.take == 1


def test_again_from_elsewhere_while_it_sounds(session: Session) -> None:
    first = answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(1))), 128_000)
    session.do(audio.TakeHeard(1, session.now))
    session.roll(beat=1.0)
    asked = session.one(disk.ReadSound, session.do(ask.PlayTake(1, 2.0)))
    answer(session, asked, 128_000)
    session.do(audio.TakeEnded(1, 128_000, completed=True))  # the first one, before the bar
    second = session.one(audio.BeginTake, session.pass_time(1.4))
    assert second.first == 64_000
    assert second.epoch > session.one(audio.BeginTake, first).epoch


def test_what_is_made_goes_on_for_its_file_unless_it_has_no_end(session: Session) -> None:
    session.do(ask.Generate("long"), tokens(3, 0, 50), block(3, 0, 50))
    answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(1))), 128_000)
    assert of(engine.CancelTake, session.out) == []
    came = session.do(block(3, 50, 50))
    assert session.one(disk.KeepPcm, came).block.take == 3
    assert of(PlayBlock, came) == [], "but it is not heard"
    session.do(ask.SetParameter("bars", 0.0), ask.Generate("endless"))
    answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(1))), 128_000)
    assert 4 in [o.take for o in of(engine.CancelTake, session.out)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (ask.PlayTake(9), "no take 9"),
        (ask.PlayTake(1, 4.0), "is 4 s long"),
        (ask.PlayTake(1, -1.0), "is 4 s long"),
        (ask.RenameTake(9, "x"), "no take 9"),
        (ask.RenameTake(1, "x" * 201), "too long"),
        (ask.DeleteTake(9), "no take 9"),
        (ask.RestoreTake(1), "was not deleted"),
    ],
)
def test_what_cannot_be_done_is_said(session: Session, command: ask.Command, said: str) -> None:
    assert said in session.one(events.Problem, session.do(command)).text


def test_a_file_that_is_gone_is_said_and_nothing_hangs(session: Session) -> None:
    question = session.one(disk.ReadSound, session.do(ask.PlayTake(1)))
    came = session.do(disk.DiskProblem("bad_input", "1.wav is gone", question.token))
    assert session.one(events.Problem, came).text == "1.wav is gone"
    answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(2))), 100 + LONG * 640)
    epoch = session.state.flights[-1].epoch
    asked = session.one(disk.ReadSound, session.do(audio.Played(2, epoch, PIECE, 0.0, 0)))
    came = session.do(disk.DiskProblem("bad_input", "2.wav is gone", asked.token))
    assert session.one(PlayBlock, came).block.last, "it ends with what is there"


def test_names_stars_and_deletions_are_told_to_whoever_shows_takes(session: Session) -> None:
    came = session.do(ask.RenameTake(1, "  my   hook "))
    told = session.one(events.TreeChanged, came)
    assert [r.name for r in told.changed] == ["my hook"]
    assert session.one(disk.NameTake, came) == disk.NameTake(1, "my hook")
    told = session.one(events.TreeChanged, session.do(ask.KeepTake(1)))
    assert told.changed[0].kept
    told = session.one(events.TreeChanged, session.do(ask.KeepTake(1, on=False)))
    assert not told.changed[0].kept
    assert of(events.TreeChanged, session.do(ask.DeleteTake(2))) == [], "not before it is done"
    came = session.do(disk.TakeDiscarded(2))
    told = session.one(events.TreeChanged, came)
    assert (told.gone, told.current) == ((2,), 1)
    assert session.one(events.TakeDeleted, came).take == 2
    back = TakeRecord(2, frames=LONG, parent=1, at=200, path="/t/2.wav")
    told = session.one(events.TreeChanged, session.do(disk.TakeReclaimed(back)))
    assert told.changed == (back,)
    whole = session.one(events.TreeChanged, session.do(ask.AskTree()))
    assert (whole.whole, {r.take for r in whole.changed}) == (True, {1, 2})


def test_a_take_that_sounds_is_not_deleted(session: Session) -> None:
    answer(session, session.one(disk.ReadSound, session.do(ask.PlayTake(1))), 128_000)
    assert "stop it first" in session.one(events.Problem, session.do(ask.DeleteTake(1))).text


def test_the_clock_is_told_when_it_is_not_where_it_was_reckoned(session: Session) -> None:
    session.do(ask.AskTree())
    session.out.clear()
    session.pass_time(1.0)
    assert of(events.ClockTold, session.out) == []
    session.roll(beat=4.0)
    told = of(events.ClockTold, session.out)[-1]
    assert (told.rolling, told.beat_at(session.now + 0.5)) == (True, 5.0)
    session.out.clear()
    for _ in range(20):  # as it says it would
        position = told.beat_at(session.now + 0.05)
        midi = ask.ClockSource.MIDI
        session.do(ask.ClockPosition(midi, position, session.now + 0.05), after=0.05)
    assert of(events.ClockTold, session.out) == []


def test_a_person_chooses_the_clock(session: Session) -> None:
    session.roll(bpm=97.0)
    assert session.state.shown.clock == "midi"
    session.do(ask.SetParameter("clock", 5.0))
    assert (session.state.shown.clock, session.state.shown.tempo) == ("internal", 120.0)
    session.do(ask.SetParameter("clock", 1.0))
    assert session.state.shown.clock == "internal", "Link is not there"
    session.do(ask.SetParameter("clock", 0.0))
    assert session.state.shown.clock == "midi"
