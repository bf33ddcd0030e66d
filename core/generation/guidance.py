"""Classifier-free guidance, pure."""

from __future__ import annotations

from torch import Tensor


def guide(logits: Tensor, scale: float, push: float = 1.0) -> Tensor:
    """logits [2,...] (told, null) → [...]: away from the null branch by `scale`.

    1 gives the branch that is told, 0 the other one. On raw logits, as AudioCraft and
    transformers do it.

    logits [3,...] (told words and a style, the style alone, null): first from the style towards
    both by `push`, then away from the null branch. 1 gives what two branches would (Rouard et al.
    2024, "double classifier-free guidance").
    """
    told, *style, null = logits
    for alone in style:
        told = alone + (told - alone) * push
    return null + (told - null) * scale
