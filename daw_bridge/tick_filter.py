"""Ticks that come twice and ticks that never come, before they are counted. Pure.

Two cables from one sender, or a loop in the patch, give each tick twice; a lossy driver
leaves one out. Both would move the position for good, so a pattern that cannot be music is
mended. What could be a real change of tempo is left to the line, after a few ticks at most.
"""

from __future__ import annotations

from collections import deque

WATCHED = 12  # intervals a verdict is based on
TWIN = 0.2  # of the longer interval: a tick this near to the one before is its double
NEAREST, NEAR = 0.03, 0.12  # of an interval: how near a gap after a loss is to whole intervals
MOST_LOST = 4  # ticks in a row that are made up for; a longer gap is a stall
TOO_MANY = 3  # gaps among the watched intervals that are no losses but a slower tempo


class TickFilter:
    """For each tick how many it stands for: 0 a double, 1, or more after a loss; negative
    takes back what was counted before and turned out not to be so."""

    def __init__(self) -> None:
        self._newest: float | None = None  # the last tick, whatever it was
        self._gaps: deque[float] = deque(maxlen=WATCHED)  # between all ticks
        self._steps: deque[float] = deque(maxlen=WATCHED)  # … with the losses taken out
        self._guesses: deque[int] = deque(maxlen=WATCHED)  # ticks made up for, at each of them
        self.doubled = False

    def clear(self) -> None:
        self.__init__()

    def shift(self, seconds: float) -> None:
        """All ticks so far would have come `seconds` later: that is no gap in what is sent."""
        if self._newest is not None:
            self._newest += seconds

    def count(self, at: float) -> int:
        """The tick at `at` seconds."""
        if self._newest is None:
            self._newest = at
            return 1
        gap, self._newest = at - self._newest, at
        self._gaps.append(gap)
        if self.doubled:
            return self._among_doubles()
        if len(self._gaps) == WATCHED and self._twins():
            self.doubled = True
            self._guesses.clear()
            self._steps.clear()
            return 1 - WATCHED // 2  # this one, less half of those before
        return self._with_losses(gap)

    def _twins(self) -> bool:
        """Whether short and long intervals take turns."""
        gaps = list(self._gaps)
        one, other = gaps[::2], gaps[1::2]
        return max(one) <= TWIN * min(other) or max(other) <= TWIN * min(one)

    def _among_doubles(self) -> int:
        if not self._twins():
            recent = list(self._gaps)[-4:]
            if max(recent) <= min(recent) / TWIN:  # even again
                self.doubled = False
                self._gaps.clear()
                return 1
        return 0 if self._gaps[-1] <= TWIN * max(list(self._gaps)[-3:]) else 1

    def _with_losses(self, gap: float) -> int:
        known = sorted(self._steps)
        self._steps.append(gap)
        if len(known) < WATCHED:
            return 1
        usual = known[WATCHED // 2]
        spread = (known[-2] - known[1]) / usual  # one odd one may be among them
        intervals = gap / usual
        lost = round(intervals) - 1
        near = abs(intervals - lost - 1) <= max(NEAREST, 2 * spread)
        if spread > NEAR or not 1 <= lost <= MOST_LOST or not near:
            self._guesses.append(0)
            return 1
        self._guesses.append(lost)
        if sum(1 for guess in self._guesses if guess) >= TOO_MANY:
            undone = sum(self._guesses) - lost
            self._guesses.clear()
            self._steps.clear()
            return 1 - undone
        self._steps[-1] = gap / (1 + lost)
        return 1 + lost
