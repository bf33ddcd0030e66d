"""The streaming decoder against the whole-clip decode, at the public codec's size.

stream_decode: seconds to decode 10 s of audio in the engine's blocks of 10 frames (0.2 s);
    baseline: `EncodecModel.decode` of all of it; the ratio is streamed to whole.
stream_decode_single: the same a frame at a time, the least latency there is.
stream_decode_error: largest difference between the two, in full scale.

Both run with torch's own number of threads, in turns; the best of each counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import EncodecModel

from core.codec.streaming_decoder import StreamingDecoder
from core.generation.audio_stream import LATER_BLOCKS
from tests.core.codec.small_codecs import public_codec

FRAMES = 500
FILTERS = 64
REPEATS = 3


def figures(frames: int = FRAMES, filters: int = FILTERS, repeats: int = REPEATS) -> dict[str, Any]:
    codec = public_codec(filters)
    decoder = StreamingDecoder(codec)
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, codec.config.codebook_size, (4, frames), generator=generator)
    ways: dict[str, Callable[[], Tensor]] = {
        "whole": lambda: whole(codec, codes),
        "blocks": lambda: streamed(decoder, codes, LATER_BLOCKS),
        "single": lambda: streamed(decoder, codes, 1),
    }
    sound = {name: decode() for name, decode in ways.items()}  # also warms up
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, decode in ways.items():
            begun = time.perf_counter()
            decode()
            best[name] = min(best[name], time.perf_counter() - begun)
    error = max(float((sound[name] - sound["whole"]).abs().max()) for name in ways)
    return {
        "stream_decode": _seconds(best["blocks"], best["whole"]),
        "stream_decode_single": _seconds(best["single"], best["whole"]),
        "stream_decode_error": {
            "value": error,
            "unit": "full scale",
            "baseline": None,
            "ratio": None,
        },
    }


def whole(codec: EncodecModel, codes: Tensor) -> Tensor:
    with torch.inference_mode():
        found = codec.decode(codes[None, None], [None])  # pyright: ignore[reportArgumentType]
        return found[0][0].t()


def streamed(decoder: StreamingDecoder, codes: Tensor, block: int) -> Tensor:
    state = decoder.start()
    pieces = [decoder.decode(state, piece) for piece in codes.split(block, dim=1)]
    return torch.cat([*pieces, decoder.flush(state)])


def _seconds(value: float, baseline: float) -> dict[str, Any]:
    return {"value": value, "unit": "s", "baseline": baseline, "ratio": value / baseline}
