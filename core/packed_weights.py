"""Weights of an affine map in oneDNN's own layout, for products of a few rows on a CPU.

For few rows the general product (`F.linear` → MKL) lets a BLAS read the weights as they lie,
and is about three times slower than reading them once takes; oneDNN on weights that it has
laid out beforehand reads them once. The two operators are the ones torch's own compiler puts
into frozen CPU graphs. They are not public, so a build of torch may lack or refuse them: the
plain product gives the same numbers, and `DAW_BRIDGE_PACKED=0` asks for it everywhere.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

OFF_SWITCH = "DAW_BRIDGE_PACKED"


def can_pack(weight: Tensor) -> bool:
    """Whether `packed` may be tried: on a CPU with oneDNN, for a dtype that both can multiply, and
    not switched off."""
    return (
        os.environ.get(OFF_SWITCH, "1") != "0"
        and weight.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and (weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and knows_bfloat16()))
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def knows_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; emulated it would be slower."""
    knows = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return knows is not None and knows()


def packed(weight: Tensor, rows: int | None = None) -> Tensor:
    """weight [outputs, inputs], contiguous, laid out anew; opaque to all but `product`.

    rows: of how many the products will be; None for any number. Raises RuntimeError where this
    build of torch cannot.
    """
    return torch.ops.mkldnn._reorder_linear_weight(weight, rows)


def product(x: Tensor, packed_weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x · weightᵀ + bias for x [..., inputs] → [..., outputs]."""
    return torch.ops.mkldnn._linear_pointwise(x, packed_weight, bias, "none", [], "")
