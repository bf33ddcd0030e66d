"""Loops that a step on a CPU spends its time in and PyTorch has no fast operator for.

`attend`: one query row for each head over its cached keys and values. Two cores, musicgen-small's
shape, 750 positions, all layers: `bmm`, softmax, `bmm` take 16 ms on a float32 cache and 9.5 on a
bfloat16 one; these loops 6.8 and 4.0, 43 and 37 GB/s where the machine reads 50. They add up in
float32 whatever the cache holds, so that one of bfloat16 costs its rounding and no more.

`levels_of`: rows of float32 as 8-bit levels, in one pass instead of six operators.

Compiled by Numba, once for a machine (its cache lies beside this file, or in the user's). They run
in PyTorch's own threads: another pool's would fight with those, which wait busily for the next
operator. Where Numba is missing or does not know the machine, `ready` is false and the caller
takes PyTorch's operators; `DAW_BRIDGE_KERNELS=0` asks for those everywhere.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import struct
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from core.model.cpu_threads import parallel

log = logging.getLogger(__name__)

OFF_SWITCH = "DAW_BRIDGE_KERNELS"
HEAD_DIM = 64  # of every public checkpoint, and of the starter
_DTYPES = (torch.float32, torch.bfloat16)
_WORTH_THREADS = 1 << 15  # numbers read; fewer are read sooner than another thread is woken

_ATTEND = struct.Struct("11q")
_LEVELS = struct.Struct("6q")


@functools.cache
def ready() -> bool:
    """Whether the loops can run here. The first call loads or compiles them, in seconds at most."""
    return _compiled() is not None


@functools.cache
def _compiled() -> Any:
    if os.environ.get(OFF_SWITCH, "1") == "0":
        return None
    try:
        from core.model import cpu_loops
    except Exception as problem:  # noqa: BLE001 - LLVM on a machine nobody here has seen
        log.info("without compiled loops (%s)", problem)
        return None
    return cpu_loops


def attends(keys: Tensor) -> bool:
    """Whether `attend` takes keys of this kind, [N,S,d]."""
    return attends_to(keys.device, keys.shape[2], keys.dtype)


def attends_to(device: torch.device, head_dim: int, dtype: torch.dtype) -> bool:
    """Whether `attend` takes keys of this width and dtype there."""
    return device.type == "cpu" and head_dim == HEAD_DIM and dtype in _DTYPES and ready()


def attend(mixed: Tensor, keys: Tensor, values: Tensor, length: int, fresh: bool) -> Tensor:
    """Softmax attention of one query row a head, scores scaled by 1/8 → [N,64] float32.

    mixed: float32, one row a sequence, no gaps within one: its heads' queries; where `fresh`, then
        their new keys and values, which are written to place `length` - 1 first.
    keys, values: [N,capacity,64], float32 or bfloat16; the first `length` places are read.
    """
    heads = keys.shape[0]
    # compiled code looks at addresses alone
    assert keys.is_contiguous()
    assert values.is_contiguous()
    assert (values.shape, values.dtype) == (keys.shape, keys.dtype)
    assert (mixed.dtype, mixed.stride(1)) == (torch.float32, 1)
    assert 0 < length <= keys.shape[1]
    made = torch.empty(heads, HEAD_DIM)
    width = heads // mixed.shape[0] * HEAD_DIM
    loops = _compiled()
    work = loops.ATTEND_BFLOAT16 if keys.dtype == torch.bfloat16 else loops.ATTEND_FLOAT32
    job = _ATTEND.pack(
        0, heads, heads // mixed.shape[0], length, mixed.data_ptr(), mixed.stride(0),
        keys.data_ptr(), values.data_ptr(), keys.stride(0) * keys.element_size(), made.data_ptr(),
        width if fresh else 0,
    )  # fmt: skip
    _run(work, job, heads * length * HEAD_DIM)
    return made


def levels_of(rows: Tensor, tiny: float) -> tuple[Tensor, Tensor]:
    """Float32 rows [R,n] → levels 1 … 255 around 128 [R,n] uint8, each row's top [R,1].

    top: the largest magnitude of the row, at least `tiny`: it is level 127 from the middle.
    """
    rows = rows.contiguous()
    count, width = rows.shape
    levels = torch.empty(count, width, dtype=torch.uint8)
    top = torch.full((count, 1), tiny)
    job = _LEVELS.pack(0, count, width, rows.data_ptr(), levels.data_ptr(), top.data_ptr())
    _run(_compiled().LEVELS, job, rows.numel())
    return levels, top


def _run(work: Callable[[Any], None], job: bytes, size: int) -> None:
    place = ctypes.create_string_buffer(job, len(job))
    if size < _WORTH_THREADS or torch.get_num_threads() == 1:
        work(place)
    else:
        parallel(work, place, torch.get_num_threads())
