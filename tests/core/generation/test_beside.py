"""Takes made beside the one that goes first, behind the engine's pipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.generation.messages import (
    CancelTake,
    ChangePrompt,
    Codes,
    Credit,
    EngineEvent,
    EngineProblem,
    PcmBlock,
    Prefer,
    StartBeside,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeSteered,
    TakeTokens,
)
from core.generation.params import Prompt
from tests.core.generation.remote_engine import PROMPT, SAMPLING, Remote, of, pcm_of, tokens_of

FRAMES = 30


def alternative(take: int, context: Codes, frames: int | None = FRAMES) -> StartTake:
    return StartTake(take, take, PROMPT, replace(SAMPLING, seed=take), frames, context)


def of_take(take: int, events: list[EngineEvent]) -> list[EngineEvent]:
    return [event for event in events if getattr(event, "take", None) == take]


def until_all_done(engine: Remote, takes: set[int]) -> list[EngineEvent]:
    left = set(takes)

    def ends(event: EngineEvent) -> bool:
        if isinstance(event, TakeDone):
            left.discard(event.take)
        return not left

    return engine.until(ends)


def reaches(take: int, frames: int, event: EngineEvent) -> bool:
    """Whether this tells the take's tokens up to there."""
    told = isinstance(event, TakeTokens) and event.take == take
    return told and event.first_frame + event.codes.shape[1] >= frames


@pytest.fixture(scope="module")
def context(engine: Remote) -> Codes:
    engine.send(StartTake(1, 1, PROMPT, SAMPLING, FRAMES))
    return tokens_of(engine.until_done())


@pytest.fixture(scope="module")
def alone(engine: Remote, context: Codes) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Tokens and sound of each when it is all there is."""
    made = {}
    for take in (101, 102):
        engine.send(alternative(take, context))
        heard = engine.until_done()
        made[take] = (tokens_of(heard), pcm_of(heard))
    return made


def assert_as_alone(
    events: list[EngineEvent], alone: dict[int, tuple[np.ndarray, np.ndarray]], take: int
) -> None:
    tokens, pcm = alone[take]
    own = of_take(take, events)
    np.testing.assert_array_equal(tokens_of(own), tokens)
    np.testing.assert_allclose(pcm_of(own), pcm, atol=1e-5)


def test_two_beside_nothing_are_what_each_is_alone(
    engine: Remote, context: Codes, alone: dict[int, tuple[np.ndarray, np.ndarray]]
) -> None:
    engine.send(StartBeside((alternative(101, context), alternative(102, context))))
    heard = until_all_done(engine, {101, 102})
    assert [event.take for event in of(TakeStarted, heard)] == [101, 102]
    assert all(not done.cancelled for done in of(TakeDone, heard))
    assert_as_alone(heard, alone, 101)
    assert_as_alone(heard, alone, 102)
    assert all(told.steps_per_second > 0 for told in of(TakeTokens, heard))


def test_the_take_that_is_heard_goes_first(engine: Remote, context: Codes) -> None:
    pair = (alternative(101, context), alternative(102, context))
    engine.send(StartTake(1, 1, PROMPT, SAMPLING), Credit(1, 50), StartBeside(pair))
    heard = until_all_done(engine, {101, 102})
    order = [event.take for event in of(TakeTokens, heard)]
    assert set(order[: order.index(101)]) == {1}
    assert tokens_of(of_take(1, heard)).shape[1] == 50  # all its credit before any of theirs
    engine.send(CancelTake(1))
    until_all_done(engine, {1})


def test_one_is_preferred_and_the_one_before_goes_on_beside(
    engine: Remote, context: Codes, alone: dict[int, tuple[np.ndarray, np.ndarray]]
) -> None:
    pair = (alternative(101, context), alternative(102, context))
    engine.send(StartTake(1, 1, PROMPT, SAMPLING), Credit(1, 20), StartBeside(pair))
    engine.send(Credit(101, 10), Credit(102, 10))
    heard = engine.until(lambda e: isinstance(e, TakeTokens) and e.take == 102)
    engine.send(Prefer(101), Credit(101, FRAMES), Credit(1, 30))
    heard += until_all_done(engine, {101})
    assert not any(isinstance(event, TakeDone) and event.take == 1 for event in heard)
    heard += engine.until(  # out of the way now, it goes on within its credit
        lambda e: (
            isinstance(e, TakeTokens) and e.take == 1 and e.first_frame + e.codes.shape[1] == 30
        )
    )
    engine.send(Credit(102, FRAMES))
    heard += until_all_done(engine, {102})
    assert_as_alone(heard, alone, 101)
    assert_as_alone(heard, alone, 102)
    engine.send(CancelTake(1))
    heard += until_all_done(engine, {1})
    assert tokens_of(of_take(1, heard)).shape[1] == 30


def test_a_cancelled_one_leaves_the_other_as_it_is(
    engine: Remote, context: Codes, alone: dict[int, tuple[np.ndarray, np.ndarray]]
) -> None:
    engine.send(StartBeside((alternative(101, context), alternative(102, context))))
    engine.send(Credit(101, 10), Credit(102, 10), CancelTake(101), Credit(102, FRAMES))
    heard = until_all_done(engine, {101, 102})
    assert [done.take for done in of(TakeDone, heard) if done.cancelled] == [101]
    assert_as_alone(heard, alone, 102)


def test_one_of_them_is_steered_by_itself(
    engine: Remote, context: Codes, alone: dict[int, tuple[np.ndarray, np.ndarray]]
) -> None:
    pair = (alternative(101, context), alternative(102, context))
    engine.send(StartBeside(pair), Credit(101, 20), Credit(102, 20))
    heard = engine.until(lambda event: reaches(102, 20, event))
    engine.send(ChangePrompt(101, Prompt("loud drums"), 12, 9), Credit(101, FRAMES))
    engine.send(Credit(102, FRAMES))
    heard += until_all_done(engine, {101, 102})
    assert [(answer.take, answer.frame) for answer in of(TakeSteered, heard)] == [(101, 12)]
    assert_as_alone(heard, alone, 102)


def test_what_cannot_be_started_is_told_of_each(engine: Remote) -> None:
    bad = np.full((4, 5), 99_999)
    engine.send(StartBeside((alternative(101, bad), alternative(102, bad))))
    heard = engine.until(lambda e: isinstance(e, EngineProblem) and e.take == 102)
    assert [problem.take for problem in of(EngineProblem, heard)] == [101, 102]
    assert not of(PcmBlock, heard)


def test_a_new_take_leaves_those_beside_alone(engine: Remote, context: Codes) -> None:
    engine.send(StartBeside((alternative(101, context),)), StartTake(5, 5, PROMPT, SAMPLING, 10))
    heard = until_all_done(engine, {5, 101})
    assert all(not done.cancelled for done in of(TakeDone, heard))
