"""Where the beats lie against the grid, on drums whose place is known."""

from __future__ import annotations

import numpy as np
import pytest

from daw_bridge.looping.beat_drift import Drift, beat_drift

RATE = 32_000
BEAT = 0.5


def drums(beat: float, seconds: float, offset: float = 0.0, seed: int = 0) -> np.ndarray:
    """A kick on each beat and a hat between, with hiss: [samples, 1]."""
    draw = np.random.default_rng(seed)
    sound = draw.normal(0, 0.01, round(seconds * RATE) + RATE)
    t = np.arange(3200)
    kick = np.exp(-t / 600) * np.sin(2 * np.pi * (60 + 200 * np.exp(-t / 300)) * t / RATE)
    hat = 0.4 * np.exp(-t / 200) * draw.normal(0, 1, 3200)
    for half_beat in range(round(2 * seconds / beat)):
        at = round((offset + half_beat * beat / 2) * RATE)
        if 0 <= at < len(sound) - 3200:
            sound[at : at + 3200] += kick if half_beat % 2 == 0 else hat
    return sound[: round(seconds * RATE), None].astype(np.float32)


@pytest.mark.parametrize("ratio", [0.98, 0.998, 1.0, 1.003, 1.02])
@pytest.mark.parametrize("offset", [0.0, 0.02, -0.015])
def test_drums_that_stray_are_found_within_two_milliseconds(ratio: float, offset: float) -> None:
    found = beat_drift(drums(BEAT * ratio, 8.0, offset), BEAT)
    assert found.certain
    assert found.offset == pytest.approx(offset, abs=0.002)
    assert found.after(8.0) == pytest.approx((ratio - 1) * 8.0, abs=0.003)


def test_a_minute_of_drums_is_followed_to_its_end() -> None:
    found = beat_drift(drums(BEAT * 1.004, 60.0), BEAT)
    assert found.certain
    assert found.after(60.0) == pytest.approx(0.24, abs=0.003)


@pytest.mark.parametrize("tempo_share", [0.8, 0.87, 1.1, 1.2])
def test_another_tempo_is_no_drift(tempo_share: float) -> None:
    assert not beat_drift(drums(BEAT / tempo_share, 8.0), BEAT).certain


def test_beats_between_the_lines_are_left_where_they_are() -> None:
    assert not beat_drift(drums(BEAT, 8.0, offset=0.11), BEAT).certain


def test_where_there_is_no_beat_nothing_is_claimed() -> None:
    draw = np.random.default_rng(1)
    t = np.arange(8 * RATE) / RATE
    pad = 0.3 * np.sin(2 * np.pi * 220 * t) * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * t))
    for sound in (np.zeros(8 * RATE), pad, draw.normal(0, 0.1, 8 * RATE)):
        assert not beat_drift(sound[:, None].astype(np.float32), BEAT).certain


def test_three_beats_tell_nothing() -> None:
    assert beat_drift(drums(BEAT, 1.5), BEAT) == Drift()
