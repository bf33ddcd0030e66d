"""A take and its tail become a loop of exactly its bars that is not heard to begin again."""

from __future__ import annotations

import numpy as np
import pytest

from daw_bridge.looping.beat_drift import beat_drift
from daw_bridge.looping.loop_making import at_tempo, make_loop
from daw_bridge.looping.loop_point import CROSSING, likeness
from daw_bridge.looping.tail import tail_frames
from tests.daw_bridge.looping.test_beat_drift import BEAT, RATE, drums

LENGTH = 409_600 / 48_000  # 4 bars at 112.5 bpm
BEAT_112 = 60 / 112.5


def tone(seconds: float, hertz: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * t))[:, None].astype(np.float32)


def steps(loop: np.ndarray) -> np.ndarray:
    """The step into each sample, from the one before it as the loop goes round."""
    return np.abs(np.diff(loop[:, 0], prepend=loop[-1, 0]))


def with_tail(length: float) -> float:
    return length + tail_frames(length) / 50


@pytest.mark.parametrize("hertz", [55.0, 220.3, 441.7, 1999.9])
def test_a_tone_that_does_not_fit_the_loop_goes_round_without_a_click(hertz: float) -> None:
    made = make_loop(tone(with_tail(LENGTH), hertz), LENGTH, BEAT_112)
    assert made.pcm.shape == (round(LENGTH * RATE), 1)
    largest = 0.5 * 2 * np.pi * hertz / RATE
    assert steps(made.pcm).max() <= 1.03 * largest
    around = np.concatenate([made.pcm, made.pcm])[:, 0]
    level = np.sqrt(np.convolve(around**2, np.full(1280, 1 / 1280), mode="valid"))
    assert level.min() > 0.9 * 0.5 / np.sqrt(2)  # the crossing dips by less than 1 dB


def test_noise_keeps_its_level_through_the_crossing() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, (round(with_tail(4.0) * RATE), 1))
    made = make_loop(noise.astype(np.float32), 4.0, BEAT)
    assert made.point is not None
    at, half = made.point.at, CROSSING // 2
    inside = float(np.sqrt(np.mean(made.pcm**2)))
    assert np.sqrt(np.mean(made.pcm[at - half : at + half] ** 2)) == pytest.approx(inside, rel=0.15)


def test_beats_that_drift_are_brought_onto_the_grid() -> None:
    take = drums(BEAT * 1.01, with_tail(8.0), offset=0.012)
    made = make_loop(take, 8.0, BEAT)
    assert made.drift.after(8.0) == pytest.approx(0.08, abs=0.003)
    assert made.speed == pytest.approx(1.01, abs=0.0005)
    twice = np.concatenate([made.pcm, made.pcm])  # a drift would show twofold, over the wrap
    after = beat_drift(twice, BEAT)
    assert after.certain
    assert abs(after.after(16.0)) < 0.004
    assert abs(after.offset) < 0.003


def test_a_beat_that_keeps_time_is_not_touched() -> None:
    take = drums(BEAT, with_tail(8.0))
    made = make_loop(take, 8.0, BEAT)
    assert (made.speed, made.shift) == (1.0, 0.0)
    assert made.point is not None
    if made.point.moved == 0:
        begins = made.point.at + CROSSING // 2
        np.testing.assert_array_equal(made.pcm[begins:], take[begins : len(made.pcm)])


def test_the_crossing_keeps_away_from_attacks() -> None:
    """Tail and beginning hit the drum at slightly other times: crossed there it would flam."""
    take = drums(BEAT, with_tail(8.0))
    take[8 * RATE :] = drums(BEAT, with_tail(8.0) - 8.0, offset=0.004, seed=3)
    made = make_loop(take, 8.0, BEAT)
    assert made.point is not None
    nearest = abs((made.point.at / RATE + BEAT / 4) % (BEAT / 2) - BEAT / 4)
    assert nearest > 0.015


def test_tokens_draw_the_crossing_to_where_they_are_alike() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, (round(with_tail(4.0) * RATE), 1))
    frames = len(noise) // 640
    codes = np.random.default_rng(5).integers(0, 2048, (4, frames))
    codes[:, 15:20] = codes[:, 215:220]  # 0.3 to 0.4 s into the loop, and past its end of 4 s
    made = make_loop(noise.astype(np.float32), 4.0, BEAT, codes)
    assert made.point is not None
    assert 0.3 <= made.point.at / RATE <= 0.4
    assert made.point.likeness > 0.6
    assert likeness(codes, 17, 217) == 1.0
    assert likeness(codes, 2, 202) < 0.1


def test_without_a_tail_the_ends_are_faded() -> None:
    made = make_loop(tone(2.0, 441.7), 2.0, BEAT)
    assert made.point is None
    assert made.pcm.shape == (64_000, 1)
    assert steps(made.pcm).max() < 0.06


@pytest.mark.parametrize("share", [0.8, 0.97, 1.0005, 1.25])
def test_a_loop_at_another_tempo_still_meets_its_beginning(share: float) -> None:
    made = make_loop(drums(BEAT, with_tail(8.0)), 8.0, BEAT)
    samples = round(len(made.pcm) * share)
    other = at_tempo(made.pcm, samples)
    assert other.shape == (samples, 1)
    assert steps(other)[0] <= np.percentile(steps(other), 99.9)
    after = beat_drift(np.concatenate([other, other]), BEAT * share)
    assert after.certain
    assert abs(after.offset) < 0.004
    assert abs(after.after(16.0 * share)) < 0.006
