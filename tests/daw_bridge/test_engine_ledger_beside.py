"""After a death of the engine, takes beside the one that goes first go on with it."""

from __future__ import annotations

import numpy as np
import pytest

from core.generation.messages import (
    CancelTake,
    Credit,
    PcmBlock,
    Prefer,
    StartBeside,
    StartTake,
    TakeDone,
    TakeTokens,
)
from core.generation.params import Prompt, SamplingParams
from daw_bridge.engine_ledger import Ledger
from tests.fakes import codes_of, pcm_of

CONTEXT = codes_of(20)


def take(number: int, frames: int | None = 100) -> StartTake:
    return StartTake(number, number, Prompt("x"), SamplingParams(seed=number), frames, CONTEXT)


def made(ledger: Ledger, number: int, frames: int) -> None:
    ledger.event(TakeTokens(number, 0, codes_of(frames), 100, 100.0))
    ledger.event(PcmBlock(number, number, 0, pcm_of(frames - 4)))


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.request(take(1, None))
    ledger.request(StartBeside((take(2), take(3))))
    for number in (1, 2, 3):
        ledger.request(Credit(number, 90))
    made(ledger, 1, 50)
    return ledger


def test_those_at_one_step_are_drawn_side_by_side_again(ledger: Ledger) -> None:
    made(ledger, 2, 10)
    made(ledger, 3, 10)
    first, credit, beside, *rest = ledger.replay()
    assert isinstance(first, StartTake)
    assert (first.take, first.done) == (1, 50)
    assert isinstance(credit, Credit)
    assert isinstance(beside, StartBeside)
    assert [(one.take, one.done, one.first_sample) for one in beside.takes] == [
        (2, 10, 6 * 640),
        (3, 10, 6 * 640),
    ]
    np.testing.assert_array_equal(
        beside.takes[1].codes, np.concatenate((CONTEXT, codes_of(10)), axis=1)
    )
    assert [(one.take, one.frames) for one in rest if isinstance(one, Credit)] == [(2, 90), (3, 90)]


def test_one_that_was_told_more_goes_on_by_itself(ledger: Ledger) -> None:
    made(ledger, 2, 10)
    made(ledger, 3, 20)
    started = [one for one in ledger.replay() if isinstance(one, StartBeside)]
    assert [[one.take for one in each.takes] for each in started] == [[2], [3]]


def test_the_one_that_was_preferred_goes_first(ledger: Ledger) -> None:
    ledger.request(Prefer(3))
    requests = ledger.replay()
    assert isinstance(requests[0], StartTake)
    assert requests[0].take == 3
    others = [one for one in requests if isinstance(one, StartBeside)]
    assert sorted(one.take for each in others for one in each.takes) == [1, 2]


def test_a_new_take_ends_the_one_that_went_first_alone(ledger: Ledger) -> None:
    ledger.request(take(4))
    assert [one.take for one in ledger.replay() if isinstance(one, CancelTake)] == [1]
    ledger.request(CancelTake(2))
    assert [loss.take for loss in ledger.losses() if isinstance(loss, TakeDone)] == [1, 2]
    assert sorted(ledger.flights) == [3, 4]
