"""Frames become sound early, in order, and go on from a clip without a click."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.codec.encodec import Codec
from core.codec.soft_clip import soft_clip
from core.generation.audio_stream import HEARD_FRAMES, WARM_FRAMES, AudioStream, SoundBlock
from core.generation.params import Prompt, SamplingParams
from core.generation.seam import SEAM_SAMPLES, join_clip
from tests.core.codec.small_codecs import small_codec

CODEC = Codec(small_codec())
STEREO = Codec(small_codec(), channels=2)


class Script:
    """A token stream that gives out what it was given."""

    def __init__(self, codes: np.ndarray) -> None:
        self.left = [torch.from_numpy(frame.copy()) for frame in codes.T]

    def next_frame(self) -> Tensor | None:
        return self.left.pop(0) if self.left else None

    prompt, sampling = Prompt(), SamplingParams()

    def codes(self) -> np.ndarray:
        raise NotImplementedError

    def rewind(self, frames: int) -> None: ...

    def change_prompt(self, prompt: Prompt) -> None: ...

    def change_sampling(self, sampling: SamplingParams) -> None: ...

    def forget_text(self) -> None: ...


def random_codes(frames: int, books: int = 4) -> np.ndarray:
    return np.random.default_rng(frames).integers(0, 256, (books, frames))


def play(stream: AudioStream) -> list[SoundBlock]:
    blocks = []
    while not stream.ended:
        block = stream.step()
        if block is not None:
            blocks.append(block)
    return blocks


def joined(blocks: list[SoundBlock]) -> np.ndarray:
    return np.concatenate([block.pcm for block in blocks])


@pytest.mark.parametrize(("codec", "books"), [(CODEC, 4), (STEREO, 8)])
@pytest.mark.parametrize("frames", [0, 1, 3, 5, 64])
def test_a_take_sounds_like_its_tokens(codec: Codec, books: int, frames: int) -> None:
    codes = random_codes(frames, books)
    blocks = play(AudioStream(Script(codes), codec.streaming))
    np.testing.assert_allclose(joined(blocks), soft_clip(codec.decode(codes)), atol=1e-4)
    assert [block.last for block in blocks] == [False] * (len(blocks) - 1) + [True]
    at = 0
    for block in blocks:
        assert block.first_sample == at
        at += len(block.pcm)


def test_sound_begins_with_the_fifth_frame() -> None:
    stream = AudioStream(Script(random_codes(30)), CODEC.streaming)
    for _ in range(4):
        assert stream.step() is None
    first = stream.step()
    assert first is not None
    assert first.first_sample == 0
    assert len(first.pcm) == 5 * 640 - 2_402


def test_tokens_are_told_once_and_in_order() -> None:
    codes = random_codes(12)
    stream = AudioStream(Script(codes), CODEC.streaming)
    stream.step()
    told = [stream.untold_codes()]
    assert stream.untold_codes() is None
    while not stream.ended:
        stream.step()
    told.append(stream.untold_codes())
    heard = [each for each in told if each is not None]
    np.testing.assert_array_equal(np.concatenate(heard, 1), codes)


@pytest.mark.parametrize("context_frames", [1, 3, 50, WARM_FRAMES + 2, WARM_FRAMES + HEARD_FRAMES])
def test_a_continuation_goes_on_from_the_seam(context_frames: int) -> None:
    codes = random_codes(context_frames + 40)
    context = codes[:, :context_frames]
    stream = AudioStream(Script(codes[:, context_frames:]), CODEC.streaming, context)
    heard = joined(play(stream))
    whole = soft_clip(CODEC.decode(codes))
    seam = context_frames * 640
    np.testing.assert_allclose(heard, whole[seam:], atol=1e-4)
    rendered = whole[max(0, seam - SEAM_SAMPLES) : seam]
    np.testing.assert_allclose(stream.seam, rendered, atol=1e-4)


@pytest.mark.parametrize("first_sample", [0, 1, 9_000, 30 * 640 - 2_402])
def test_an_interrupted_take_goes_on_at_the_sample_last_delivered(first_sample: int) -> None:
    codes = random_codes(20 + 30 + 25)  # context, told before the interruption, drawn after it
    stream = AudioStream(
        Script(codes[:, 50:]), CODEC.streaming, codes[:, :50], done=30, first_sample=first_sample
    )
    blocks = play(stream)
    assert blocks[0].first_sample == first_sample
    assert stream.frames == 55
    np.testing.assert_allclose(
        joined(blocks), soft_clip(CODEC.decode(codes))[20 * 640 + first_sample :], atol=1e-4
    )


def test_what_was_drawn_is_heard_before_a_pause_and_a_cut_is_silent() -> None:
    codes = random_codes(30)
    stream = AudioStream(Script(codes), CODEC.streaming)
    blocks = [stream.step() for _ in range(9)]
    blocks.append(stream.hand_over())
    assert stream.hand_over() is None
    heard = joined([block for block in blocks if block is not None])
    assert len(heard) == 9 * 640 - 2_402
    end = stream.cut()
    assert (end.first_sample, len(end.pcm), end.last) == (len(heard), 0, True)
    assert stream.ended


# ------------------------------------------------------------------------ clips


def sine(samples: int, channels: int = 1, rate: int = 32_000) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * 220 * np.arange(samples) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, 1)


def test_a_kept_clip_joins_without_a_click() -> None:
    clip = sine(20_000)
    rendering = 0.9 * sine(30_000)  # the codec's version is not quite the clip
    whole = join_clip(clip, rendering[20_000 - SEAM_SAMPLES : 20_000], rendering[20_000:])
    assert whole.shape == (30_000, 1)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole[: 20_000 - SEAM_SAMPLES], clip[: 20_000 - SEAM_SAMPLES])
    steps = np.abs(np.diff(whole[:, 0]))
    assert steps.max() < 1.05 * np.abs(np.diff(clip[:, 0])).max()
    np.testing.assert_array_equal(
        join_clip(clip, clip[:0], rendering), np.concatenate((clip, rendering))
    )
