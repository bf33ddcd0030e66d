"""Kernels for one position of one to four rows on an NVIDIA GPU, written in Triton.

A layer's weights are read in a few microseconds, so a step is as long as its kernels are many.
These join what one kernel can do: norm and product, product and activation or residual, and
writing keys and values where they belong. Sums are in float32. With `TRITON_INTERPRET=1` they run
on a CPU, which the tests do.

Import this module only where Triton is there (core/model/fused_step.py asks).
"""

from __future__ import annotations

import triton
import triton.language as tl

STORE, GELU, ADD, CACHE = 0, 1, 2, 3  # what becomes of a product


@triton.jit
def _statistics(x, row, inputs, eps, WIDTH: tl.constexpr):
    """Mean and reciprocal deviation of a row."""
    at = tl.arange(0, WIDTH)
    there = at < inputs
    values = tl.load(x + row * inputs + at, mask=there, other=0.0).to(tl.float32)
    mean = tl.sum(values, 0) / inputs
    apart = tl.where(there, values - mean, 0.0)
    return mean, 1.0 / tl.sqrt(tl.sum(apart * apart, 0) / inputs + eps)


@triton.jit
def _inputs_of(x, row, k, there, inputs, mean, scale, gain, shift, NORM: tl.constexpr):
    """A stretch of a row [1,K], normalised where it is to be."""
    values = tl.load(x + row * inputs + k, mask=there, other=0.0).to(tl.float32)
    if NORM:
        values = (values - mean) * scale * gain + shift
    return values


@triton.jit
def _deliver(
    y, row, n, there, outputs, out, keys, values, place, capacity, query_scale,
    HEADS: tl.constexpr, HEAD_DIM: tl.constexpr, MODE: tl.constexpr,
):  # fmt: skip
    """One row of a product, to where it belongs."""
    kind = out.dtype.element_ty
    if MODE == 1:
        y = 0.5 * y * (1.0 + tl.erf(y * 0.7071067811865476))
    if MODE == 2:
        y += tl.load(out + row * outputs + n, mask=there, other=0.0).to(tl.float32)
    if MODE == 3:
        width: tl.constexpr = HEADS * HEAD_DIM
        inner = n % width
        cell = ((row * HEADS + inner // HEAD_DIM) * capacity + place) * HEAD_DIM + inner % HEAD_DIM
        tl.store(out + row * width + inner, (y * query_scale).to(kind), mask=there & (n < width))
        is_key = there & (n >= width) & (n < 2 * width)
        tl.store(keys + cell, y.to(kind), mask=is_key)
        tl.store(values + cell, y.to(kind), mask=there & (n >= 2 * width))
    else:
        tl.store(out + row * outputs + n, y.to(kind), mask=there)


@triton.jit
def linear(
    x, weight, gain, shift, out, keys, values, position, inputs, outputs, capacity, eps,
    query_scale,
    ROWS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, CHUNKS: tl.constexpr,
    WIDTH: tl.constexpr, NORM: tl.constexpr, MODE: tl.constexpr,
    HEADS: tl.constexpr, HEAD_DIM: tl.constexpr,
):  # fmt: skip
    """x [ROWS,inputs] · weight[outputs,inputs]ᵀ, LayerNorm before it if NORM.

    MODE: STORE or GELU into out [ROWS,outputs]; ADD to it; CACHE: outputs are queries, which are
    scaled and go to out, keys and values, which go into the caches [ROWS·HEADS,capacity,HEAD_DIM]
    at the position.
    """
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    is_output = n < outputs
    mean0, mean1, mean2, mean3 = 0.0, 0.0, 0.0, 0.0
    scale0, scale1, scale2, scale3 = 1.0, 1.0, 1.0, 1.0
    if NORM:
        mean0, scale0 = _statistics(x, 0, inputs, eps, WIDTH)
        if ROWS > 1:
            mean1, scale1 = _statistics(x, 1, inputs, eps, WIDTH)
        if ROWS > 2:
            mean2, scale2 = _statistics(x, 2, inputs, eps, WIDTH)
        if ROWS > 3:
            mean3, scale3 = _statistics(x, 3, inputs, eps, WIDTH)
    sum0 = tl.zeros((BLOCK_N, BLOCK_K), tl.float32)
    sum1, sum2, sum3 = sum0, sum0, sum0
    for chunk in tl.static_range(CHUNKS):
        k = chunk * BLOCK_K + tl.arange(0, BLOCK_K)[None, :]
        there = k < inputs
        w = tl.load(
            weight + n[:, None].to(tl.int64) * inputs + k,
            mask=is_output[:, None] & there,
            other=0.0,
        ).to(tl.float32)
        g, s = 1.0, 0.0
        if NORM:
            g = tl.load(gain + k, mask=there, other=0.0).to(tl.float32)
            s = tl.load(shift + k, mask=there, other=0.0).to(tl.float32)
        sum0 += w * _inputs_of(x, 0, k, there, inputs, mean0, scale0, g, s, NORM)
        if ROWS > 1:
            sum1 += w * _inputs_of(x, 1, k, there, inputs, mean1, scale1, g, s, NORM)
        if ROWS > 2:
            sum2 += w * _inputs_of(x, 2, k, there, inputs, mean2, scale2, g, s, NORM)
        if ROWS > 3:
            sum3 += w * _inputs_of(x, 3, k, there, inputs, mean3, scale3, g, s, NORM)
    place = 0
    if MODE == 3:
        place = tl.load(position)
    _deliver(tl.sum(sum0, 1), 0, n, is_output, outputs, out, keys, values, place, capacity,
             query_scale, HEADS, HEAD_DIM, MODE)  # fmt: skip
    if ROWS > 1:
        _deliver(tl.sum(sum1, 1), 1, n, is_output, outputs, out, keys, values, place, capacity,
                 query_scale, HEADS, HEAD_DIM, MODE)  # fmt: skip
    if ROWS > 2:
        _deliver(tl.sum(sum2, 1), 2, n, is_output, outputs, out, keys, values, place, capacity,
                 query_scale, HEADS, HEAD_DIM, MODE)  # fmt: skip
    if ROWS > 3:
        _deliver(tl.sum(sum3, 1), 3, n, is_output, outputs, out, keys, values, place, capacity,
                 query_scale, HEADS, HEAD_DIM, MODE)  # fmt: skip


@triton.jit
def attend_self(
    query, keys, values, out, parts, tops, totals, arrived, position, capacity,
    HEAD_DIM: tl.constexpr, SPLITS: tl.constexpr, BLOCK_S: tl.constexpr,
):  # fmt: skip
    """Scaled queries [N,HEAD_DIM] to the cache [N,capacity,HEAD_DIM] up to the position.

    Each head's past is cut into SPLITS parts, one program each; whichever is last joins them
    (Dao et al., 2023, "Flash-Decoding for long-context inference"). arrived: int32 [N], zero
    before and after.
    """
    head, split = tl.program_id(0), tl.program_id(1)
    length = tl.load(position).to(tl.int32) + 1
    share = tl.cdiv(tl.cdiv(length, SPLITS), BLOCK_S) * BLOCK_S
    first = split * share
    stop = tl.minimum(first + share, length)
    d = tl.arange(0, HEAD_DIM)
    q = tl.load(query + head * HEAD_DIM + d).to(tl.float32)
    base = head.to(tl.int64) * capacity * HEAD_DIM
    top = -1.0e30
    total = 0.0
    mixed = tl.zeros((HEAD_DIM,), tl.float32)
    start = first
    while start < stop:  # a range of tensors is more than the interpreter can do with numpy 2.4
        s = start + tl.arange(0, BLOCK_S)
        there = s < stop
        cell = base + s[:, None] * HEAD_DIM + d[None, :]
        k = tl.load(keys + cell, mask=there[:, None], other=0.0).to(tl.float32)
        v = tl.load(values + cell, mask=there[:, None], other=0.0).to(tl.float32)
        scores = tl.where(there, tl.sum(k * q[None, :], 1), -1.0e30)
        higher = tl.maximum(top, tl.max(scores, 0))
        weights = tl.where(there, tl.exp(scores - higher), 0.0)
        shrink = tl.exp(top - higher)
        total = total * shrink + tl.sum(weights, 0)
        mixed = mixed * shrink + tl.sum(weights[:, None] * v, 0)
        top = higher
        start += BLOCK_S
    slot = head * SPLITS + split
    tl.store(parts + slot * HEAD_DIM + d, mixed)
    tl.store(tops + slot, top)
    tl.store(totals + slot, total)
    tl.debug_barrier()  # all of this program's stores come before it says that it is there
    before = tl.atomic_add(arrived + head, 1, sem="acq_rel")
    if before == SPLITS - 1:
        tl.debug_barrier()
        p = tl.arange(0, SPLITS)
        all_tops = tl.load(tops + head * SPLITS + p, cache_modifier=".cg")
        weights = tl.exp(all_tops - tl.max(all_tops, 0))
        all_totals = tl.load(totals + head * SPLITS + p, cache_modifier=".cg")
        cell = (head * SPLITS + p[:, None]) * HEAD_DIM + d[None, :]
        all_parts = tl.load(parts + cell, cache_modifier=".cg")
        joined = tl.sum(all_parts * weights[:, None], 0) / tl.sum(all_totals * weights, 0)
        tl.store(out + head * HEAD_DIM + d, joined.to(out.dtype.element_ty))
        tl.store(arrived + head, 0)


@triton.jit
def attend_text(
    query, keys, values, bias, weights, out, scale,
    HEADS: tl.constexpr, HEAD_DIM: tl.constexpr, TEXTS: tl.constexpr, PLACES: tl.constexpr,
):  # fmt: skip
    """Queries [N,HEAD_DIM] to each text's keys [N,TEXTS·PLACES,HEAD_DIM], weighted by row."""
    head = tl.program_id(0)
    row = head // HEADS
    d, t = tl.arange(0, HEAD_DIM), tl.arange(0, PLACES)
    q = tl.load(query + head * HEAD_DIM + d).to(tl.float32) * scale
    mixed = tl.zeros((HEAD_DIM,), tl.float32)
    for text in range(TEXTS):
        at = text * PLACES + t
        cell = (head * TEXTS * PLACES + at[:, None]) * HEAD_DIM + d[None, :]
        k = tl.load(keys + cell).to(tl.float32)
        scores = tl.sum(k * q[None, :], 1)
        scores += tl.load(bias + row * TEXTS * PLACES + at).to(tl.float32)
        shares = tl.exp(scores - tl.max(scores, 0))
        share = tl.load(weights + row * TEXTS + text).to(tl.float32) / tl.sum(shares, 0)
        v = tl.load(values + cell).to(tl.float32)
        mixed += share * tl.sum(shares[:, None] * v, 0)
    tl.store(out + head * HEAD_DIM + d, mixed.to(out.dtype.element_ty))


@triton.jit
def embed(
    column, table, positions, position, out, entries, hidden,
    STREAMS: tl.constexpr, BOOKS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The codes of a column [STREAMS,BOOKS] → out [rows,hidden]: their entries in the table
    [BOOKS·entries,hidden] and the position's, summed. A row is of stream row mod STREAMS."""
    row = tl.program_id(0)
    h = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = h < hidden
    total = tl.zeros((BLOCK,), tl.float32)
    for book in tl.static_range(BOOKS):
        code = tl.load(column + (row % STREAMS) * BOOKS + book) + book * entries
        total += tl.load(table + code * hidden + h, mask=there, other=0.0).to(tl.float32)
    place = tl.load(positions + tl.load(position) * hidden + h, mask=there, other=0.0)
    kind = out.dtype.element_ty  # as the layers round: the entries' sum, then the position
    total = total.to(kind).to(tl.float32) + place.to(tl.float32)
    tl.store(out + row * hidden + h, total.to(kind), mask=there)


@triton.jit
def draw(
    logits, noise, guidance, text_push, temperature, top_k, top_p, greedy, slot, known, drawn,
    column, entries,
    STREAMS: tl.constexpr, BOOKS: tl.constexpr, BRANCHES: tl.constexpr, DRAWING: tl.constexpr,
    WIDTH: tl.constexpr,
):  # fmt: skip
    """A token for each codebook of each stream, as core/generation/static_draw.py draws it.

    logits [branches·STREAMS,BOOKS,entries]; noise, known, drawn [steps,STREAMS,BOOKS,…], of which
    `slot` is due. What the k-th largest is, and how few sum to p, is found bit by bit, without
    sorting; where numbers are equal at the edge, all of them are kept. The token goes to drawn,
    and what is read next, the token or what is known of it, to column.
    """
    stream, book = tl.program_id(0) // BOOKS, tl.program_id(0) % BOOKS
    here = stream * BOOKS + book
    at = tl.arange(0, WIDTH)
    there = at < entries
    x = tl.load(logits + here * entries + at, mask=there, other=float("-inf")).to(tl.float32)
    if BRANCHES == 3:
        alone = tl.load(logits + (STREAMS * BOOKS + here) * entries + at, mask=there, other=0.0)
        alone = alone.to(tl.float32)
        x = alone + (x - alone) * tl.load(text_push + stream)
    if BRANCHES > 1:
        last = (BRANCHES - 1) * STREAMS * BOOKS + here
        null = tl.load(logits + last * entries + at, mask=there, other=0.0).to(tl.float32)
        x = tl.where(there, null + (x - null) * tl.load(guidance + stream), float("-inf"))
    token = tl.argmax(x, 0).to(tl.int64)
    step = tl.load(slot)
    if DRAWING:
        bits = x.to(tl.int32, bitcast=True)
        order = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64) + 2147483648  # as x is ordered
        wanted = tl.load(top_k + stream)
        edge = tl.zeros((), tl.int64)
        for bit in range(32):
            tried = edge | (tl.full((), 2147483648, tl.int64) >> bit)
            edge = tl.where(tl.sum((order >= tried).to(tl.int32), 0) >= wanted, tried, edge)
        heat = tl.load(temperature + stream)
        shares = tl.where((order >= edge) & there, tl.exp((x - tl.max(x, 0)) / heat), 0.0)
        shares = shares / tl.sum(shares, 0)
        mass = tl.load(top_p + stream)
        if mass < 1.0:
            edge = tl.zeros((), tl.int64)
            for bit in range(32):
                tried = edge | (tl.full((), 2147483648, tl.int64) >> bit)
                sum_there = tl.sum(tl.where(order >= tried, shares, 0.0), 0)
                edge = tl.where(sum_there >= mass, tried, edge)
            shares = tl.where(order >= edge, shares, 0.0)
        race = (step * STREAMS * BOOKS + here) * entries + at
        chance = shares / tl.load(noise + race, mask=there, other=1.0)
        winner = tl.argmax(chance, 0).to(tl.int64)
        token = tl.where(tl.load(greedy + stream).to(tl.int1), token, winner)
    tl.store(drawn + step * STREAMS * BOOKS + here, token)
    told = tl.load(known + (step + 1) * STREAMS * BOOKS + here)
    tl.store(column + here, tl.where(told >= 0, told, token))
