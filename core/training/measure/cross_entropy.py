"""The Transformer on held-out codes: nats a code, beside what frequencies alone know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from core.generation.delay_pattern import interleave
from core.model.checkpoint import LoadedModel

Codes = NDArray[np.int64]


@torch.inference_mode()
def cross_entropy(loaded: LoadedModel, codes: Codes, text: str) -> list[float]:
    """Mean nats a code of each codebook, codes [codebooks, frames], teacher forcing.

    text: the prompt; an empty one is the null branch of guidance.
    """
    config = loaded.config
    delayed = interleave(
        torch.from_numpy(codes)[None].to(loaded.lm.device), config.delays, config.special_token
    )
    states, mask = (None, None) if not text else loaded.conditioner.text_states([text])
    states = None if states is None else states.to(loaded.lm.dtype)
    logits = loaded.lm(delayed[..., :-1], states, mask)[0].float()
    targets = delayed[0, :, 1:].clone()
    targets[targets == config.special_token] = -100
    return [float(F.cross_entropy(*pair)) for pair in zip(logits, targets, strict=True)]


def unigram_entropy(seen: Sequence[Codes], held_out: Sequence[Codes], vocab: int) -> list[float]:
    """Nats a code of each held-out codebook under the frequencies in `seen`, plus one each."""
    out = []
    for book, held in zip(np.hstack(seen), np.hstack(held_out), strict=True):
        counts = np.bincount(book, minlength=vocab) + 1.0
        out.append(float(-np.log(counts / counts.sum())[held].mean()))
    return out
