"""The tempo in the prompt, as the session tells it to the engine."""

from __future__ import annotations

import pytest

from core.generation import messages as engine
from core.generation.params import Prompt
from daw_bridge import commands as ask
from tests.daw_bridge.test_session import Session, block, of, tokens

MIDI = ask.ClockSource.MIDI


@pytest.fixture
def session() -> Session:
    return Session()


def asked(session: Session) -> Prompt:
    return of(engine.StartTake, session.out)[-1].prompt


def test_the_default_tempo_is_nobodys_and_is_not_told(session: Session) -> None:
    session.do(ask.Generate("funk"))
    assert asked(session).text == "funk"


def test_a_tempo_set_by_hand_is_told_where_the_prompt_names_none(session: Session) -> None:
    session.do(ask.SetParameter("tempo", 97.5), ask.Generate("funk"))
    assert asked(session).text == "funk, 97.5 bpm"
    session.do(ask.Generate("funk, 110 bpm"))
    assert asked(session).text == "funk, 110 bpm"
    assert session.state.prompt == "funk, 110 bpm"  # what a person wrote stays as it is


def test_a_clock_that_leads_has_the_last_word(session: Session) -> None:
    session.roll(bpm=112.5)
    session.do(ask.Generate("funk, 110 bpm"))
    assert asked(session).text == "funk, 112.5 bpm"
    session.do(ask.SetPromptSlot(2, "strings", 1.0), ask.Generate())
    assert asked(session).blend == (("funk, 112.5 bpm", 0.5), ("strings, 112.5 bpm", 0.5))


def test_it_can_be_switched_off(session: Session) -> None:
    session.do(ask.SetParameter("tell_tempo", 0), ask.SetParameter("tempo", 97.5))
    session.do(ask.Generate("funk"))
    assert asked(session).text == "funk"


def test_a_take_hears_of_a_tempo_that_moves_and_not_of_one_that_wavers(session: Session) -> None:
    session.roll(bpm=120)
    session.do(ask.SetParameter("bars", 0), ask.Generate("funk"))
    session.do(tokens(1, 0, 50), block(1))
    came = session.do(*(ask.ClockTempo(MIDI, bpm) for bpm in (120.4, 119.7, 120.2)), after=0.5)
    assert not of(engine.ChangePrompt, came)
    came = session.do(ask.ClockTempo(MIDI, 126.0), after=0.5)
    assert [change.prompt.text for change in of(engine.ChangePrompt, came)] == ["funk, 126 bpm"]
    assert not of(engine.ChangePrompt, session.do(ask.ClockTempo(MIDI, 126.3), after=0.5))


def test_a_take_that_is_made_whole_stays_as_it_is(session: Session) -> None:
    session.roll(bpm=120)
    session.do(ask.Generate("funk"), tokens(1, 0, 50), block(1, last=True))
    session.do(engine.TakeDone(1, 50, cancelled=False))
    came = session.do(ask.ClockTempo(MIDI, 90.0), after=0.5)
    assert not of(engine.ChangePrompt, came)
    assert not of(engine.StartTake, came)
