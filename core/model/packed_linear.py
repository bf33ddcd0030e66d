"""Linear layers for one or two rows on a CPU, with weights in oneDNN's own layout.

A step of guided generation multiplies two rows with every weight (core/packed_weights.py says
why that is worth a layout). The layout is made when a model is loaded, and replaces the plain
weights, so no memory is added. Where it cannot be made, the layer stays an `nn.Linear`.

A packed model computes; it cannot be trained, saved or moved.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core import packed_weights
from core.model.linear_layers import replace_bias_free

ROWS = 2  # the layout is chosen for this many: guidance's two branches


class PackedLinear(nn.Module):
    """y = x Wᵀ for float32 or bfloat16 on a CPU. Takes over a bias-free `nn.Linear`."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self._packed: Tensor = packed_weights.packed(plain.weight.detach().contiguous(), ROWS)

    def forward(self, x: Tensor) -> Tensor:
        """x [...,in] → [...,out]."""
        made = packed_weights.product(x.reshape(-1, self.in_features), self._packed)
        return made.view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}"


def can_pack(model: nn.Module) -> bool:
    """Whether `pack` would do anything (core/packed_weights.py)."""
    first = next(model.parameters(), None)
    return first is not None and packed_weights.can_pack(first)


@torch.no_grad()
def pack(model: nn.Module) -> bool:
    """Replace the bias-free linear layers of a model, one at a time; → whether it was done.

    A layer that cannot be packed ends it; plain and packed layers work side by side.
    """
    if not can_pack(model):
        return False
    try:
        replace_bias_free(model, PackedLinear)
    except RuntimeError:  # this build of torch cannot
        return False
    return True
