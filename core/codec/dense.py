"""An affine map whose weights are laid out once for the processor it runs on.

At the sizes of a streaming step (a few rows against a large matrix) the packed oneDNN product
is two to three times as fast on a CPU as `torch.nn.functional.linear`, which hands each call to
a general BLAS and lets it read the weights as they lie. The packed operator is the one that
`torch.compile` puts into frozen CPU graphs; where it is missing, on another device, or with
`DAW_BRIDGE_PACKED=0` in the environment, plain `linear` gives the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

OFF_SWITCH = "DAW_BRIDGE_PACKED"  # shared with core.model.packed_linear
_SMALLEST_PACKED = 4_096  # weights; below it the fixed cost of the packed call is the larger


class Dense:
    """y = x · weightᵀ + bias for x [..., inputs] → [..., outputs]; float32, inference only.

    weight: [outputs, inputs]; bias: [outputs] or None. Neither may change afterwards.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = weight.detach().contiguous()
        self.bias = None if bias is None else bias.detach().contiguous()
        self._packed: Tensor | None = None
        self._multiply: Callable[..., Tensor] | None = None
        if self.weight.device.type == "cpu" and self.weight.numel() >= _SMALLEST_PACKED:
            self._pack()

    def _pack(self) -> None:
        off = os.environ.get(OFF_SWITCH, "1") == "0"
        if off or self.weight.dtype != torch.float32 or not torch.backends.mkldnn.is_available():
            return
        try:
            operators = torch.ops.mkldnn
            # No row count is named: such a packing is the fastest at every row count measured.
            self._packed = operators._reorder_linear_weight(self.weight, None)
            self._multiply = operators._linear_pointwise
        except (AttributeError, RuntimeError, NotImplementedError):
            self._packed = None  # a build of torch without oneDNN's linear

    def __call__(self, x: Tensor) -> Tensor:
        if self._packed is None or self._multiply is None:
            return F.linear(x, self.weight, self.bias)
        return self._multiply(x, self._packed, self.bias, "none", [], "")
