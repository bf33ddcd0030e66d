"""What is the device's fault and not the model's: no memory left there, or a driver that fails."""

from __future__ import annotations

import torch

_SIGNS = ("cuda", "cudnn", "cublas", "nvidia", "mps backend", "hip error")


def device_fault(problem: BaseException) -> str:
    """Why the work could go on on the CPU, in a few words; '' where it could not either."""
    if isinstance(problem, torch.OutOfMemoryError):
        return "ran out of memory"
    if not isinstance(problem, RuntimeError):
        return ""
    text = str(problem).strip()
    if "mps" in text.lower() and "out of memory" in text.lower():  # torch has no class for it
        return "ran out of memory"
    known = isinstance(problem, torch.AcceleratorError) or any(
        sign in text.lower() for sign in _SIGNS
    )
    return f"failed ({text.splitlines()[0][:80] if text else 'no reason given'})" if known else ""
