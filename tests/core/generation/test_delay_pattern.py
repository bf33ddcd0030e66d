from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.generation.delay_pattern import UNKNOWN, DelayedCodes, interleave, undo
from core.model.config import ModelConfig

MONO, STEREO = (0, 1, 2, 3), (0, 0, 1, 1, 2, 2, 3, 3)
SPECIAL = 99


def naive(codes: np.ndarray, delays: tuple[int, ...], step: int, book: int) -> int:
    """The rule as the design states it: codebook q at step s carries frame s - 1 - q."""
    frame = step - 1 - delays[book]
    return int(codes[book, frame]) if 0 <= frame < codes.shape[1] else SPECIAL


delays_of = st.sampled_from([MONO, STEREO, (0,), (0, 0), (0, 1)])
lengths = st.integers(0, 12)


def random_codes(books: int, frames: int) -> np.ndarray:
    return np.random.default_rng(frames).integers(0, 90, (books, frames))


def test_the_delays_of_mono_and_stereo() -> None:
    assert ModelConfig().delays == MONO
    assert ModelConfig(codebooks=8, audio_channels=2).delays == STEREO


@given(delays_of, lengths)
def test_interleave_is_the_naive_rule(delays: tuple[int, ...], frames: int) -> None:
    codes = random_codes(len(delays), frames)
    delayed = interleave(torch.from_numpy(codes), delays, SPECIAL)
    assert delayed.shape == (len(delays), 1 + frames + max(delays))
    for step in range(delayed.shape[1]):
        for book in range(len(delays)):
            assert delayed[book, step] == naive(codes, delays, step, book)


@given(delays_of, lengths, st.integers(1, 3))
def test_undo_undoes_also_in_batches(delays: tuple[int, ...], frames: int, rows: int) -> None:
    codes = torch.from_numpy(random_codes(rows * len(delays), frames))
    codes = codes.view(rows, len(delays), frames)
    delayed = interleave(codes, delays, SPECIAL)
    assert torch.equal(undo(delayed, delays), codes)
    assert torch.equal(delayed[0], interleave(codes[0], delays, SPECIAL))


def test_undo_refuses_fewer_steps_than_the_delay() -> None:
    with pytest.raises(ValueError, match="too few"):
        undo(torch.zeros(4, 3, dtype=torch.int64), MONO)


@given(delays_of, lengths, st.integers(0, 12), st.booleans())
def test_step_by_step_equals_whole(
    delays: tuple[int, ...], begun: int, more: int, endless: bool
) -> None:
    """Written step by step from any context, the columns are the whole sequence's."""
    frames = begun + more
    codes = random_codes(len(delays), frames)
    delayed = interleave(torch.from_numpy(codes), delays, SPECIAL).numpy()
    context = codes[:, :begun] if begun else None
    known = DelayedCodes(delays, SPECIAL, context, None if endless else frames)
    np.testing.assert_array_equal(known.columns(0, begun + 1), delayed[:, : begun + 1])
    for step in range(begun + 1, delayed.shape[1]):
        known.write(step, delayed[:, step])
        if not endless:
            np.testing.assert_array_equal(known.column(step), delayed[:, step])
    np.testing.assert_array_equal(known.frames(0, frames), codes)


@given(delays_of, st.integers(1, 12))
def test_a_contexts_codes_are_never_overwritten(delays: tuple[int, ...], begun: int) -> None:
    codes = random_codes(len(delays), begun)
    known = DelayedCodes(delays, SPECIAL, codes)
    for step in range(begun + 1, begun + 5):
        known.write(step, np.full(len(delays), 95))
    np.testing.assert_array_equal(known.frames(0, begun), codes)
    assert (known.frames(begun, begun + 1) == 95).all() or max(delays) > 3


@given(delays_of, st.integers(0, 8), st.integers(0, 4))
def test_a_later_beginning_is_a_sequence_of_its_own(
    delays: tuple[int, ...], first: int, more: int
) -> None:
    """Re-priming from frame `first` reads what a fresh sequence of the later frames would."""
    frames = first + more + max(delays) + 1
    codes = random_codes(len(delays), frames)
    known = DelayedCodes(delays, SPECIAL, codes)
    fresh = interleave(torch.from_numpy(codes[:, first:]), delays, SPECIAL).numpy()
    np.testing.assert_array_equal(known.columns(first, frames + 1), fresh[:, : frames + 1 - first])


def test_room_grows_without_losing_codes() -> None:
    known = DelayedCodes(MONO, SPECIAL)
    for step in range(1, 3_000):
        known.write(step, np.full(4, step % 90))
    books = np.arange(4)[:, None]
    expected = (np.arange(2_990) + 1 + books) % 90
    np.testing.assert_array_equal(known.frames(0, 2_990), expected)
    assert (known.frames(0, 2_990) != UNKNOWN).all()
