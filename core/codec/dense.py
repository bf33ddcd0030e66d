"""An affine map whose weights are laid out once for the processor it runs on.

At the sizes of a streaming step (a few rows against a large matrix) the packed product of
core/packed_weights.py is two to three times as fast on a CPU as
`torch.nn.functional.linear`. Where it is missing, on another device, or with
`DAW_BRIDGE_PACKED=0` in the environment, plain `linear` gives the same numbers.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from core.packed_weights import can_pack, packed, product

_SMALLEST_PACKED = 4_096  # weights; below it the fixed cost of the packed call is the larger


class Dense:
    """y = x · weightᵀ + bias for x [..., inputs] → [..., outputs]; float32, inference only.

    weight: [outputs, inputs]; bias: [outputs] or None. Neither may change afterwards.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = weight.detach().contiguous()
        self.bias = None if bias is None else bias.detach().contiguous()
        self._packed: Tensor | None = None
        if self.weight.numel() >= _SMALLEST_PACKED and can_pack(self.weight):
            try:  # no row count is named: that is the fastest at every row count measured
                self._packed = packed(self.weight)
            except RuntimeError:
                self._packed = None  # a build of torch without oneDNN's linear

    def __call__(self, x: Tensor) -> Tensor:
        if self._packed is None:
            return F.linear(x, self.weight, self.bias)
        return product(x, self._packed, self.bias)
