"""The plain bfloat16 attention against PyTorch's own, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.model import attention


def _heads(length: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, length, 16, generator=generator)


def _gradients(out: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    weights = torch.linspace(-1, 1, out.numel()).view(out.shape)
    return list(torch.autograd.grad((out.float() * weights).sum(), inputs))


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_causal_in_bfloat16_equals_the_reference_within_its_precision(length: int):
    exact = [_heads(length, seed).requires_grad_() for seed in range(3)]
    rough = [x.detach().bfloat16().requires_grad_() for x in exact]
    wanted = F.scaled_dot_product_attention(*exact, is_causal=True, scale=0.3)
    found = attention.causal(*rough, scale=0.3, dropout=0.0)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, atol=0.03, rtol=0.03)
    for mine, theirs in zip(_gradients(found, rough), _gradients(wanted, exact), strict=True):
        torch.testing.assert_close(mine.float(), theirs, atol=0.05, rtol=0.05)


def test_masked_positions_are_not_seen():
    query, keys, values = (_heads(n, n).bfloat16() for n in (40, 7, 7))
    mask = torch.ones(2, 1, 1, 7, dtype=torch.bool)
    mask[1, ..., 4:] = False
    found = attention.masked(query, keys, values, mask, 0.3, 0.0)
    changed = keys.clone()
    changed[1, :, 4:] = 50.0
    assert torch.equal(found, attention.masked(query, changed, values, mask, 0.3, 0.0))
    wanted = F.scaled_dot_product_attention(
        query.float(), keys.float(), values.float(), attn_mask=mask, scale=0.3
    )
    torch.testing.assert_close(found.float(), wanted, atol=0.03, rtol=0.03)


def test_float32_takes_the_fused_kernel():
    query, keys, values = (_heads(50, seed) for seed in range(3))
    wanted = F.scaled_dot_product_attention(query, keys, values, is_causal=True, scale=0.3)
    assert torch.equal(attention.causal(query, keys, values, 0.3, 0.0), wanted)
