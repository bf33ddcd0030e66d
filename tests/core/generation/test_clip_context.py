"""What of a clip is continued, and at which level."""

from __future__ import annotations

import numpy as np
import pytest

from core.codec.encodec import Codec
from core.codec.loudness import LoudnessMeter
from core.errors import BadClip
from core.generation.clip_context import LOUDEST, SOFTEST, clip_context
from core.generation.params import BarGrid
from tests.core.codec.small_codecs import small_codec

CODEC = Codec(small_codec())
STEREO = Codec(small_codec(), channels=2)


def sine(samples: int, channels: int = 1, rate: int = 32_000) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * 220 * np.arange(samples) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, 1)


def test_a_clips_last_whole_frames_become_context() -> None:
    clip = sine(10 * 640 + 123)
    heard = clip_context(CODEC, clip, 32_000, most_frames=4)
    same = clip[-4 * 640 :] / np.float32(heard.level)
    np.testing.assert_array_equal(heard.codes, CODEC.encode(same))
    assert clip_context(CODEC, clip, 32_000, most_frames=600).codes.shape == (4, 10)


@pytest.mark.parametrize(
    ("most", "bars", "frames"),
    [
        (80, BarGrid(25.0), 75),
        (80, BarGrid(24.9), 75),  # three bars of 24.9 frames, to the nearest frame
        (80, BarGrid(25.0, 5.0), 70),  # the clip ends 20 frames after a line
        (80, BarGrid(25.0, -20.0), 70),
        (80, BarGrid(100.0), 80),  # no bar is whole
        (100, BarGrid(100.4), 100),  # half a frame is not missed
    ],
)
def test_of_a_clip_whole_bars_are_heard(most: int, bars: BarGrid, frames: int) -> None:
    heard = clip_context(CODEC, sine(100 * 640), 32_000, most, bars)
    assert heard.codes.shape == (4, frames)


def loudness(pcm: np.ndarray) -> float:
    meter = LoudnessMeter()
    meter.feed(pcm.astype(np.float32))
    return meter.integrated


@pytest.mark.parametrize("decibels", [-35.0, -20.0, -12.5])
def test_the_model_hears_every_clip_as_loud_as_what_it_learnt_from(decibels: float) -> None:
    clip = sine(60 * 640)
    clip *= np.float32(10 ** ((decibels - loudness(clip)) / 20))
    heard = clip_context(CODEC, clip, 32_000, most_frames=60)
    np.testing.assert_array_equal(heard.codes, CODEC.encode(clip / np.float32(heard.level)))
    assert loudness(clip / heard.level) == pytest.approx(-18, abs=0.1)


def test_how_far_the_level_is_moved_has_bounds() -> None:
    """A square wave at full scale stays below it; hiss does not become music."""
    square = np.sign(sine(60 * 640)).astype(np.float32)
    assert clip_context(CODEC, square, 32_000, 60).level == LOUDEST
    hiss = 5e-4 * sine(60 * 640) / 0.3
    assert clip_context(CODEC, hiss, 32_000, 60).level == SOFTEST


def test_what_came_in_on_one_side_is_continued_as_loud_on_both() -> None:
    """Mixed to mono it loses half of its amplitude, and as music a quarter of its power."""
    clip = sine(60 * 640)
    left = np.concatenate((clip, np.zeros_like(clip)), axis=1)
    both_sides = clip_context(CODEC, np.repeat(clip, 2, axis=1), 32_000, 60)
    one_side = clip_context(CODEC, left, 32_000, 60)
    np.testing.assert_array_equal(one_side.codes, both_sides.codes)
    assert one_side.level == pytest.approx(both_sides.level / 2**0.5, rel=1e-3)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_clips_of_any_rate_and_width(rate: int) -> None:
    heard = clip_context(STEREO, sine(rate, 6, rate), rate, most_frames=25)
    assert heard.codes.shape == (8, 25)


@pytest.mark.parametrize(
    ("clip", "says"),
    [
        (np.zeros((9_000, 1), np.float32), "silent"),
        (sine(500), "20 ms"),
        (sine(0), "no audio"),
        (np.full((900, 1), np.nan, np.float32), "not numbers"),
    ],
)
def test_clips_that_cannot_be_continued(clip: np.ndarray, says: str) -> None:
    with pytest.raises(BadClip, match=says):
        clip_context(CODEC, clip, 32_000, most_frames=600)
