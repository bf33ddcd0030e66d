"""Doubled and lost ticks: the count stays the song's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.tick_filter import WATCHED, TickFilter


def counted(times) -> int:
    ticks = TickFilter()
    return sum(ticks.count(float(at)) for at in times)


def even(count: int, bpm: float = 120, jitter: float = 0.0, seed: int = 0):
    noise = np.random.default_rng(seed).uniform(-jitter, jitter, count)
    return (np.arange(count) + noise) * 60 / bpm / 24


@settings(max_examples=25, deadline=None)
@given(bpm=st.floats(20, 400), jitter=st.floats(0, 0.2), seed=st.integers(0, 999))
def test_ticks_that_merely_jitter_count_one_each(bpm: float, jitter: float, seed: int) -> None:
    assert counted(even(200, bpm, jitter, seed)) == 200


@settings(max_examples=25, deadline=None)
@given(
    bpm=st.floats(20, 400), apart=st.floats(0, 0.12), jitter=st.floats(0, 0.02),
    begins=st.integers(0, 60), lasts=st.integers(WATCHED, 100),
)  # fmt: skip
def test_a_sender_heard_twice_counts_once(
    bpm: float, apart: float, jitter: float, begins: int, lasts: int
) -> None:
    once = even(200, bpm, jitter)
    again = once[begins : begins + lasts] + apart * 60 / bpm / 24
    assert counted(np.sort(np.concatenate([once, again]))) == pytest.approx(200, abs=1)


@settings(max_examples=25, deadline=None)
@given(
    bpm=st.floats(20, 400), jitter=st.floats(0, 0.02),
    gone=st.sets(st.integers(2, 14), max_size=6), run=st.integers(1, 3),
)  # fmt: skip
def test_lost_ticks_are_made_up_for(bpm: float, jitter: float, gone: set[int], run: int) -> None:
    times = even(300, bpm, jitter)
    lost = [at + i for at in (20 * n for n in gone) for i in range(run)]
    assert counted(np.delete(times, lost)) == 300


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_slower_tempo_is_no_loss(factor: int) -> None:
    fast, slow = even(100), even(100, 120 / factor)
    assert counted(np.concatenate([fast, fast[-1] + slow[1:]])) == 199


@pytest.mark.parametrize("factor", [2, 4])
def test_a_faster_tempo_is_no_double(factor: int) -> None:
    slow, fast = even(100), even(100, 120 * factor)
    assert counted(np.concatenate([slow, slow[-1] + fast[1:]])) == 199
