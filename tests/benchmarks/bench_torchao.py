"""The products of one step at musicgen-small's sizes: our 8 and 4 bits against torchao's.

Guidance's two rows through the six linear layers of 24 blocks, random weights, this CPU, in one
process: milliseconds a step, and the relative error of the first layer against float32. torchao is
no dependency: `uv pip install torchao==0.18.0` beside a copy of this environment, or nothing is
measured. Its layers are weight-only ones, as they are and through `torch.compile`.

products_int8, products_int4: ours; the baseline is the fastest of torchao's that needs no compiler.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from core.figures import Figures
from core.model.int4_linear import GROUP, Int4Linear
from core.model.int8_linear import Int8Linear

HIDDEN, FFN, LAYERS, ROWS = 1_024, 4_096, 24, 2
SHAPES = ((HIDDEN, 3 * HIDDEN), *((HIDDEN, HIDDEN),) * 3, (HIDDEN, FFN), (FFN, HIDDEN))
SECONDS = 3.0


class Block(nn.Module):
    """The linear layers of one block, each on its own input."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=False) for i, o in SHAPES)

    def forward(self, narrow: Tensor, wide: Tensor) -> list[Tensor]:
        return [layer(wide if layer.in_features == FFN else narrow) for layer in self.layers]


def figures() -> Figures:
    try:
        quantisation: Any = importlib.import_module("torchao.quantization")
        packed: Any = importlib.import_module("torchao.prototype.quantization.int4")
    except ImportError:
        return {}
    int8 = quantisation.Int8WeightOnlyConfig()
    int4 = packed.PrototypeInt4WeightOnlyConfig(group_size=GROUP)
    short, full = torch.bfloat16, torch.float32

    def theirs(config: Any, dtype: torch.dtype) -> Callable[[], nn.ModuleList]:
        def made() -> nn.ModuleList:
            blocks = plain().to(dtype)
            quantisation.quantize_(blocks, config)
            return blocks

        return made

    found = {
        "products_int8": timed(lambda: ours(Int8Linear), full),
        "products_int4": timed(lambda: ours(Int4Linear), full),
        "products_torchao_int8": timed(theirs(int8, short), short),
        "products_torchao_int8_compiled": timed(theirs(int8, short), short, compiled=True),
        "products_torchao_int4": timed(theirs(int4, short), short),
        "products_torchao_int4_compiled": timed(theirs(int4, short), short, compiled=True),
    }
    made: Figures = {}
    for name, (step, first, error) in found.items():
        other = found.get(name.replace("products_int", "products_torchao_int"))
        base = other[0] if other and "torchao" not in name else None
        ratio = None if base is None else step / base
        made[name] = {"value": step, "unit": "ms", "baseline": base, "ratio": ratio}
        made[f"{name}_first"] = {"value": first, "unit": "s", "baseline": None, "ratio": None}
        made[f"{name}_error"] = {"value": error, "unit": "", "baseline": None, "ratio": None}
    return made


def plain() -> nn.ModuleList:
    torch.manual_seed(0)
    return nn.ModuleList(Block() for _ in range(LAYERS)).eval()


def ours(make: Callable[[nn.Linear], nn.Module]) -> nn.ModuleList:
    blocks = plain()
    for block in blocks:
        assert isinstance(block, Block)
        for place, layer in enumerate(block.layers):
            assert isinstance(layer, nn.Linear)
            block.layers[place] = make(layer)
    return blocks


@torch.inference_mode()
def timed(
    make: Callable[[], nn.ModuleList], dtype: torch.dtype, compiled: bool = False
) -> tuple[float, float, float]:
    """Milliseconds of a step, the median; seconds of the first; relative error."""
    blocks = make()
    narrow, wide = torch.randn(ROWS, HIDDEN).to(dtype), torch.randn(ROWS, FFN).to(dtype)
    run = [torch.compile(block) if compiled else block for block in blocks]

    def step() -> float:
        begun = time.perf_counter()
        for block in run:
            block(narrow, wide)
        return time.perf_counter() - begun

    first, took, ends = step(), [step()], time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        took.append(step())
    torch.manual_seed(0)
    exact = Block()(narrow.float(), wide.float())[0]
    error = (blocks[0](narrow, wide)[0].float() - exact).norm() / exact.norm()
    return 1e3 * statistics.median(took), first, float(error)
