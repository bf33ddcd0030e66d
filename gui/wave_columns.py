"""Peaks on their way to pixels: one column's minimum and maximum, and the lines that draw them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QLineF

PEAKS_PER_SECOND = 50

Peaks = NDArray[np.float32]  # [n, 2]: minimum, maximum


def columns(peaks: Peaks, start: float, end: float, width: int) -> Peaks:
    """Minimum and maximum of each of `width` columns from `start` to `end` seconds.

    NaN where nothing is known yet.
    """
    result = np.full((width, 2), np.nan, np.float32)
    if not len(peaks) or width < 1 or end <= start:
        return result
    edges = np.linspace(start, end, width + 1) * PEAKS_PER_SECOND
    first = np.floor(edges + 1e-6).astype(int)
    known = np.flatnonzero((first[:-1] >= 0) & (first[:-1] < len(peaks)))
    if not len(known):
        return result
    begins = first[known]
    ends = np.minimum(np.maximum(first[known + 1], begins + 1), len(peaks))
    # reduceat reads from one begin to the next, so each piece is given its end as well
    bounds = np.stack([begins, np.minimum(ends, len(peaks) - 1)], axis=1).ravel()
    low = np.minimum.reduceat(peaks[:, 0], bounds)[::2]
    high = np.maximum.reduceat(peaks[:, 1], bounds)[::2]
    result[known, 0], result[known, 1] = low, high
    return result


def lines(found: Peaks, height: float, margin: float = 4.0) -> tuple[list[QLineF], NDArray]:
    """A vertical line a known column, and which columns those are."""
    known = np.flatnonzero(~np.isnan(found[:, 0]))
    middle, reach = height / 2, height / 2 - margin
    drawn = [
        QLineF(x, middle - max(0.5, high * reach), x, middle + max(0.5, -low * reach))
        for x, (low, high) in zip(known.tolist(), found[known].tolist(), strict=True)
    ]
    return drawn, known
