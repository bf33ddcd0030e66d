"""Running a compiled function in the threads that PyTorch computes in.

PyTorch's loops are OpenMP's, and a thread of OpenMP that has nothing to do waits busily for a
while. So a second pool beside it would compete with threads that wait. GOMP_parallel is what a
compiler turns `#pragma omp parallel` into; libgomp and LLVM's libomp both have it.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_PATTERNS = ("libgomp*.so*", "libomp*.so*", "libiomp5*.so*", "libomp*.dylib")


@functools.cache
def _open_parallel() -> Callable[..., None] | None:
    """GOMP_parallel of the OpenMP that came with PyTorch; None where it has none."""
    folder = Path(torch.__file__).parent
    for pattern in _PATTERNS:
        for path in [*folder.glob(f"lib/{pattern}"), *folder.parent.glob(f"torch.libs/{pattern}")]:
            try:
                found = ctypes.CDLL(str(path)).GOMP_parallel
            except (OSError, AttributeError):
                continue
            found.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
            found.restype = None
            return found
    return None


def parallel(work: Any, job: Any, threads: int) -> None:
    """Call `work(job)`, a C function and a buffer, in each of `threads` threads; → when all end.

    They share the work out among themselves. Where PyTorch's threads cannot be had, one does it.
    """
    begin = _open_parallel()
    if begin is None:
        work(job)
    else:
        begin(work, job, threads, 0)
