"""Where a loop goes from its end back to its beginning, so that nobody hears where. Pure.

The music was generated on past the loop's end. That tail is heard where the loop begins again,
for a fraction of a beat, and then the loop's own beginning takes over:

    take   0 ────────── s ───────────────────────── n ────────── n + s ───
    loop   [ tail from n ][ the take from s …                  n ]

At the bar line itself nothing happens: what follows sample n − 1 is sample n, as it was generated.
The crossing at `s` lies where tail and beginning differ least: in sound, and in the tokens, which
tell alike what the codec hears alike; away from attacks, which would be heard twice. A rest of
phase is taken up by the whole loop, as a change of speed of some hundredths of a per cent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from core.types import MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.looping.beat_drift import HOP, onset_curve

CROSSING = 640  # samples: 20 ms
WINDOW = 1280  # samples around a crossing that are compared
PHASE = 48  # samples, 1.5 ms: as far as the end is moved to meet the beginning
WORTH = 0.05  # of correlation that this must gain
ATTACK = 0.5  # what an attack at the crossing costs, against wholly other sound (1)
TOKENS = 0.3  # what tokens that all differ cost
BOOK_WEIGHTS = (8, 4, 2, 1)  # the first codebook says most

Pcm = NDArray[np.float32]  # [samples, channels], 32 kHz
Tokens = NDArray[np.integer]  # [codebooks, frames]


@dataclass(frozen=True, slots=True, eq=False)
class LoopPoint:
    """at: the crossing's middle, samples after the loop's start. moved: samples by which the end
    meets it later. likeness: of the tokens there, 0 … 1. correlation: of the sound."""

    at: int
    moved: int
    likeness: float
    correlation: float


def find_loop_point(
    pcm: Pcm,
    length: int,
    codes: Tokens | None = None,
    frame_of: Callable[[float], float] = lambda sample: sample / SAMPLES_PER_FRAME,
    earliest: int = 0,
) -> LoopPoint | None:
    """The best crossing of a loop of `length` samples. None: nothing was generated past its end.

    codes: the take's tokens; frame_of: which of their frames a sample of `pcm` belongs to.
    earliest: samples at the start of `pcm` that are not to be heard.
    """
    half = max(CROSSING, WINDOW) // 2
    last = len(pcm) - length - half - PHASE
    first = earliest + half
    if last <= first:
        return None
    head, tail = pcm[: last + half], pcm[length : length + last + half]
    power = float(np.mean(np.square(pcm[:length], dtype=np.float64))) + 1e-12
    apart = _around(np.square(tail.astype(np.float64) - head).mean(axis=1), half) / power
    attacks = np.maximum(_attacks(pcm, len(head)), _attacks(pcm[length:], len(head)))
    at = np.arange(first, last)
    cost = np.minimum(apart[at], 4.0) + ATTACK * attacks[at]
    alike = np.zeros(len(at))
    if codes is not None and codes.shape[1]:
        here = np.array([frame_of(float(s)) for s in at[::SAMPLES_PER_FRAME]])
        there = np.array([frame_of(float(s + length)) for s in at[::SAMPLES_PER_FRAME]])
        rough = np.array([likeness(codes, a, b) for a, b in zip(here, there, strict=True)])
        alike = np.repeat(rough, SAMPLES_PER_FRAME)[: len(at)]
        cost += TOKENS * (1 - alike)
    best = int(cost.argmin())
    middle = int(at[best])
    moved = _phase(pcm, middle, length)
    after = pcm[middle + length + moved - half : middle + length + moved + half]
    return LoopPoint(
        middle, moved, float(alike[best]), _correlation(pcm[middle - half : middle + half], after)
    )


def likeness(codes: Tokens, first: float, second: float) -> float:
    """How alike the tokens are around two frames: 1 all the same, 0 none."""
    weights = np.array(BOOK_WEIGHTS[: codes.shape[0]] or (1,), np.float64)
    total, same = 0.0, 0.0
    for off in (-1, 0, 1):
        a, b = int(first) + off, int(second) + off
        if 0 <= a < codes.shape[1] and 0 <= b < codes.shape[1]:
            books = len(weights)
            same += float(weights @ (codes[:books, a] == codes[:books, b]))
            total += float(weights.sum())
    return same / total if total else 0.0


def closed_loop(pcm: Pcm, length: int, point: LoopPoint | None) -> Pcm:
    """The loop: exactly `length` samples whose end is followed by its beginning.

    point None: its last 5 ms fade to silence, as do the first 2 ms from it.
    """
    if point is None:
        return _faded(pcm[:length], length)
    half, at = CROSSING // 2, point.at
    if point.moved:
        pcm = _respeed(pcm, at, length, point.moved)
    loop = pcm[:length].copy()
    loop[: at - half] = pcm[length : length + at - half]
    rise = ((np.arange(CROSSING) + 0.5) / CROSSING)[:, None]
    common = max(0.0, point.correlation)  # like sound adds up, other sound adds its power
    gain = 1 / np.sqrt(rise**2 + (1 - rise) ** 2 + 2 * common * rise * (1 - rise))
    old = pcm[length + at - half : length + at + half]
    new = pcm[at - half : at + half]
    loop[at - half : at + half] = gain * (rise * new + (1 - rise) * old)
    return loop


# ---------------------------------------------------------------- parts


def _around(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """The mean of `2 * half` values around each (of what there is at the edges)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    middle = np.arange(len(values))
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half, len(values))
    return (sums[high] - sums[low]) / (high - low)


def _attacks(pcm: Pcm, count: int) -> NDArray[np.float64]:
    """Per sample, how strong an attack is near, against the strongest."""
    curve = onset_curve(pcm[: count + WINDOW])
    reach = -(-CROSSING // HOP)
    near = np.array([curve[max(0, i - reach) : i + reach + 1].max() for i in range(len(curve))])
    strongest = near.max(initial=0.0)
    if strongest > 0:
        near = near / strongest
    return np.repeat(near, HOP)[:count]


def _phase(pcm: Pcm, at: int, length: int) -> int:
    """By how many samples the end must be read later to be in phase with the beginning."""
    half = WINDOW // 2
    here = pcm[at - half : at + half]
    found = [
        _correlation(here, pcm[at + length + off - half : at + length + off + half])
        for off in range(-PHASE, PHASE + 1)
    ]
    best = int(np.argmax(found))
    return best - PHASE if found[best] > found[PHASE] + WORTH else 0


def _correlation(one: Pcm, other: Pcm) -> float:
    norm = float(np.sqrt(np.vdot(one, one) * np.vdot(other, other)))
    return float(np.vdot(one, other)) / norm if norm > 0 else 1.0


def _respeed(pcm: Pcm, at: int, length: int, moved: int) -> Pcm:
    """The take so that its sample at + length + moved comes at at + length, and `at` at `at`."""
    speed = (length + moved) / length
    lead = min(at, MODEL_RATE)  # samples before `at` that go along
    out = soxr.resample(pcm[at - lead :], MODEL_RATE * speed, MODEL_RATE, quality="VHQ")
    shift = lead - round(lead / speed)
    skipped = at - lead + shift
    return np.concatenate([np.zeros((max(0, skipped), pcm.shape[1]), np.float32), out])[
        max(0, -skipped) :
    ]


def _faded(pcm: Pcm, length: int) -> Pcm:
    loop = np.zeros((length, pcm.shape[1]), np.float32)
    loop[: len(pcm)] = pcm
    fade_in, fade_out = min(64, length // 2), min(160, length // 2)
    loop[:fade_in] *= np.linspace(0, 1, fade_in, endpoint=False, dtype=np.float32)[:, None]
    loop[length - fade_out :] *= np.linspace(1, 0, fade_out, dtype=np.float32)[:, None]
    return loop
