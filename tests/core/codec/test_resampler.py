"""Rates and channels on the way into the model and out of it."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from core.codec.resampler import StreamResampler, to_channels, to_model_rate
from core.errors import BadClip


def sine(rate: int, seconds: float = 0.5, channels: int = 1, hertz: float = 440) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([(32_000, 48_000), (44_100, 32_000), (32_000, 32_000), (32_000, 44_100)]),
    st.lists(st.integers(0, 2_000), max_size=8),
)
def test_blocks_of_any_size_join_without_a_seam(rates: tuple[int, int], sizes: list[int]) -> None:
    rate_in, rate_out = rates
    pcm = sine(rate_in, channels=2)[: sum(sizes)]
    sizes = [*sizes, len(pcm)]
    stream = StreamResampler(rate_in, rate_out, 2)
    blocks, at = [], 0
    for size in sizes:
        blocks.append(stream.process(pcm[at : at + size]))
        at += size
    blocks.append(stream.flush())
    joined = np.concatenate(blocks)
    assert joined.dtype == np.float32
    assert abs(len(joined) - len(pcm) * rate_out / rate_in) <= 1
    if len(pcm):
        np.testing.assert_allclose(
            joined, soxr.resample(pcm, rate_in, rate_out, quality="HQ"), atol=1e-5
        )


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("wanted", [1, 2])
def test_any_clip_reaches_the_model(rate: int, channels: int, wanted: int) -> None:
    heard = to_model_rate(sine(rate, channels=channels), rate, wanted)
    assert heard.shape == (16_000, wanted)
    assert heard.dtype == np.float32
    middle = slice(2_000, 14_000)
    np.testing.assert_allclose(heard[middle], sine(32_000, channels=wanted)[middle], atol=2e-3)


def test_stereo_to_mono_is_the_mean_and_mono_to_stereo_the_same_twice() -> None:
    pcm = np.array([[1.0, 0.0], [0.5, -0.5]], np.float32)
    np.testing.assert_array_equal(to_channels(pcm, 1), [[0.5], [0.0]])
    np.testing.assert_array_equal(to_channels(pcm[:, :1], 2), [[1, 1], [0.5, 0.5]])


def test_surround_sides_stay_on_their_side_and_bass_is_left_out() -> None:
    left_surround, bass = np.zeros((2, 1, 6), np.float32)
    left_surround[0, 4] = bass[0, 3] = 1
    mixed = to_channels(left_surround, 2)
    assert mixed[0, 0] > 0.2
    assert mixed[0, 1] == 0
    assert not to_channels(bass, 2).any()


@pytest.mark.parametrize(
    ("pcm", "rate"),
    [
        (np.zeros((0, 2), np.float32), 44_100),
        (np.full((9, 1), np.inf, np.float32), 44_100),
        (np.zeros((9, 1), np.float32), 0),
    ],
)
def test_bad_clips(pcm: np.ndarray, rate: int) -> None:
    with pytest.raises(BadClip):
        to_model_rate(pcm, rate, 1)
