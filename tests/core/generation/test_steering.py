"""Prompts and sampling that change on the way: blended, negative, rewound, and told again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.generation.params import Prompt, SamplingParams, Steering
from core.generation.token_stream import TokenStream
from tests.core.generation.conftest import GREEDY, Twins, taken

WARM = SamplingParams(seed=7, top_k=50)
COOL = dataclasses.replace(WARM, temperature=0.5, guidance=1.5)
PADS, DRUMS, NOTHING = Prompt("pads"), Prompt("drums"), Prompt("")
BLEND = Prompt.of([("pads", 0.4), ("drums", 0.6)])
AWAY = Prompt("pads", negative="drums")


def stream(
    twins: Twins,
    prompt: Prompt = PADS,
    sampling: SamplingParams = WARM,
    frames: int | None = 60,
    context: np.ndarray | None = None,
    changes: tuple[Steering, ...] = (),
    window: int | None = None,
) -> TokenStream:
    return TokenStream(
        twins.lm, twins.conditioner, prompt, sampling, context, frames, window,
        closed=False, changes=changes,
    )  # fmt: skip


def moved(changes: tuple[Steering, ...], frames: int) -> tuple[Steering, ...]:
    return tuple(dataclasses.replace(one, frame=one.frame + frames) for one in changes)


# ------------------------------------------------------------------ blends, negative prompts


@pytest.mark.parametrize("sampling", [GREEDY, WARM])
def test_one_prompt_of_any_weight_is_that_prompt_bit_for_bit(
    mono: Twins, sampling: SamplingParams
) -> None:
    plain = taken(stream(mono, PADS, sampling))
    for same in (Prompt.of([("pads", 0.3)]), Prompt.of([("pads", 1), ("drums", 0), ("", 1)]),
                 Prompt.of([("pads", 1), ("pads", 2)]), Prompt("pads", negative=" ")):  # fmt: skip
        np.testing.assert_array_equal(taken(stream(mono, same, sampling)), plain)


def test_the_order_of_slots_says_nothing(mono: Twins) -> None:
    other = Prompt.of([("drums", 6), ("pads", 4)])
    np.testing.assert_array_equal(taken(stream(mono, BLEND)), taken(stream(mono, other)))


def test_a_blend_is_none_of_its_prompts(mono: Twins) -> None:
    assert not np.array_equal(taken(stream(mono, BLEND)), taken(stream(mono, PADS)))
    assert not np.array_equal(taken(stream(mono, BLEND)), taken(stream(mono, DRUMS)))


def test_a_negative_prompt_is_heard_with_guidance_alone(mono: Twins) -> None:
    assert not np.array_equal(taken(stream(mono, AWAY)), taken(stream(mono, PADS)))
    alone = dataclasses.replace(WARM, guidance=1.0)
    np.testing.assert_array_equal(
        taken(stream(mono, AWAY, alone)), taken(stream(mono, PADS, alone))
    )


def test_a_negative_prompt_alone_keeps_away_from_it(mono: Twins) -> None:
    only = Prompt(negative="drums")
    assert not np.array_equal(taken(stream(mono, only)), taken(stream(mono, NOTHING)))


@pytest.mark.parametrize("prompt", [BLEND, AWAY, Prompt(negative="drums")])
def test_blends_continue_exactly(mono: Twins, prompt: Prompt) -> None:
    whole = taken(stream(mono, prompt, frames=200, window=60))
    for begun in (30, 130):
        rest = stream(mono, prompt, frames=200 - begun, context=whole[:, :begun], window=60)
        np.testing.assert_array_equal(taken(rest), whole[:, begun:])


# ------------------------------------------------------------------ going back


@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("back_to", [0, 1, 20, 59])
def test_what_was_forgotten_is_drawn_again(mono: Twins, window: int | None, back_to: int) -> None:
    whole = taken(stream(mono, window=window))
    again = stream(mono, window=window)
    taken(again)
    again.rewind(back_to)
    assert again.frames_done == back_to
    np.testing.assert_array_equal(taken(again), whole[:, back_to:])
    np.testing.assert_array_equal(again.codes(), whole)


def test_going_back_into_the_context(mono: Twins) -> None:
    whole = taken(stream(mono))
    rest = stream(mono, context=whole[:, :40], frames=20)
    taken(rest, 5)
    rest.rewind(-10)
    assert (rest.context_frames, rest.frames_done) == (30, 0)
    np.testing.assert_array_equal(taken(rest), whole[:, 30:])


@pytest.mark.parametrize(
    ("first", "second"),
    [(PADS, DRUMS), (PADS, BLEND), (BLEND, AWAY), (PADS, NOTHING), (NOTHING, PADS), (AWAY, PADS)],
)
def test_a_change_at_a_frame_is_the_same_however_it_came(
    mono: Twins, first: Prompt, second: Prompt
) -> None:
    """Rewound and changed, told beforehand, or continued from tokens: the same music."""
    live = stream(mono, first)
    before = taken(live, 30)
    live.rewind(20)
    live.change_prompt(second)
    after = taken(live)
    told = (Steering(20, second, WARM),)
    planned = taken(stream(mono, first, changes=told))
    np.testing.assert_array_equal(planned[:, :20], before[:, :20])
    np.testing.assert_array_equal(planned[:, 20:], after)
    assert not np.array_equal(after[:, :10], before[:, 20:])
    for begun in (10, 20, 45):  # its past is read as it was written
        past = tuple(
            Steering(at - begun, prompt, WARM) for at, prompt in ((0, first), (20, second))
        )
        held = first if begun < 20 else second
        rest = stream(mono, held, frames=60 - begun, context=planned[:, :begun], changes=past)
        np.testing.assert_array_equal(taken(rest), planned[:, begun:])


def test_sampling_that_changed_is_told_again(mono: Twins) -> None:
    live = stream(mono)
    taken(live, 30)
    live.rewind(25)
    live.change_sampling(COOL)
    after = taken(live)
    planned = taken(stream(mono, changes=(Steering(25, PADS, COOL),)))
    np.testing.assert_array_equal(planned[:, 25:], after)
    assert not np.array_equal(after, taken(stream(mono))[:, 25:])


def test_guidance_that_comes_and_goes_is_told_again(mono: Twins) -> None:
    """The null branch is run over the past when it is wanted again."""
    plain = dataclasses.replace(WARM, guidance=1.0)
    changes = (Steering(10, DRUMS, plain), Steering(20, NOTHING, WARM), Steering(30, PADS, WARM))
    live = stream(mono)
    for change in changes:
        taken(live, change.frame - live.frames_done + 5)
        live.rewind(change.frame)
        live.change_prompt(change.prompt)
        live.change_sampling(change.sampling)
    taken(live)
    whole = taken(stream(mono, changes=changes))
    np.testing.assert_array_equal(live.codes(), whole)
    for begun in (15, 25, 50):
        past = moved((Steering(0, PADS, WARM), *changes), -begun)
        held = [one for one in past if one.frame <= 0][-1]
        rest = stream(mono, held.prompt, held.sampling, 60 - begun, whole[:, :begun], past)
        np.testing.assert_array_equal(taken(rest), whole[:, begun:])


def test_past_the_window_the_past_is_read_as_it_was_written(mono: Twins) -> None:
    changes = (Steering(50, DRUMS, WARM), Steering(90, BLEND, WARM))
    whole = taken(stream(mono, frames=150, changes=changes, window=60))
    for begun in (70, 120):
        past = moved((Steering(0, PADS, WARM), *changes), -begun)
        held = [one for one in past if one.frame <= 0][-1]
        rest = stream(mono, held.prompt, WARM, 150 - begun, whole[:, :begun], past, window=60)
        np.testing.assert_array_equal(taken(rest), whole[:, begun:])


def test_a_live_change_replaces_what_was_planned(mono: Twins) -> None:
    live = stream(mono, changes=(Steering(40, DRUMS, WARM),))
    taken(live, 20)
    live.rewind(20)
    live.change_prompt(BLEND)
    after = taken(live)
    expected = taken(stream(mono, changes=(Steering(20, BLEND, WARM),)))
    np.testing.assert_array_equal(after, expected[:, 20:])
