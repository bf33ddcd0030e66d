"""Linear layers with 4-bit weights, for a model that a CPU cannot read fast enough in 8.

    W[o, i] ≈ z[o, g] + (q[o, i] - 8) · s[o, g]          q: 0 … 15, g: the group of 32 that i is in

Each group of 32 inputs of each output has a scale and a middle of its own, in bfloat16. They are
not those of the group's ends: of a few narrower spans the one with the smallest squared error is
taken, and the few weights outside are cut off to its ends (the search of AWQ's and HQQ's clipping:
Lin et al., 2023, arXiv:2306.00978). Without data, so loading is all it takes.

The product is PyTorch's own (`_weight_int4pack_mm_for_cpu`), on activations in bfloat16. It is not
public, so a build of torch may lack it: `can_quantise` asks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.model import cpu_kernels
from core.model.language_model import LanguageModel
from core.model.linear_layers import replace_bias_free
from core.model.packed_linear import pack

GROUP = 32  # inputs
_LEVELS, _MIDDLE = 15, 8
_TINY = 1e-8
_SPANS = [1 - step / 40 for step in range(17)]  # of a group's own: 1 … 0.6
_OUTPUTS = 64  # the product works on blocks of so many


class Int4Linear(nn.Module):
    """y = x Wᵀ for float32 x on a CPU, W in 4 bits. Made of a bias-free `nn.Linear`.

    It computes; it cannot be trained, saved or moved.
    """

    def __init__(self, plain: nn.Linear) -> None:
        """Raises RuntimeError where this build of torch cannot; see `divides` for the shape."""
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        levels, scales = _searched(plain.weight.detach().float())
        self._packed: Tensor = torch.ops.aten._convert_weight_to_int4pack_for_cpu(levels, 1)
        self._scales = scales

    def forward(self, x: Tensor) -> Tensor:
        """x [...,in] → [...,out]."""
        made = torch.ops.aten._weight_int4pack_mm_for_cpu.default(
            x.reshape(-1, self.in_features).bfloat16(), self._packed, GROUP, self._scales
        )
        return made.float().view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}, 4 bits"


def _searched(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Levels [out,in] int32, scale and middle [in/32,out,2] bfloat16."""
    groups = weight.unflatten(1, (-1, GROUP))
    low, high = groups.amin(2, keepdim=True), groups.amax(2, keepdim=True)
    middle, span = (low + high) / 2, high - low
    best = torch.full_like(low, float("inf"))
    kept_scale, kept_middle = torch.empty_like(low), torch.empty_like(low)
    for share in _SPANS:
        scale = (span * (share / _LEVELS)).clamp_(min=_TINY).bfloat16().float()
        # 16 levels lie around a middle between two of them
        zero = (middle + scale / 2).bfloat16().float()
        error = (groups - (_levels(groups, scale, zero) - _MIDDLE) * scale - zero).square_()
        error = error.sum(2, keepdim=True)
        better = error < best
        best = torch.where(better, error, best)
        kept_scale = torch.where(better, scale, kept_scale)
        kept_middle = torch.where(better, zero, kept_middle)
    levels = _levels(groups, kept_scale, kept_middle).flatten(1).to(torch.int32)
    both = torch.cat((kept_scale, kept_middle), 2)  # [out, in/32, 2]
    return levels, both.transpose(0, 1).contiguous().bfloat16()


def _levels(groups: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return ((groups - zero) / scale + _MIDDLE).round_().clamp_(0, _LEVELS)


def divides(plain: nn.Linear) -> bool:
    """Whether a layer's sizes suit: whole groups of inputs, whole blocks of outputs."""
    return plain.in_features % GROUP == 0 and plain.out_features % _OUTPUTS == 0


def can_quantise() -> bool:
    """Whether this build of torch multiplies 4-bit weights. Asked by doing it."""
    try:
        with torch.inference_mode():
            Int4Linear(nn.Linear(GROUP, _OUTPUTS, bias=False))(torch.zeros(1, GROUP))
    except (AttributeError, NotImplementedError, RuntimeError):
        return False
    return True


@torch.no_grad()
def quantise(model: LanguageModel) -> None:
    """Replace the linear layers of a model's blocks on a CPU; the rest becomes float32.

    As core/model/int8_linear.py does, and for its reasons: the heads too become float32, and a
    layer whose sizes do not divide. Raises RuntimeError where `can_quantise` is false.
    """
    replace_bias_free(model.layers, lambda plain: Int4Linear(plain) if divides(plain) else plain)
    model.float()
    pack(model)
    if cpu_kernels.attends_to(model.device, model.config.head_dim, torch.bfloat16):
        model.short_cache = torch.bfloat16
