"""The Triton kernels compile for a GPU that is not here."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

pytest.importorskip("triton")
NAME = "core.model.fused_kernels"
REAL, WHOLE = (
    ("eps", "query_scale", "scale"),
    ("inputs", "outputs", "capacity", "entries", "hidden"),
)
POINTERS = {
    **dict.fromkeys(("position", "slot", "known", "drawn", "column", "top_k"), "*i64"),
    **dict.fromkeys(
        ("parts", "tops", "totals", "noise", "guidance", "text_push", "temperature", "top_p"),
        "*fp32",
    ),
    "arrived": "*i32",
    "greedy": "*i1",
}
CONSTANT = {
    "ROWS": 2, "BLOCK_N": 4, "BLOCK_K": 1_024, "CHUNKS": 1, "WIDTH": 2_048, "NORM": True, "MODE": 3,
    "HEADS": 16, "HEAD_DIM": 64, "SPLITS": 8, "BLOCK_S": 32, "TEXTS": 1, "PLACES": 32, "STREAMS": 1,
    "BOOKS": 4, "BLOCK": 1_024, "BRANCHES": 3, "DRAWING": True,
}  # fmt: skip


@pytest.mark.accept
@pytest.mark.parametrize("kernel", ["linear", "attend_self", "attend_text", "embed", "draw"])
def test_it_compiles_for_a_gpu_that_is_not_here(kernel: str) -> None:
    """To machine code of compute capability 9.0."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    function: Any = getattr(importlib.import_module(NAME), kernel)
    signature = {}
    for name in inspect.signature(function.fn).parameters:
        kind = "fp32" if name in REAL else "i32" if name in WHOLE else POINTERS.get(name, "*fp16")
        signature[name] = "constexpr" if name in CONSTANT else kind
    source = ASTSource(
        function, signature, {name: CONSTANT[name] for name in signature if name in CONSTANT}
    )
    made = compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 4})
    assert ".target sm_90" in made.asm["ptx"]
    assert len(made.asm["cubin"]) > 1_000
