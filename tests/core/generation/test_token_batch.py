"""Streams drawn side by side give what each would have given alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.generation.params import Prompt, SamplingParams, Steering
from core.generation.shared_stream import SharedStream
from core.generation.token_batch import TokenBatch
from tests.core.generation.conftest import GREEDY, Twins, taken

PADS = Prompt("warm analog pads")
BLEND = Prompt.of([("warm analog pads", 1.0), ("loud drums", 0.5)], negative="noise")
DRAWN = [SamplingParams(seed=seed, top_k=50) for seed in (7, 8, 9)]


def stream(
    twins: Twins,
    sampling: SamplingParams,
    context: np.ndarray | None = None,
    prompt: Prompt = PADS,
    frames: int | None = 24,
    window: int | None = None,
    changes: Sequence[Steering] = (),
) -> SharedStream:
    return SharedStream(
        twins.lm, twins.conditioner, prompt, sampling, context, frames, window, False, changes
    )


def together(streams: Sequence[SharedStream], frames: int | None = None) -> list[np.ndarray]:
    """What they give, a frame of each in turn."""
    got: list[list[np.ndarray]] = [[] for _ in streams]
    while frames is None or len(got[0]) < frames:
        drawn = [one.next_frame() for one in streams]
        if drawn[0] is None:
            assert all(one is None for one in drawn)
            break
        for place, frame in enumerate(drawn):
            assert frame is not None
            got[place].append(frame.numpy())
    return [np.stack(one, axis=1) for one in got]


@pytest.fixture(scope="module")
def context(mono: Twins) -> np.ndarray:
    return taken(mono.stream(sampling=DRAWN[0], frames=30))


@pytest.mark.parametrize(
    ("prompt", "guidance"),
    [(PADS, 3.0), (PADS, 1.0), (Prompt(), 3.0), (BLEND, 3.0)],
    ids=["guided", "unguided", "untold", "blend"],
)
def test_each_gives_what_it_gives_alone(
    mono: Twins, context: np.ndarray, prompt: Prompt, guidance: float
) -> None:
    asked = [replace(one, guidance=guidance) for one in DRAWN]
    alone = [taken(stream(mono, one, context, prompt)) for one in asked]
    assert not np.array_equal(alone[0], alone[1])
    streams = [stream(mono, one, context, prompt) for one in asked]
    TokenBatch(streams)
    for own, got in zip(alone, together(streams), strict=True):
        np.testing.assert_array_equal(own, got)


def test_greedy_ones_are_alike_and_as_alone(stereo: Twins) -> None:
    alone = taken(stream(stereo, GREEDY, frames=25))
    streams = [stream(stereo, GREEDY, frames=25) for _ in range(2)]
    TokenBatch(streams)
    for got in together(streams):
        np.testing.assert_array_equal(alone, got)


def test_past_the_window_each_looks_back_on_its_own(mono: Twins, context: np.ndarray) -> None:
    alone = [taken(stream(mono, one, context, frames=80, window=60)) for one in DRAWN[:2]]
    streams = [stream(mono, one, context, frames=80, window=60) for one in DRAWN[:2]]
    TokenBatch(streams)
    for own, got in zip(alone, together(streams), strict=True):
        np.testing.assert_array_equal(own, got)


def test_contexts_may_differ(mono: Twins, context: np.ndarray) -> None:
    """As after a death of the engine: each goes on from tokens of its own."""
    other = taken(mono.stream(sampling=DRAWN[2], frames=30))
    alone = [taken(stream(mono, DRAWN[0], one)) for one in (context, other)]
    streams = [stream(mono, DRAWN[0], one) for one in (context, other)]
    TokenBatch(streams)
    for own, got in zip(alone, together(streams), strict=True):
        np.testing.assert_array_equal(own, got)


@pytest.mark.parametrize("left", [0, 2])
def test_one_that_leaves_goes_on_as_it_would_have(
    mono: Twins, context: np.ndarray, left: int
) -> None:
    alone = [taken(stream(mono, one, context)) for one in DRAWN]
    streams = [stream(mono, one, context) for one in DRAWN]
    TokenBatch(streams)
    head = together(streams, 12)
    streams[left].leave()
    solo = taken(streams[left])
    stayed = [one for place, one in enumerate(streams) if place != left]
    others = iter(together(stayed))
    for place, own in enumerate(alone):
        tail = solo if place == left else next(others)
        np.testing.assert_array_equal(own, np.concatenate((head[place], tail), axis=1))


def test_the_last_one_left_is_alone(mono: Twins, context: np.ndarray) -> None:
    alone = taken(stream(mono, DRAWN[1], context))
    streams = [stream(mono, one, context) for one in DRAWN[:2]]
    TokenBatch(streams)
    head = together(streams, 9)
    streams[0].leave()
    own = np.concatenate((head[1], taken(streams[1])), axis=1)
    np.testing.assert_array_equal(alone, own)


def test_one_that_is_told_something_else_leaves_the_others_as_they_are(
    mono: Twins, context: np.ndarray
) -> None:
    alone = taken(stream(mono, DRAWN[1], context))
    turned = stream(mono, DRAWN[0], context)
    first = taken(turned, 10)
    turned.change_prompt(Prompt("loud drums"))
    want = np.concatenate((first, taken(turned)), axis=1)

    streams = [stream(mono, one, context) for one in DRAWN[:2]]
    TokenBatch(streams)
    head = together(streams, 10)
    streams[0].change_prompt(Prompt("loud drums"))
    np.testing.assert_array_equal(np.concatenate((head[0], taken(streams[0])), axis=1), want)
    np.testing.assert_array_equal(np.concatenate((head[1], taken(streams[1])), axis=1), alone)


def test_a_rewound_one_draws_the_same_again(mono: Twins, context: np.ndarray) -> None:
    alone = taken(stream(mono, DRAWN[0], context))
    streams = [stream(mono, one, context) for one in DRAWN]
    TokenBatch(streams)
    together(streams, 15)
    streams[0].rewind(5)
    np.testing.assert_array_equal(alone[:, 5:], taken(streams[0]))


def test_streams_that_stand_elsewhere_are_no_batch(mono: Twins, context: np.ndarray) -> None:
    one = stream(mono, DRAWN[0], context)
    with pytest.raises(ValueError, match="one step"):
        TokenBatch([one, stream(mono, DRAWN[1], context[:, 1:])])
    planned = [Steering(9, Prompt("loud drums"), DRAWN[0])]
    with pytest.raises(ValueError, match="changes ahead"):
        TokenBatch([one, stream(mono, DRAWN[1], context, changes=planned)])
