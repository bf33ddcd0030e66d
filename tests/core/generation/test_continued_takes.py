"""A take and the one that continues it are one longer take: tokens and samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.generation.audio_stream import AudioStream
from core.generation.generator import Generator
from core.generation.messages import Codes, Pcm
from core.generation.params import Prompt, SamplingParams

GREEDY = SamplingParams(greedy=True)
SEEDED = SamplingParams(seed=11, top_k=50)


def play(stream: AudioStream) -> tuple[Codes, Pcm]:
    blocks, codes = [], [np.zeros((4, 0), np.int64)]
    while not stream.ended:
        if (block := stream.step()) is not None:
            blocks.append(block.pcm)
            assert block.last == stream.ended
    if (told := stream.untold_codes()) is not None:
        codes.append(told)
    return np.concatenate(codes, axis=1), np.concatenate(blocks)


@pytest.fixture(scope="module")
def generator(tiny_mono: Path) -> Generator:
    return Generator.load(str(tiny_mono), "cpu")


def take(
    generator: Generator,
    frames: int,
    sampling: SamplingParams,
    context: Codes | None = None,
    **options: object,
) -> tuple[Codes, Pcm]:
    prompt = Prompt("warm analog pads")
    options = {"open_end": True, **options}
    return play(generator.open(prompt, sampling, frames, context, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("sampling", [GREEDY, SEEDED], ids=["greedy", "seeded"])
def test_twenty_seconds_are_eight_continued_by_twelve(
    generator: Generator, sampling: SamplingParams
) -> None:
    whole, sound = take(generator, 1_000, sampling)
    first, first_sound = take(generator, 400, sampling)
    rest, rest_sound = take(generator, 600, sampling, first)
    np.testing.assert_array_equal(np.concatenate((first, rest), axis=1), whole)
    joined = np.concatenate((first_sound, rest_sound))
    assert joined.shape == sound.shape == (640_000, 1)
    np.testing.assert_allclose(first_sound, sound[:256_000], atol=1e-6)
    np.testing.assert_allclose(joined, sound, atol=1e-4)


def test_a_chain_of_takes_past_the_window_is_one_take(generator: Generator) -> None:
    """The tokens of all takes before are the context, so the window moves where it would have."""
    whole, _ = take(generator, 1_700, SEEDED)
    chain = np.zeros((4, 0), np.int64)
    for frames in (701, 33, 800, 166):
        chain = np.concatenate((chain, take(generator, frames, SEEDED, chain)[0]), axis=1)
    np.testing.assert_array_equal(chain, whole)


@pytest.mark.parametrize("done", [1, 37, 40])
def test_an_interrupted_take_ends_as_it_would_have(generator: Generator, done: int) -> None:
    whole, sound = take(generator, 40, SEEDED)
    at = max(0, done - 4) * 640
    codes = whole[:, :done]
    rest, rest_sound = take(generator, 40, SEEDED, codes, done=done, first_sample=at)
    np.testing.assert_array_equal(rest, whole[:, done:])
    np.testing.assert_allclose(rest_sound, sound[at:], atol=1e-4)


def test_a_closed_end_is_another(generator: Generator) -> None:
    """What the flag is for: a run that ends in `transformers`' way ends in other tokens."""
    whole, _ = take(generator, 60, SEEDED)
    closed, sound = take(generator, 50, SEEDED, open_end=False)
    np.testing.assert_array_equal(closed[:, :47], whole[:, :47])
    assert not np.array_equal(closed, whole[:, :50])
    assert len(sound) == 50 * 640
