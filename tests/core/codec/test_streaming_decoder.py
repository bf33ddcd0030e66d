"""The streamed decode is the whole-clip decode, however the frames are cut."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import EncodecModel

from core.codec.encodec import Codec
from core.codec.streaming_decoder import StreamingDecoder
from core.errors import BadCheckpoint
from tests.core.codec.small_codecs import public_codec, small_codec

TOLERANCE = 1e-4


def random_codes(codec: EncodecModel, frames: int, books: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, codec.config.codebook_size, (books, frames), generator=generator)


def whole(codec: EncodecModel, codes: Tensor) -> Tensor:
    """transformers' own decode of mono codes: [samples, 1]."""
    with torch.inference_mode():
        return codec.decode(codes[None, None], [None])[0][0].t()


def streamed(decoder: StreamingDecoder, codes: Tensor, pieces: list[int]) -> Tensor:
    state = decoder.start()
    blocks, at = [], 0
    for size in pieces:
        blocks.append(decoder.decode(state, codes[:, at : at + size]))
        at += size
    blocks.append(decoder.flush(state))
    return torch.cat(blocks)


CODECS = {"tiny": small_codec(), "public": public_codec()}
DECODERS = {name: StreamingDecoder(codec) for name, codec in CODECS.items()}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(CODECS)), st.lists(st.integers(0, 7), max_size=9), st.integers(0, 99))
def test_any_split_equals_the_whole(name: str, pieces: list[int], seed: int) -> None:
    codec, decoder = CODECS[name], DECODERS[name]
    codes = random_codes(codec, sum(pieces), seed=seed)
    heard = streamed(decoder, codes, pieces)
    assert heard.shape == (640 * sum(pieces), 1)
    if pieces and sum(pieces):
        torch.testing.assert_close(heard, whole(codec, codes), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_very_short_clips(frames: int) -> None:
    codec, decoder = CODECS["public"], DECODERS["public"]
    codes = random_codes(codec, frames)
    for pieces in ([frames], [1] * frames):
        heard = streamed(decoder, codes, pieces)
        torch.testing.assert_close(heard, whole(codec, codes), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_conv_shortcut": True},
        {"use_causal_conv": True},
        {"pad_mode": "constant"},
        {"num_residual_layers": 3},
        {"num_lstm_layers": 1},
        {"upsampling_ratios": [8, 5, 4, 2], "target_bandwidths": [3.2]},
    ],
    ids=str,
)
def test_other_seanets(changes: dict[str, object]) -> None:
    codec = small_codec(**changes)
    decoder = StreamingDecoder(codec)
    codes = random_codes(codec, 23)
    heard = streamed(decoder, codes, [1, 4, 0, 11, 7])
    torch.testing.assert_close(heard, whole(codec, codes), atol=TOLERANCE, rtol=0)


def test_holds_back_less_than_four_frames() -> None:
    decoder = DECODERS["public"]
    assert decoder.lookahead_samples == 2_402  # 3.75 frames
    state = decoder.start()
    codes = random_codes(CODECS["public"], 12)
    for frame in range(12):
        decoder.decode(state, codes[:, frame : frame + 1])
        assert state.samples == max(0, 640 * (frame + 1) - 2_402)


def test_stereo_runs_the_mono_codec_on_interleaved_books() -> None:
    codec = small_codec()
    codes = random_codes(codec, 17, books=8)
    heard = streamed(StreamingDecoder(codec, channels=2), codes, [3, 5, 9])
    sides = torch.cat((whole(codec, codes[::2]), whole(codec, codes[1::2])), 1)
    torch.testing.assert_close(heard, sides, atol=TOLERANCE, rtol=0)
    together = Codec(codec, channels=2).decode(codes)
    torch.testing.assert_close(heard, torch.from_numpy(together), atol=TOLERANCE, rtol=0)


def test_streams_of_one_decoder_do_not_disturb_each_other() -> None:
    codec, decoder = CODECS["tiny"], DECODERS["tiny"]
    first, second = random_codes(codec, 10, seed=1), random_codes(codec, 10, seed=2)
    a, b = decoder.start(), decoder.start()
    heard_a, heard_b = [], []
    for at in range(0, 10, 2):
        heard_a.append(decoder.decode(a, first[:, at : at + 2]))
        heard_b.append(decoder.decode(b, second[:, at : at + 2]))
    heard_a.append(decoder.flush(a))
    heard_b.append(decoder.flush(b))
    torch.testing.assert_close(torch.cat(heard_a), whole(codec, first), atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(torch.cat(heard_b), whole(codec, second), atol=TOLERANCE, rtol=0)


def test_an_ended_stream_says_so() -> None:
    decoder = DECODERS["tiny"]
    state = decoder.start()
    decoder.flush(state)
    with pytest.raises(ValueError, match="ended"):
        decoder.flush(state)


def test_a_minute_in_a_frame_costs_what_it_did_at_the_start() -> None:
    codec, decoder = CODECS["tiny"], DECODERS["tiny"]
    codes = random_codes(codec, 3_000)
    state = decoder.start()
    seconds = []
    for at in range(0, 3_000, 10):
        begun = time.process_time()
        decoder.decode(state, codes[:, at : at + 10])
        seconds.append(time.process_time() - begun)
    early, late = sorted(seconds[10:110])[25], sorted(seconds[-100:])[25]
    assert late < 2 * early


def test_group_norm_cannot_be_streamed_and_says_what_to_do() -> None:
    with pytest.raises(BadCheckpoint, match="use a checkpoint with EnCodec 32 kHz"):
        StreamingDecoder(small_codec(norm_type="time_group_norm"))


def test_without_packed_weights_it_sounds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAW_BRIDGE_PACKED", "0")
    codes = random_codes(CODECS["public"], 8)
    plain = streamed(StreamingDecoder(CODECS["public"]), codes, [8])
    packed = streamed(DECODERS["public"], codes, [8])
    torch.testing.assert_close(plain, packed, atol=1e-5, rtol=0)
