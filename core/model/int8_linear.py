"""Linear layers with 8-bit weights, for a CPU that reads weights more slowly than it multiplies.

    y[r] = s[r] · (q[r] · Wqᵀ) · sw          x[r] ≈ s[r] q[r],  W ≈ sw Wq

Each row of x has a scale of its own, its largest magnitude over 127, and so has each output of
W: symmetric quantisation per token and per channel (Dettmers et al., 2022, "LLM.int8()",
arXiv:2208.07339, without its 16-bit outliers; MusicGen's activations have none that need them,
docs/benchmarks.md). The products are sums of integers, which are exact: a row's result does not
depend on the rows beside it, so that a context that is read in one go and one that is read step
by step differ by attention's rounding alone, as in float32, and takes continue exactly.

The product is oneDNN's, by the operator that torch's compiler puts into quantised CPU graphs. It
is not public, so a build of torch may lack it: `can_quantise` asks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.model import cpu_kernels
from core.model.language_model import LanguageModel
from core.model.linear_layers import replace_bias_free
from core.model.packed_linear import pack

_LEVELS = 127  # of a magnitude, on either side of zero
_ZERO = 128  # oneDNN takes activations as uint8
_PROBE = 512  # inputs of a product that is tried
_TINY = 1e-30  # a row of zeros has no scale of its own


class Int8Linear(nn.Module):
    """y = x Wᵀ for float32 x on a CPU, W in 8 bits. Made of a bias-free `nn.Linear`.

    It computes; it cannot be trained, saved or moved.
    """

    def __init__(self, plain: nn.Linear) -> None:
        """Raises RuntimeError where this build of torch cannot."""
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        weight = plain.weight.detach().float()
        scale = weight.abs().amax(1).clamp_(min=_TINY) / _LEVELS
        levels = (weight / scale.unsqueeze(1)).round_().to(torch.int8)
        self._packed: Tensor = torch.ops.onednn.qlinear_prepack(levels, [2, self.in_features])
        self._scale = scale
        self._zeros = torch.zeros(self.out_features, dtype=torch.int32)

    def forward(self, x: Tensor) -> Tensor:
        """x [...,in] → [...,out]."""
        rows = x.reshape(-1, self.in_features)
        levels, top = _levels_of(rows)
        made = torch.ops.onednn.qlinear_pointwise.default(
            levels, 1 / _LEVELS, _ZERO, self._packed, self._scale, self._zeros,
            None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return made.mul_(top).view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}, 8 bits"


def _levels_of(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [R,n] as uint8 around 128, and what magnitude of each, [R,1], is level 127."""
    if cpu_kernels.ready():
        return cpu_kernels.levels_of(rows, _TINY)
    top = rows.abs().amax(1, keepdim=True).clamp_(min=_TINY)
    return (rows * (_LEVELS / top)).round_().add_(_ZERO).to(torch.uint8), top


def can_quantise() -> bool:
    """Whether this machine multiplies 8-bit numbers by oneDNN, exactly. Asked by doing it.

    A processor without VNNI adds products up in 16 bits, which the largest ones overflow.
    """
    plain = nn.Linear(_PROBE, 16, bias=False)
    nn.init.ones_(plain.weight)
    try:
        with torch.inference_mode():
            made = Int8Linear(plain)(torch.ones(1, _PROBE))
    except (AttributeError, RuntimeError):  # no such operator, or not on this processor
        return False
    return bool((made - _PROBE).abs().max() < 0.01)


@torch.no_grad()
def quantise(model: LanguageModel) -> None:
    """Replace the linear layers of a model's blocks on a CPU; the rest becomes float32.

    The heads do too: 2 % of musicgen-small's weights, and seven eighths of what 8 bits
    everywhere would change in the starter's distributions (docs/benchmarks.md). So do embeddings,
    norms and the text projection. Keys and values of what was played are kept in bfloat16, where
    attention can sum them in float32. Raises RuntimeError where `can_quantise` is false.
    """
    replace_bias_free(model.layers, Int8Linear)
    model.float()
    pack(model)
    if cpu_kernels.attends_to(model.device, model.config.head_dim, torch.bfloat16):
        model.short_cache = torch.bfloat16
