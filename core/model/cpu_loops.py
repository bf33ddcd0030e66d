"""The loops of core/model/cpu_kernels.py, as Numba compiles them. Importing this compiles.

Each is a C function of one argument, a block of 64-bit words: first a counter that all threads
draw the next head or row from, then what the packing side says. No thread waits for another.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic, overload

HEAD_DIM = 64  # known when compiling, so that a head lies in registers
_SCALE = np.float32(HEAD_DIM**-0.5)
_SUMS = {"reassoc", "contract", "nsz"}  # in any order: each lane of a register adds up by itself
_WORDS = types.CPointer(types.int64)

# ------------------------------------------------------------------------ what Python cannot say


@intrinsic
def _next(_: Any, counter: Any) -> Any:
    """The number at `counter`, which grows by one; no two threads get the same."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.atomic_rmw("add", given[0], ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(_WORDS), code


def _pointer(kind: Any) -> Any:
    """An address as a pointer to numbers of a kind."""

    @intrinsic
    def cast(_: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return builder.inttoptr(given[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), code

    return cast


_floats, _halves = _pointer(types.float32), _pointer(types.uint16)
_bytes = _pointer(types.uint8)


@intrinsic
def _bits(_: Any, x: Any) -> Any:
    """The bits of a float32 as a number, and back."""
    to_bits = x == types.float32

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.IntType(32) if to_bits else ir.FloatType())

    return (types.uint32(x) if to_bits else types.float32(types.uint32)), code


@intrinsic
def _read(_: Any, x: Any) -> Any:
    """A float32 as it is, a bfloat16 (a uint16 here) as float32: the upper half of its bits."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        if x == types.float32:
            return given[0]
        wide = builder.zext(given[0], ir.IntType(32))
        return builder.bitcast(builder.shl(wide, ir.Constant(wide.type, 16)), ir.FloatType())

    return types.float32(x), code


def _write(place: Any, i: Any, x: Any) -> None:
    """place[i] = x, to the nearest bfloat16 (of two, the even one) where it holds those."""


@overload(_write, inline="always")
def _write_compiled(place: Any, i: Any, x: Any) -> Any:
    def rounded(place: Any, i: Any, x: Any) -> None:
        bits = _bits(x)
        even = (bits >> np.uint32(16)) & np.uint32(1)
        place[i] = np.uint16((bits + np.uint32(0x7FFF) + even) >> np.uint32(16))

    def plain(place: Any, i: Any, x: Any) -> None:
        place[i] = x

    return plain if place.dtype == types.float32 else rounded


# ------------------------------------------------------------------------ attention


@njit
def _exp(x: Any) -> Any:
    """e to the x ≤ 0 in float32: a power of two times a polynomial (Cephes' expf)."""
    x = max(x, np.float32(-87))
    n = np.int32(x * np.float32(1.44269504) - np.float32(0.5))
    whole = np.float32(n)
    x = x - whole * np.float32(0.693359375)
    x = x + whole * np.float32(2.12194440e-4)
    y = np.float32(1.9875691500e-4)
    y = y * x + np.float32(1.3981999507e-3)
    y = y * x + np.float32(8.3334519073e-3)
    y = y * x + np.float32(4.1665795894e-2)
    y = y * x + np.float32(1.6666665459e-1)
    y = y * x + np.float32(5.0000001201e-1)
    y = y * x * x + x + np.float32(1)
    return y * _bits(np.uint32(n + np.int32(127)) << np.uint32(23))


@njit
def _exponentials(scores: Any, top: Any) -> None:
    for place in range(scores.shape[0]):
        scores[place] = _exp(scores[place] - top)


@njit(fastmath=_SUMS)
def _scores(query: Any, keys: Any, scores: Any) -> Any:
    """Fills `scores`; → the highest."""
    top = np.float32(-np.inf)
    for place in range(scores.shape[0]):
        score = np.float32(0)
        for i in range(HEAD_DIM):
            score += query[i] * _read(keys[place, i])
        scores[place] = score
        top = max(top, score)
    return top


@njit(fastmath=_SUMS)
def _mixed(weights: Any, values: Any, sums: Any, out: Any) -> None:
    """out = values, weighted; the weights need not add up to one."""
    whole = np.float32(0)
    sums[:] = 0
    for place in range(weights.shape[0]):
        weight = weights[place]
        whole += weight
        for i in range(HEAD_DIM):
            sums[i] += weight * _read(values[place, i])
    for i in range(HEAD_DIM):
        out[i] = sums[i] / whole


@njit
def _head(given: Any, first: Any, fresh: Any, keys: Any, values: Any, room: Any, out: Any) -> None:
    """One head's attention; where `fresh`, its new key and value are written before."""
    query, sums, scores = room[:HEAD_DIM], room[HEAD_DIM : 2 * HEAD_DIM], room[2 * HEAD_DIM :]
    for i in range(HEAD_DIM):
        query[i] = given[first + i] * _SCALE
    if fresh:
        for i in range(HEAD_DIM):
            _write(keys[-1], i, given[first + fresh + i])
            _write(values[-1], i, given[first + 2 * fresh + i])
    _exponentials(scores, _scores(query, keys, scores))
    _mixed(scores, values, sums, out)


@njit
def _room(length: Any) -> Any:
    return np.empty(2 * HEAD_DIM + length, np.float32)


@njit
def _heads(words: Any, cached: Any) -> None:
    """cached: what makes an address a pointer to the numbers of the cache."""
    job = carray(words, (11,))
    heads, per_row, length, width, fresh = job[1], job[2], job[3], job[5], job[10]
    given, room, shape = _floats(job[4]), _room(length), (length, HEAD_DIM)
    head = _next(words)
    while head < heads:
        _head(
            given, head // per_row * width + head % per_row * HEAD_DIM, fresh,
            carray(cached(job[6] + head * job[8]), shape),
            carray(cached(job[7] + head * job[8]), shape),
            room, carray(_floats(job[9] + head * HEAD_DIM * 4), HEAD_DIM),
        )  # fmt: skip
        head = _next(words)


@cfunc(types.void(_WORDS), cache=True)
def _attend_float32(words: Any) -> None:
    _heads(words, _floats)


@cfunc(types.void(_WORDS), cache=True)
def _attend_bfloat16(words: Any) -> None:
    _heads(words, _halves)


# ------------------------------------------------------------------------ rows in 8 bits


@njit(fastmath={"nnan", "ninf", "reassoc"})
def _top(row: Any, top: Any) -> Any:
    for i in range(row.shape[0]):
        top = max(top, abs(row[i]))
    return top


@njit
def _to_levels(row: Any, factor: Any, levels: Any) -> None:
    for i in range(row.shape[0]):
        levels[i] = np.uint8(np.int32(np.rint(row[i] * factor)) + np.int32(128))


@cfunc(types.void(_WORDS), cache=True)
def _levels(words: Any) -> None:
    job = carray(words, (6,))
    width, tops = job[2], _floats(job[5])
    row = _next(words)
    while row < job[1]:
        given = carray(_floats(job[3] + row * width * 4), width)
        tops[row] = _top(given, tops[row])
        made = carray(_bytes(job[4] + row * width), width)
        _to_levels(given, np.float32(127) / tops[row], made)
        row = _next(words)


_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
ATTEND_FLOAT32, ATTEND_BFLOAT16 = (
    _FUNCTION(_attend_float32.address),
    _FUNCTION(_attend_bfloat16.address),
)
LEVELS = _FUNCTION(_levels.address)
