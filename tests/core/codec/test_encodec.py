"""Whole clips through the codec, mono and stereo."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.codec.encodec import Codec
from core.errors import BadClip
from tests.core.codec.small_codecs import small_codec


def noise(samples: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.2, (samples, channels)).astype(np.float32)


def test_mono_there_and_back_has_the_shapes_of_the_contract() -> None:
    codec = Codec(small_codec())
    codes = codec.encode(noise(6_400, 1))
    assert codes.shape == (4, 10)
    assert codes.dtype == np.int64
    sound = codec.decode(codes)
    assert sound.shape == (6_400, 1)
    assert sound.dtype == np.float32
    assert (codec.rate, codec.frame_rate, codec.samples_per_frame) == (32_000, 50, 640)


def test_encode_is_transformers_encode() -> None:
    model = small_codec()
    pcm = noise(6_400, 1)
    with torch.inference_mode():
        theirs = model.encode(torch.from_numpy(pcm.T[None].copy()))[0][0, 0]
    np.testing.assert_array_equal(Codec(model).encode(pcm), theirs.numpy())


def test_a_stereo_clip_is_two_mono_clips_in_turn() -> None:
    model, pcm = small_codec(), noise(6_500, 2)
    stereo, mono = Codec(model, channels=2), Codec(model)
    codes = stereo.encode(pcm)
    assert codes.shape == (8, 11)  # 6500 samples begin an eleventh frame
    for side in (0, 1):
        alone = mono.encode(pcm[:, side : side + 1])
        np.testing.assert_array_equal(codes[side::2], alone)
        np.testing.assert_allclose(
            stereo.decode(codes)[:, side], mono.decode(alone)[:, 0], atol=1e-5
        )


def test_no_frames_are_no_samples() -> None:
    assert Codec(small_codec(), channels=2).decode(np.zeros((8, 0), np.int64)).shape == (0, 2)


@pytest.mark.parametrize("pcm", [np.zeros((0, 1)), np.full((700, 1), np.nan)])
def test_clips_that_cannot_be_encoded(pcm: np.ndarray) -> None:
    with pytest.raises(BadClip):
        Codec(small_codec()).encode(pcm.astype(np.float32))
