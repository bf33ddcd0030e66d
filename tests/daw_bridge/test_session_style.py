"""A style over OSC: asked for, read, heard by the engine, followed live as closely as is wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.generation import messages as engine
from core.generation.params import DEFAULT_TEXT_PUSH
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.engine_ledger import Ledger
from daw_bridge.osc_address import parse
from daw_bridge.osc_feedback import message_of
from daw_bridge.session_status import status_of
from daw_bridge.take_timeline import TakeChange, timeline
from tests.daw_bridge.test_session import Session, block, of, tokens
from tests.fakes import loaded

ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/style", 7)
CLIP = "/music/clip.wav"
PCM = np.zeros((64_000, 1), np.float32)
HEARD = "001002003.004005006"  # two frames, three codebooks
MODEL = replace(loaded("style"), hears_style=True, digest="e" * 16)


@pytest.fixture
def session() -> Session:
    """With a style model."""
    session = Session()
    session.do(MODEL)
    return session


def heard(session: Session, seconds: float = 3.0) -> engine.HearStyle:
    asked = session.one(disk.ReadClip, session.do(ask.SetStyle(CLIP, seconds, ME)))
    listen = session.one(
        engine.HearStyle, session.do(disk.ClipRead(asked.token, PCM, 32_000, CLIP))
    )
    session.do(engine.StyleHeard(listen.token, HEARD, 0.75))
    return listen


def test_a_style_is_heard_and_the_next_take_follows_it(session: Session) -> None:
    assert status_of(session.state).hears_style
    assert heard(session, 4.0).seconds == 4.0
    told = session.one(events.StyleChanged)
    assert (told.path, told.seconds, told.took, told.origin) == (CLIP, 4.0, 0.75, ME)
    session.do(ask.SetParameter("style_detail", 2.0), ask.SetParameter("text_push", 2.0))
    came = session.do(ask.SetPrompt("funk"), ask.Generate())
    start = session.one(engine.StartTake, came)
    assert start.prompt.style == "001002.004005"
    assert start.sampling.text_push == 2.0
    held = timeline(session.one(disk.OpenTake, came).record)[0]
    assert (held.prompt, held.sampling.text_push) == (start.prompt, 2.0)


def test_how_closely_it_is_followed_turns_the_take_that_plays(session: Session) -> None:
    session.do(ask.SetParameter("bars", 0.0), ask.Generate("funk"), tokens(1, 0, 500))
    session.do(block(1, 0, 500))
    heard(session)
    assert session.one(engine.ChangePrompt).prompt.style == HEARD
    session.out.clear()
    session.do(ask.SetParameter("style_detail", 1.0), after=2.0)
    assert session.one(engine.ChangePrompt).prompt.style == "001.004"
    session.do(ask.SetParameter("text_push", 8.0), after=2.0)
    assert session.one(engine.ChangeSampling).sampling.text_push == 8.0
    session.out.clear()
    session.do(ask.SetStyle("", origin=ME), after=2.0)
    assert session.one(engine.ChangePrompt).prompt.style == ""
    assert session.one(events.StyleChanged).path == ""


def test_another_style_model_does_not_follow_what_this_one_heard(session: Session) -> None:
    heard(session)
    session.do(replace(MODEL, digest="f" * 16))
    assert session.one(engine.StartTake, session.do(ask.Generate("funk"))).prompt.style == ""
    session.do(MODEL)
    assert session.one(engine.StartTake, session.do(ask.Generate("funk"))).prompt.style == HEARD


def test_a_model_that_follows_none_is_told_nothing_of_it(session: Session) -> None:
    heard(session)
    session.do(ask.SetParameter("text_push", 2.0), loaded())
    start = session.one(engine.StartTake, session.do(ask.Generate("funk")))
    assert start.prompt.style == ""
    assert start.sampling.text_push == DEFAULT_TEXT_PUSH
    problem = session.one(events.Problem, session.do(ask.SetStyle(CLIP, origin=ME)))
    assert "follows no style" in problem.text
    melody = session.one(events.Problem, Session().do(MODEL, ask.SetMelody(CLIP, ME)))
    assert "follows no melody" in melody.text


def test_what_cannot_be_heard_is_told_and_the_one_before_stays(session: Session) -> None:
    heard(session)
    asked = session.one(disk.ReadClip, session.do(ask.SetStyle("/b.wav", origin=ME)))
    listen = session.one(
        engine.HearStyle, session.do(disk.ClipRead(asked.token, PCM, 32_000, "/b.wav"))
    )
    came = session.do(engine.StyleHeard(listen.token, "", 0.0, "the clip is silent"))
    assert session.one(events.Problem, came).origin == ME
    assert session.state.style_path == CLIP
    came = session.do(ask.SetStyle(CLIP, 9.0, ME))
    assert "use 1.5 to 4.5" in session.one(events.Problem, came).text
    assert not of(disk.ReadClip, came)


def test_an_engine_that_died_listens_once_more() -> None:
    ledger, asked = Ledger(), engine.HearStyle(3, PCM, 32_000, 3.0)
    ledger.request(asked)
    assert asked in ledger.replay()
    ledger.event(engine.StyleHeard(3, HEARD))
    assert ledger.replay() == []


def test_a_take_of_before_has_no_style_and_a_wrong_one_is_no_take() -> None:
    table = {"frame": 0, "texts": [], "negative": "", "temperature": 1, "top_k": 9, "guidance": 3}
    assert TakeChange.of(table).steering(0).prompt.style == ""
    with pytest.raises(ValueError, match="no style"):
        TakeChange.of({**table, "style": "xyz"})


def test_over_osc() -> None:
    told = ask.Origin("osc", None, "/musicgen/style", 7)
    made = parse("/musicgen/style", [CLIP, 2.0, 7], ask.Origin("osc"), 0.0)
    assert made == ask.SetStyle(CLIP, 2.0, told)
    assert parse("/musicgen/style", [CLIP], ask.Origin("osc"), 0.0) == ask.SetStyle(
        CLIP, 3.0, ask.Origin("osc", None, "/musicgen/style")
    )
    refused = parse("/musicgen/style", [CLIP, 9.0], ask.Origin("osc"), 0.0)
    assert isinstance(refused, ask.Refused)
    assert "use 1.5 to 4.5" in refused.text
    assert isinstance(parse("/musicgen/style", [], ask.Origin("osc"), 0.0), ask.AskStyle)
    message = message_of(events.StyleChanged(CLIP, 3.0, 0.75))
    assert message is not None
    assert message.args == (CLIP, 3.0, 750.0)
