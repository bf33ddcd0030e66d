"""Linear layers for one or two rows on a CPU, with weights in oneDNN's own layout.

A step of guided generation multiplies two rows with every weight. For two rows the
general product (`F.linear` → MKL) is about three times slower than reading the weights
once takes; oneDNN on weights it has laid out beforehand reads them once. The layout is
made when a model is loaded, and replaces the plain weights, so no memory is added.

The two operators are the ones torch's own compiler calls. They are not public: where one
is missing or refuses, the layer stays an `nn.Linear`, and `DAW_BRIDGE_PACKED=0` turns
packing off. A packed model computes; it cannot be trained, saved or moved.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

ROWS = 2  # the layout is chosen for this many: guidance's two branches
OFF_SWITCH = "DAW_BRIDGE_PACKED"


class PackedLinear(nn.Module):
    """y = x Wᵀ for float32 on a CPU. Takes over a bias-free `nn.Linear`."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        weight = plain.weight.detach().contiguous()
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)

    def forward(self, x: Tensor) -> Tensor:
        """x [...,in] → [...,out]."""
        rows = x.reshape(-1, self.in_features)
        made = torch.ops.mkldnn._linear_pointwise(rows, self._packed, None, "none", [], "")
        return made.view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}"


def can_pack(model: nn.Module) -> bool:
    """Whether `pack` would do anything: float32 on a CPU with oneDNN, and not switched off."""
    first = next(model.parameters(), None)
    return (
        os.environ.get(OFF_SWITCH, "1") != "0"
        and first is not None
        and first.device.type == "cpu"
        and first.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


@torch.no_grad()
def pack(model: nn.Module) -> bool:
    """Replace the bias-free linear layers of a model, one at a time; → whether it was done.

    The text projection, which has a bias, stays: it runs once a prompt. A layer that cannot
    be packed ends it; plain and packed layers work side by side.
    """
    if not can_pack(model):
        return False
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and child.bias is None:
                try:
                    setattr(parent, name, PackedLinear(child))
                except (RuntimeError, NotImplementedError):  # this build of torch cannot
                    return False
    return True
