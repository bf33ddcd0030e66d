"""Gain over time: piecewise linear in absolute output frames. Pure; feeder thread only."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


class Envelope:
    """A curve through points (frame, gain); constant before the first and after the last.

    It is a function of the frame alone, so audio that was rendered ahead can be rendered
    again, with something changed, and what did not change comes out the same.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self._frames: list[int] = [0]
        self._gains: list[float] = [gain]

    def value(self, frame: int) -> float:
        """The gain at `frame`."""
        return float(np.interp(frame, self._frames, self._gains))

    def values(self, start: int, count: int) -> float | NDArray[np.float32]:
        """Gains of `count` frames from `start`: one float where constant, else [count, 1].

        The float lets callers skip a multiplication, which keeps gain 1 bit-exact.
        """
        end = start + count - 1
        if len(self._frames) == 1 or start >= self._frames[-1]:
            return self._gains[-1]
        if end <= self._frames[0]:
            return self._gains[0]
        curve = np.interp(np.arange(start, start + count), self._frames, self._gains)
        return curve.astype(np.float32)[:, None]

    def ramp(self, frame: int, target: float, frames: int) -> None:
        """From `frame` on go to `target` within `frames`; whatever was planned later goes."""
        here = self.value(frame)
        cut = bisect_left(self._frames, frame)
        self._frames[cut:] = [frame, frame + max(1, frames)]
        self._gains[cut:] = [here, target]

    def forget(self, before: int) -> None:
        """Drop points that no frame from `before` on depends on."""
        keep = 0
        for index, (_, following) in enumerate(pairwise(self._frames), start=1):
            if following > before:
                break
            keep = index
        del self._frames[:keep], self._gains[:keep]
