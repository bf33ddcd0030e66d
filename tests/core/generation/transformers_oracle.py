"""What transformers' own MusicGen generates, as codes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from tests.core.tiny_checkpoints import AnyMusicgen


def oracle_codes(
    model: AnyMusicgen,
    tokenizer: Any,
    text: str,
    frames: int,
    guidance: float,
    context: Tensor | None = None,
    chroma: Tensor | None = None,
) -> Tensor:
    """Greedy codes [K,F0+frames] of `model.generate`, the context included.

    An empty text is a text masked out, as the melody processor's `get_unconditional_inputs`.
    chroma: a melody's features [1,P,12].

    `generate` returns audio; the codes are what it hands to its codec, once in mono and
    once a channel in stereo. They are taken there, so nothing of its own loop is replaced.
    """
    handed_over: list[Tensor] = []

    def decode(codes: Tensor, **_: Any) -> SimpleNamespace:
        handed_over.append(codes[0, 0])  # [chunk, row, K, F]
        return SimpleNamespace(audio_values=torch.zeros(1, 1, 1))

    config = model.config.decoder
    channel_books = config.num_codebooks // config.audio_channels
    prompted = {} if context is None else {"decoder_input_ids": context}
    prompted |= {} if chroma is None else {"input_features": chroma}
    told = tokenizer([text], return_tensors="pt")
    if not text:
        told["attention_mask"][:] = 0
    with mock.patch.object(model.audio_encoder, "decode", decode):
        model.generate(
            **told,
            **prompted,
            do_sample=False,
            guidance_scale=guidance,
            max_new_tokens=frames + channel_books - 1,
        )
    if config.audio_channels == 1:
        return handed_over[0]
    left, right = handed_over
    return torch.stack((left, right), dim=1).flatten(0, 1)  # left/right pairs again
