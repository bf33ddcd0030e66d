"""The line through the ticks: both kinds of jitter, changes of tempo, stalls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.tick_line import LINE, TickLine


def laid(times) -> TickLine:
    line = TickLine()
    for at in times:
        line.add(float(at))
    return line


def bpm_of(line: TickLine) -> float:
    return 2.5 / line.fit()[0]


def grid(count: int, bpm: float, jitter: float, rng: np.random.Generator):
    """Ticks early or late by themselves; and when they should have come."""
    true = np.arange(count) * 2.5 / bpm
    return true + rng.uniform(-jitter, jitter, count), true


def walk(count: int, bpm: float, share: float, rng: np.random.Generator):
    """Uneven intervals, never made up for: `jack_midi_clock -J`."""
    return np.cumsum(2.5 / bpm * (1 + rng.uniform(-share, share, count)))


@settings(max_examples=12, deadline=None)
@given(bpm=st.floats(30, 200), jitter=st.floats(0, 0.002), seed=st.integers(0, 9999))
def test_two_bars_of_scattered_ticks_give_tempo_and_beat(
    bpm: float, jitter: float, seed: int
) -> None:
    times, true = grid(LINE + 1, bpm, jitter, np.random.default_rng(seed))
    line = laid(times)
    assert bpm_of(line) == pytest.approx(bpm, abs=0.05 * max(1.0, (bpm / 120) ** 2))
    assert line.fit()[1] == pytest.approx(true[-1], abs=0.0002 + jitter)


@settings(max_examples=12, deadline=None)
@given(bpm=st.sampled_from([30, 97.5, 120, 300]), seed=st.integers(0, 9999))
def test_a_sender_of_uneven_intervals_is_followed_as_it_goes(bpm: float, seed: int) -> None:
    times = walk(LINE + 1, bpm, 0.2, np.random.default_rng(seed))
    line = laid(times)
    own = 2.5 * LINE / (times[-1] - times[0])  # its tempo over these two bars
    assert len(line) == LINE + 1, "no change of tempo was seen in it"
    assert bpm_of(line) == pytest.approx(own, rel=0.002)
    assert line.fit()[1] == pytest.approx(times[-1], abs=0.1 * 2.5 / bpm)


@settings(max_examples=12, deadline=None)
@given(
    before=st.floats(60, 200), ratio=st.one_of(st.floats(0.5, 0.93), st.floats(1.07, 2)),
    jitter=st.floats(0, 0.002), seed=st.integers(0, 9999),
)  # fmt: skip
def test_a_step_of_tempo_is_there_after_two_beats(
    before: float, ratio: float, jitter: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    old, true = grid(300, before, jitter, rng)
    new, _ = grid(49, before * ratio, jitter, rng)
    line = laid(np.concatenate([old, true[-1] + new[1:]]))
    assert bpm_of(line) == pytest.approx(before * ratio, rel=0.015)


@settings(max_examples=12, deadline=None)
@given(stall=st.floats(0.008, 0.5), jitter=st.floats(0, 0.001), seed=st.integers(0, 9999))
def test_a_stall_moves_the_grid_and_leaves_the_tempo(
    stall: float, jitter: float, seed: int
) -> None:
    times, true = grid(300, 120, jitter, np.random.default_rng(seed))
    times[250:] += stall
    line = laid(times)
    assert bpm_of(line) == pytest.approx(120, abs=0.3)
    assert line.fit()[1] == pytest.approx(true[-1] + stall, abs=0.0005 + jitter)


@pytest.mark.parametrize("late", [0.004, 0.015, 0.018])
def test_a_late_tick_is_not_believed(late: float) -> None:
    times, true = grid(200, 120, 0.0003, np.random.default_rng(3))
    times[-1] += late
    line = laid(times)
    assert line.undecided
    assert bpm_of(line) == pytest.approx(120, abs=0.2)
    assert line.fit()[1] == pytest.approx(true[-1], abs=0.001)
