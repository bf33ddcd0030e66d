"""Attention over whole sequences, by whichever kernel is fastest where it runs.

On the CPU, PyTorch's fused kernel computes bfloat16 slowly: for four rows of 500 positions and
four heads of 64, forward and backward took 40 ms against 20 ms in blocks of 64 rows, and
attention to twenty text tokens 14 ms against 3 ms by plain products (one core, AVX-512 bf16).
That is a fifth of a training step of the starter model. Everything else goes to the fused one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_BLOCK = 64  # rows; a block's keys end where its last row stands


def causal(query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
    """Each position attends to itself and to what came before. All [B,h,S,d] → [B,h,S,d]."""
    if not _plain_is_faster(query, dropout):
        return F.scaled_dot_product_attention(
            query, key, value, is_causal=True, dropout_p=dropout, scale=scale
        )
    length = query.shape[2]
    query, keys = query * scale, key.transpose(2, 3)
    future = query.new_full((_BLOCK, _BLOCK), float("-inf")).triu(1)
    out = []
    for start in range(0, length, _BLOCK):
        stop = min(start + _BLOCK, length)
        scores = query[:, :, start:stop] @ keys[..., :stop]
        scores[..., start:stop] += future[: stop - start, : stop - start]
        out.append(torch.softmax(scores, -1) @ value[:, :, :stop])
    return torch.cat(out, 2)


def masked(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, dropout: float
) -> Tensor:
    """query [B,h,S,d], key and value [B,h,T,d], mask [B,1,1,T] or [S,T], true where attended."""
    if not _plain_is_faster(query, dropout):
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
        )
    scores = (query * scale) @ key.transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, -1) @ value


def _plain_is_faster(query: Tensor, dropout: float) -> bool:
    return query.device.type == "cpu" and query.dtype == torch.bfloat16 and not dropout
