"""How fast and how evenly a take is being made, and when it may start because of that. Pure.

Three figures, of the seconds of work that the engine tells with each few frames:

- `speed`, seconds of sound a second of work, of about the last second of sound;
- `worst`, what a buffer must hold to hide the unevenness: the deepest that the making lately fell
  behind. It is Lindley's recursion, behind = max(0, behind + work - due), as for the wait in a
  queue (D. V. Lindley, 1952). Due is the sound's length, or the work that is usual, if that is
  more: to be slow is no unevenness. One pause counts whole, for blocks are small after a change;
- the line of work a frame over the frames so far: a step looks back on all before it, so a long
  take of a large model gets slower on its way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from core.types import FRAME_RATE

TRUSTED = 0.85  # share of the speed last measured that is counted on
SPEED_MEMORY = 40  # frames over which the speed is evened out
HALF_LIFE = 15.0  # seconds of sound in which the worst hitch counts half
LINE_FROM = 100  # frames of a take that a line is drawn through at least
STEEPEST = 0.01  # of a frame's work, that each frame before it may add
OVERDUE = 0.5  # seconds that frames may come late before it counts
FIRST_SLOW = 6  # frames: the first ones pay for the prompt and for reading the context


@dataclass(frozen=True, slots=True)
class Headroom:
    """Of the take that was made last. Each `after` gives the next one.

    speed: seconds of sound made a second of work; 0: unknown. behind, worst: seconds.
    told_at: time.monotonic() when frames last came, told: how many seconds of sound they were.
    """

    take: int = 0
    speed: float = 0.0
    behind: float = 0.0
    worst: float = 0.0
    told_at: float = -math.inf
    told: float = 0.0
    rough: bool = True  # the speed is of a take's first frames alone
    steered: bool = False  # the next frames pay for a change, which is reckoned by itself
    # of the line of work over frames: frames, and sums weighted by them
    count: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def after(self, take: int, first: int, frames: int, busy: float, now: float) -> Headroom:
        """`frames` of a take, from its frame `first` on, took `busy` seconds of work."""
        if frames < 1 or busy <= 0:
            return self
        known = self if take == self.take else Headroom(take, self.speed, worst=self.worst)
        known = replace(known, told_at=now, told=frames / FRAME_RATE)
        if first < FIRST_SLOW or known.steered:
            if not known.speed:  # better than nothing
                known = replace(known, speed=frames / FRAME_RATE / busy, rough=True)
            return replace(known, steered=False)
        return known._fell_behind(frames, busy)._evened(frames, busy)._on_line(first, frames, busy)

    def _evened(self, frames: int, busy: float) -> Headroom:
        """Work is what adds up, so it is evened out, not the speed."""
        work = busy / frames
        if self.speed and not self.rough:
            old = 1 / (FRAME_RATE * self.speed)
            work = old + (1 - math.exp(-frames / SPEED_MEMORY)) * (work - old)
        return replace(self, speed=1 / (FRAME_RATE * work), rough=False)

    def _fell_behind(self, frames: int, busy: float) -> Headroom:
        sound = frames / FRAME_RATE
        usual = busy if self.rough else sound / self.speed
        behind = max(0.0, self.behind + busy - max(sound, usual))
        faded = self.worst * 0.5 ** (sound / HALF_LIFE)
        return replace(self, behind=behind, worst=max(behind, busy - usual, faded))

    def _on_line(self, first: int, frames: int, busy: float) -> Headroom:
        middle, work = first + frames / 2, busy / frames
        return replace(
            self,
            count=self.count + frames,
            x=self.x + frames * middle,
            y=self.y + frames * work,
            xx=self.xx + frames * middle * middle,
            xy=self.xy + frames * middle * work,
        )

    def now_speed(self, now: float, *, waits: bool) -> float:
        """The speed, less where frames are overdue. waits: the engine is to make none."""
        if waits or not self.speed or not self.told:
            return self.speed
        silent = now - self.told_at
        overdue = silent > self.told / self.speed + OVERDUE
        return min(self.speed, self.told / silent) if overdue else self.speed

    @property
    def grows(self) -> float:
        """Seconds of work that each frame adds to those after it, 0 or more."""
        if self.count < LINE_FROM or not self.speed:
            return 0.0
        spread = self.count * self.xx - self.x * self.x
        slope = (self.count * self.xy - self.x * self.y) / spread if spread > 0 else 0.0
        return min(max(0.0, slope), STEEPEST / (FRAME_RATE * self.speed))

    def seconds_for(self, made: int, frames: int, window: int) -> float:
        """Seconds of work that `frames` more take, of a take of which `made` are made; infinite
        while nothing is known. window: frames that a step looks back on at most."""
        if frames <= 0:
            return 0.0
        if not self.speed:
            return math.inf
        rising = max(0, min(frames, window - made))  # then as slow as it gets
        more = self.grows * (rising * rising / 2 + (frames - rising) * rising)
        return (frames / (FRAME_RATE * self.speed) + more) / TRUSTED

    def starts_after(self, made: int, wanted: int, cushion: float, window: int) -> float:
        """Seconds until a take of `wanted` frames, `made` of them, can begin to play and not run
        dry; 0: now. cushion: seconds in hand when it begins, and when its last frame comes.

        What is left when it begins must be made while it plays. Work a frame never falls, so the
        end is where it is tightest.
        """
        if made >= wanted:
            return 0.0
        if not self.speed:
            return math.inf
        plays = max(0.0, wanted / FRAME_RATE - cushion)
        whole = self.seconds_for(made, wanted - made, window)
        low, high = min(wanted, max(made, math.ceil(cushion * FRAME_RATE))), wanted
        while low < high:  # as many frames first as leave the rest little enough
            middle = (low + high) // 2
            if whole - self.seconds_for(made, middle - made, window) <= plays:
                high = middle
            else:
                low = middle + 1
        return self.seconds_for(made, low - made, window)
