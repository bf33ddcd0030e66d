"""Where a recording is cut: silence left out, pieces of at most 30 s, at bar lines."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.codec.loudness import HOP, level
from core.types import MODEL_RATE, SAMPLES_PER_FRAME

LONGEST = 30.0  # seconds: the window that MusicGen is trained on
SHORTEST = 1.0  # seconds; what is shorter is a hit, not music
SILENCE = -60.0  # LUFS of 100 ms
REST = 3.0  # seconds of silence that are still part of the music


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a recording, in samples at 32 kHz."""

    start: int
    length: int


def cut(hops: NDArray[np.float32], samples: int, bar: float | None) -> list[Piece]:
    """The pieces to keep, in order; none where all is silence or too short.

    hops: K-weighted power every 100 ms. bar: seconds, None where the tempo is not known;
    bars are counted from the recording's start.
    """
    unit = bar * MODEL_RATE if bar and bar <= LONGEST else None
    spans: list[tuple[float, float]] = []
    for first, last in _sounding(hops, samples):
        start, end = float(first), float(last)
        if unit:  # outwards to whole bars
            start = math.floor(start / unit + 1e-6) * unit
            end = min(math.ceil(end / unit - 1e-6) * unit, samples)
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    pieces = [piece for span in spans for piece in _split(*span, unit)]
    return [piece for piece in pieces if piece.length >= SHORTEST * MODEL_RATE]


def _sounding(hops: NDArray[np.float32], samples: int) -> list[tuple[int, int]]:
    """Stretches of sound in samples, a rest shorter than REST belonging to what is around it."""
    loud = np.flatnonzero(level(hops) > SILENCE)
    if not len(loud):
        return []
    rest = round(REST * MODEL_RATE / HOP)
    breaks = np.flatnonzero(np.diff(loud) > rest)
    firsts = loud[np.concatenate([[0], breaks + 1])]
    lasts = loud[np.concatenate([breaks, [len(loud) - 1]])] + 1
    spans = [(int(a) * HOP, min(int(b) * HOP, samples)) for a, b in zip(firsts, lasts, strict=True)]
    if firsts[0] <= rest:
        spans[0] = (0, spans[0][1])
    if len(hops) - lasts[-1] <= rest:
        spans[-1] = (spans[-1][0], samples)
    return spans


def _split(start: float, end: float, unit: float | None) -> list[Piece]:
    """Even pieces of at most LONGEST seconds, cut between bars where there are any."""
    longest = LONGEST * MODEL_RATE
    if end - start <= longest + 1:
        return [Piece(round(start), round(end) - round(start))]
    if unit:
        bars = math.ceil((end - start) / unit - 1e-6)
        count = math.ceil(bars / math.floor(longest / unit + 1e-6))
        each = math.ceil(bars / count) * unit
    else:
        count = math.ceil((end - start) / longest)
        each = math.ceil((end - start) / count / SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME
    edges = [round(min(start + i * each, end)) for i in range(count + 1)]
    return [Piece(a, b - a) for a, b in itertools.pairwise(edges) if b > a]
