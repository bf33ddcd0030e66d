"""From a device's own time (a driver's or sound server's) to time.monotonic(). Pure.

A callback is late by what the system was busy with; the stamps of the device are not. So the
stamps are kept, and only the distance between the two clocks is taken from the callbacks. It
is held still until it is clearly wrong, so that ticks are as even as their stamps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

KEPT = 64  # callbacks the distance is taken from
WRONG = 0.0005  # seconds off before it is corrected
BROKEN = 0.5  # … beyond which the device's clock began anew


class TimeAnchor:
    """pick: which of the last distances is right: `min` where callbacks can only be late,
    `statistics.median` where the device's stamps scatter too."""

    def __init__(self, pick: Callable[[Iterable[float]], float] = min) -> None:
        self._pick = pick
        self._distances: deque[float] = deque(maxlen=KEPT)
        self._held: float | None = None

    def note(self, device: float, now: float) -> float:
        """The device's `device` seconds were seen at `now`, time.monotonic(). By how much
        later all stamps are now taken to be: the device lost time, say."""
        before, distance = self._held, now - device
        if self._held is not None and abs(distance - self._held) > BROKEN:
            self._distances.clear()
            self._held = None
        self._distances.append(distance)
        likely = self._pick(self._distances)
        if self._held is None or abs(likely - self._held) > WRONG:
            self._held = likely
        return 0.0 if before is None else self._held - before

    def at(self, device: float) -> float:
        """time.monotonic() of `device`. Raises ValueError before the first `note`."""
        if self._held is None:
            raise ValueError("nothing noted yet")
        return device + self._held
