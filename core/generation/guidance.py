"""Classifier-free guidance, pure."""

from __future__ import annotations

from torch import Tensor


def guide(logits: Tensor, scale: float) -> Tensor:
    """logits [2,...] (with text, without) → [...]: away from the null branch by `scale`.

    1 gives the branch with text, 0 the one without. On raw logits, as AudioCraft and
    transformers do it.
    """
    told, null = logits
    return null + (told - null) * scale
