"""Where the beat is, from ticks that jitter: a line through the last eight beats. Pure.

Senders jitter in two ways, and each wants its own line. Ticks that are late or early by
themselves (USB, a busy thread) scatter around an even grid: least squares. A sender whose
intervals are uneven has no grid but a random walk: only first and last tick count, and the
newest tick is where the beat is. In general a tick is observed with variance r and the grid
walks by variance q a tick; q and r are measured, and the tempo is the generalised
least-squares mean of the intervals (an MA(1) process), the position the filtered level of a
random walk with noise (Harvey, "Forecasting, Structural Time Series Models", 1989, ch. 2 and 4).
"""

from __future__ import annotations

import math
from collections import deque
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LINE = 192  # intervals the line is laid through: eight beats, two bars of four
FEWEST = 12  # ticks on the old line before a change can be told from it
NEWEST = (6, 12, 24, 48)  # so many ticks that leave the line together are a change
FLOOR = 1e-4  # seconds of jitter that are always allowed for
SURE = 5.0  # standard errors that make a change

Times = NDArray[np.float64]


class TickLine:
    """Seconds of equally spaced ticks in, the line through them out."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=LINE + 1)
        self._noise = (FLOOR**2, 0.0)  # r and q, in s²
        self._known = False  # … from a line before this one
        self.undecided = False  # the newest tick is off the line: late, or a change begins

    def __len__(self) -> int:
        return len(self._times)

    @property
    def newest(self) -> float:
        return self._times[-1]

    def clear(self) -> None:
        self._times.clear()
        self._noise, self._known, self.undecided = (FLOOR**2, 0.0), False, False

    def add(self, at: float) -> bool:
        """One more tick. Whether the line was moved or drawn anew because of it."""
        self._times.append(at)
        times = np.array(self._times)
        if len(times) < 6:
            return False
        calm = times[: -NEWEST[-1]] if len(times) > 2 * NEWEST[-1] else times
        if len(calm) > NEWEST[-1] or (not self._known and len(calm) > FEWEST):
            self._noise = _noise(np.diff(calm))
        if self._known and len(times) <= NEWEST[-1]:
            times = self._forget_before_change(times)
        return self._follow_change(times)

    def restart_at(self, at: float) -> None:
        """The sender began anew with a tick at `at`: where that is off the line, move the line."""
        if len(self._times) >= FEWEST:
            period, level = self.fit()
            jump = at - (level + period)
            if abs(jump) > 3 * math.sqrt(sum(self._noise)) + FLOOR:
                self._shift(jump, len(self._times))

    def shift(self, seconds: float) -> None:
        """All ticks so far would have come `seconds` later: the clock they are told by moved."""
        self._shift(seconds, len(self._times))

    def keep(self, ticks: int) -> None:
        """Only the newest `ticks` belong to the line."""
        while len(self._times) > ticks:
            self._times.popleft()

    def fit(self) -> tuple[float, float]:
        """Seconds a tick, and when the newest tick should have come. Needs two ticks."""
        times = np.array(self._times)
        if self.undecided:
            period, level = _fit(times[:-1], self._noise)
            return period, level + period
        return _fit(times, self._noise)

    # ------------------------------------------------------------------ changes

    def _follow_change(self, times: Times) -> bool:
        """Where the newest ticks leave the line together, move it or draw it anew."""
        r, q = self._noise
        self.undecided = False
        for count in NEWEST:
            old, new = times[:-count], times[-count:]
            if len(old) < FEWEST:
                break
            period, level = _fit(old, self._noise)
            off = new - (level + period * np.arange(1, count + 1))
            if count == NEWEST[0]:
                self.undecided = abs(off[-1]) > 4 * math.sqrt(r + q * count) + FLOOR
            latest, _ = _fit(new, self._noise)
            error = _slope_error(count, r, q) + _slope_error(len(old), r, q)
            slope = latest - period
            inside = off - np.linspace(0, slope * (count - 1), count)  # off a line of its own
            scatter = max(2.5 * math.sqrt(r + q * count / 6), 0.02 * _span(off))
            ragged = float(inside.std()) > scatter
            far = 4 * math.sqrt(r + q * count) + FLOOR
            sure = SURE * (1 + FEWEST / len(old))  # the noise itself is known from so many
            if ragged:
                continue
            grows = slope * off[-1] > 0 and slope * off[-3] > 0 and abs(off[-3]) > far / 2
            if abs(slope) > sure * error and abs(off[-1]) > far and grows:
                self.keep(count)  # faster or slower
                self._known, self.undecided = True, False
                return True
            together = bool((off > far / 2).all() or (off < -far / 2).all())
            sound = len(old) >= 2 * FEWEST and abs(slope) <= sure * error
            if sound and together and abs(float(off.mean())) > far:
                self._shift(float(off.mean()), len(times) - count)  # stalled, as fast as before
                self.undecided = False
                return True
        return False

    def _forget_before_change(self, times: Times) -> Times:
        """A line drawn anew may begin with ticks from before the change. They show as it grows."""
        r, q = self._noise
        for count in range(min(6, len(times) - 4), 0, -1):
            rest = times[count:]
            period, level = _fit(rest, self._noise)
            off = times[0] - (level - period * (len(times) - 1))
            reach = count + (len(rest) - 1) / 2
            spread = reach * _slope_error(len(rest), r, q) + math.sqrt(r + q * count)
            if abs(off) > 3 * spread:
                self.keep(len(rest))
                return rest
        return times

    def _shift(self, jump: float, count: int) -> None:
        """The oldest `count` ticks would have come `jump` later."""
        known = list(self._times)
        self._times.clear()
        self._times.extend([at + jump for at in known[:count]] + known[count:])


def _span(values: Times) -> float:
    return float(values.max() - values.min())


RATIOS = np.concatenate(([0.0], 2.0 ** np.arange(-12, 13), [np.inf]))  # q / r that are tried


def _noise(intervals: Times) -> tuple[float, float]:
    """The most likely r and q. The sine transform makes intervals of such ticks independent,
    with variances q + 2 r (1 - cos(π j / (n + 1)))."""
    count = len(intervals)
    odd = np.zeros(2 * count + 2)
    odd[1 : count + 1] = intervals - intervals.mean()
    odd[count + 2 :] = -odd[count:0:-1]
    power = np.fft.rfft(odd).imag[1:-1] ** 2 / (2 * (count + 1))
    shapes, constants = _shapes(count)
    scales = (power / shapes).mean(axis=1)
    best = int(np.argmin(np.log(scales + FLOOR**4) * count + constants))
    ratio, scale = RATIOS[best], float(scales[best])
    r, q = (0.0, scale) if math.isinf(ratio) else (scale, scale * float(ratio))
    return max(FLOOR**2, r), q


@lru_cache(maxsize=LINE + 1)
def _shapes(count: int) -> tuple[Times, Times]:
    """Variances, up to a factor, for each of RATIOS, and what they add to the likelihood."""
    waves = 2 * (1 - np.cos(np.pi * np.arange(1, count + 1) / (count + 1)))
    shapes = np.array([np.ones(count) if np.isinf(k) else k + waves for k in RATIOS])
    simpler = np.where(RATIOS == 0, 0.0, 2.0)  # a walk has to be seen (Akaike)
    return shapes, np.log(shapes).sum(axis=1) + simpler


def _slope_error(count: int, r: float, q: float) -> float:
    """Standard error of the period through `count` ticks."""
    return math.sqrt(q / (count - 1) + 12 * r / count**3)


def _fit(times: Times, noise: tuple[float, float]) -> tuple[float, float]:
    r, q = noise
    step = round(8 * math.log2(q / r)) if q > 1e-6 * r else None  # few ratios: few weights
    slopes, levels = _weights(len(times), step)
    period = float(slopes @ np.diff(times))
    back = period * np.arange(len(times) - 1, -1, -1)
    return period, float(levels @ (times + back - times[-1])) + float(times[-1])


@lru_cache(maxsize=1024)
def _weights(count: int, step: int | None) -> tuple[Times, Times]:
    """Of the intervals in the period, and of the ticks in the position of the newest one.

    step: eight times the binary logarithm of q / r, None for q = 0.
    """
    if step is None:
        place = np.arange(1, count)
        slopes = (place * (count - place)).astype(np.float64)
        return slopes / slopes.sum(), np.full(count, 1 / count)
    ratio = 2.0 ** (step / 8)
    kappa = math.acosh(1 + min(ratio, 1e12) / 2)
    middle = np.arange(1, count) - count / 2
    # cosh(κ x) / cosh(κ n / 2), written so that nothing overflows
    edge = np.exp(kappa * (np.abs(middle) - count / 2))
    edge *= (1 + np.exp(-2 * kappa * np.abs(middle))) / (1 + math.exp(-kappa * count))
    slopes = 1 - edge
    gains, spread = np.ones(count), 1.0
    for i in range(1, count):
        gains[i] = (spread + ratio) / (spread + ratio + 1)
        spread = gains[i]
    left = np.concatenate((np.cumprod((1 - gains)[:0:-1])[::-1], [1.0]))
    levels = gains * left
    return slopes / slopes.sum(), levels / levels.sum()
