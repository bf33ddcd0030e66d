from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.training.music.cutting import LONGEST, SHORTEST, Piece, cut

RATE = 32_000


def hops(*stretches: tuple[float, bool]) -> np.ndarray:
    """(seconds, sounding) … → power a hop."""
    parts = [np.full(round(10 * s), 0.01 if loud else 0.0) for s, loud in stretches]
    return np.concatenate(parts).astype(np.float32)


def test_a_short_clip_stays_whole_with_its_rests() -> None:
    power = hops((0.5, False), (3, True), (2, False), (3, True), (2.5, False))
    assert cut(power, 11 * RATE, None) == [Piece(0, 11 * RATE)]


def test_long_silence_is_left_out_and_nothing_but_silence_leaves_nothing() -> None:
    power = hops((5, False), (4, True), (10, False), (6, True), (20, False))
    assert cut(power, 45 * RATE, None) == [
        Piece(5 * RATE, 4 * RATE),
        Piece(19 * RATE, 6 * RATE),
    ]
    assert cut(hops((10, False)), 10 * RATE, None) == []


def test_pieces_begin_on_bar_lines_of_the_file() -> None:
    bar = 60 / 126 * 4
    pieces = cut(hops((100, True)), 100 * RATE, bar)
    assert len(pieces) == 4
    for piece in pieces:
        assert abs(piece.start / RATE / bar - round(piece.start / RATE / bar)) < 1e-4
        assert piece.length <= LONGEST * RATE
    # after a silence that is no whole number of bars
    pieces = cut(hops((8, True), (5.1, False), (8, True)), round(21.1 * RATE), 2.0)
    assert [piece.start for piece in pieces] == [0, 12 * RATE]


def test_a_hit_between_silences_is_left_out() -> None:
    power = hops((4, True), (5, False), (0.5, True), (5, False), (4, True))
    starts = [piece.start for piece in cut(power, round(18.5 * RATE), None)]
    assert starts == [0, round(14.5 * RATE)]


@given(
    st.lists(st.tuples(st.floats(0.1, 90), st.booleans()), min_size=1, max_size=8),
    st.none() | st.floats(0.2, 60),
)
def test_pieces_are_in_order_apart_and_of_a_length_that_can_be_encoded(
    stretches: list[tuple[float, bool]], bar: float | None
) -> None:
    power = hops(*stretches)
    samples = len(power) * RATE // 10
    pieces = cut(power, samples, bar)
    for piece in pieces:
        assert piece.start >= 0
        assert piece.start + piece.length <= samples
        assert SHORTEST * RATE <= piece.length <= LONGEST * RATE + 1
    for before, after in pairwise(pieces):
        assert before.start + before.length <= after.start
    # no sound of more than a moment is lost
    kept = np.zeros(samples, dtype=bool)
    for piece in pieces:
        kept[piece.start : piece.start + piece.length] = True
    at = 0
    for seconds, loud in stretches:
        end = at + round(10 * seconds) * RATE // 10
        if loud and seconds > 3:
            assert kept[at:end].mean() > 0.65
        at = end
