"""The acceptance of endless takes would see a gap, were there one."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from tests.real.endless_figures import departures, levels, silences, spectral_steps

RATE = 48_000


@pytest.fixture
def take() -> np.ndarray:
    """Six seconds of noise that swells."""
    noise = np.random.default_rng(0).standard_normal(6 * 32_000)
    return (0.1 * noise * np.linspace(0.5, 1, len(noise))).astype(np.float32)


@pytest.fixture
def heard(take: np.ndarray) -> np.ndarray:
    sound = soxr.resample(take, 32_000, RATE, quality="HQ")
    return np.concatenate((np.zeros(7_001, np.float32), sound, np.zeros(20_000, np.float32)))


def test_the_take_as_it_is_has_no_gap(take: np.ndarray, heard: np.ndarray) -> None:
    assert departures(heard, take, RATE, []) == []
    assert silences(heard, RATE) == 0


@pytest.mark.parametrize("how", ["silent", "lost", "doubled"])
def test_a_block_that_is_not_there_is_seen(take: np.ndarray, heard: np.ndarray, how: str) -> None:
    at, block = 7_001 + 3 * RATE, 256
    if how == "silent":
        heard[at : at + block] = 0
        assert silences(heard, RATE) == 1
    elif how == "lost":
        heard = np.delete(heard, slice(at, at + block))
    else:
        heard = np.insert(heard, at, heard[at - block : at])
    assert departures(heard, take, RATE, [])[0] == pytest.approx(3.0, abs=0.001)
    if how == "silent":
        assert departures(heard, take, RATE, [3.0]) == []


def test_a_step_of_level_or_spectrum_shows(take: np.ndarray) -> None:
    take = take / np.linspace(0.5, 1, len(take)).astype(np.float32)
    assert np.ptp(levels(take, 32_000)) < 0.3
    louder = take.copy()
    louder[3 * 32_000 :] *= 2
    assert np.diff(levels(louder, 32_000))[2] == pytest.approx(6.02, abs=0.2)
    darker = take.copy()
    darker[3 * 32_000 :] = np.convolve(darker[3 * 32_000 :], np.ones(8) / 8, "same")
    assert spectral_steps(darker)[2] > 5 * np.delete(spectral_steps(darker), 2).max()
