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


@pytest.mark.parametrize("lead", [213, 3_840])
def test_a_take_with_a_lead_begins_inside_the_sound_it_continues(
    generator: Generator, lead: int
) -> None:
    """As of a take whose bar ends inside a frame: the next one starts with the very next sample."""
    whole, sound = take(generator, 50, SEEDED)
    rest, rest_sound = take(generator, 30, SEEDED, whole[:, :20], lead=lead)
    np.testing.assert_array_equal(rest, whole[:, 20:])
    assert len(rest_sound) == 30 * 640 + lead
    np.testing.assert_allclose(rest_sound, sound[20 * 640 - lead :], atol=1e-4)
    _, again = take(generator, 30, SEEDED, whole[:, :27], lead=lead, done=7, first_sample=-100)
    np.testing.assert_allclose(again, sound[20 * 640 - 100 :], atol=1e-4)


def test_a_lead_is_at_most_what_the_context_has(generator: Generator) -> None:
    whole, sound = take(generator, 20, SEEDED)
    _, rest = take(generator, 17, SEEDED, whole[:, :3], lead=5_000)
    np.testing.assert_allclose(rest, sound, atol=1e-4)


def test_a_change_at_a_takes_first_frame_reaches_into_its_lead(generator: Generator) -> None:
    """The codec looks ahead: the lead's last samples are other ones as well."""
    whole, sound = take(generator, 40, SEEDED)
    stream = generator.open(Prompt("warm analog pads"), SEEDED, 20, whole[:, :20], open_end=True,
                            lead=3_840)  # fmt: skip
    for _ in range(12):
        stream.step()
    ahead = stream.rewind(0)
    assert -3_840 < ahead < -2_000
    _, rest = play(stream)
    np.testing.assert_allclose(rest, sound[20 * 640 + ahead :], atol=1e-4)


def test_a_closed_end_is_another(generator: Generator) -> None:
    """What the flag is for: a run that ends in `transformers`' way ends in other tokens."""
    whole, _ = take(generator, 60, SEEDED)
    closed, sound = take(generator, 50, SEEDED, open_end=False)
    np.testing.assert_array_equal(closed[:, :47], whole[:, :47])
    assert not np.array_equal(closed, whole[:, :50])
    assert len(sound) == 50 * 640
