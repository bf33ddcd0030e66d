"""Which device and precision are meant, of what this machine has."""

from __future__ import annotations

import torch

from core.errors import BadDevice, BadInput
from core.model import int4_linear, int8_linear
from core.model.checkpoint import INT4, INT8
from core.model.cpu_precision import AUTO

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16", "int8", "int4")
FEW_BITS = {INT8: int8_linear.can_quantise, INT4: int4_linear.can_quantise}


def resolve_device(device: str, dtype: str) -> tuple[str, str]:
    """'auto' → what this machine has; the language model's precision beside it.

    Accelerators compute in float16 as AudioCraft does; what a CPU does is settled with the model.
    Raises BadInput for a word that is unknown, BadDevice for what this machine cannot do.
    """
    for what, word, known in (("device", device, DEVICES), ("dtype", dtype, DTYPES)):
        if word not in known:
            raise BadInput(f"{what} '{word}' is unknown; use {', '.join(known)}")
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name, there in present.items() if there)
    if not present[device]:
        raise BadDevice(f"this machine has no {device} device that torch can use; use cpu")
    if dtype == "auto":
        dtype = AUTO if device == "cpu" else "float16"  # a CPU's depends on the model
    if dtype in FEW_BITS and (device != "cpu" or not FEW_BITS[dtype]()):
        raise BadDevice(
            f"{dtype[3:]}-bit weights need a CPU that multiplies them and a torch that knows how;"
            " use --dtype auto"
        )
    return device, dtype
