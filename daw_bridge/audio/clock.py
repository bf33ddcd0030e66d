"""When does a frame sound? Learnt from what the callback has consumed. Pure; feeder only."""

from __future__ import annotations

from collections import deque

BLOCKS = 30  # enough to meet a prompt poll, few enough to follow an xrun soon
SHORTEST, LONGEST = 0.15, 0.6  # seconds of the window, whatever the block


class StreamClock:
    """Maps frames of the output to `time.monotonic()` and back.

    The callback takes a block at a regular beat; a poll sees it a little later, never
    earlier. So of all polls in the window the earliest, relative to the frame count, is the
    nearest to the truth. That needs no time stamps from the driver and works with any.
    """

    def __init__(self, rate: int, latency: float = 0.0) -> None:
        self._rate = rate
        self._latency = latency
        self._points: deque[tuple[float, float]] = deque()  # (seen at, origin), rising origins

    @property
    def ready(self) -> bool:
        return bool(self._points)

    def observe(self, now: float, consumed: int, block: int) -> None:
        """At `now` `consumed` frames were taken, the last `block` of them in one callback."""
        origin = now - (consumed - block) / self._rate
        while self._points and self._points[-1][1] >= origin:
            self._points.pop()
        self._points.append((now, origin))
        window = min(max(SHORTEST, BLOCKS * block / self._rate), LONGEST)
        while self._points[0][0] < now - window:
            self._points.popleft()

    def reset(self) -> None:
        """The stream stood still: what was learnt no longer holds."""
        self._points.clear()

    def time_of(self, frame: int) -> float:
        """`time.monotonic()` at which `frame` sounds, latency included. Needs `ready`."""
        return self._points[0][1] + frame / self._rate + self._latency

    def frame_at(self, time: float) -> int:
        """The frame that sounds at `time`, latency included. Needs `ready`."""
        return round((time - self._latency - self._points[0][1]) * self._rate)
