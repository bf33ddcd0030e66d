"""MIDI clock: 24 ticks a quarter note → tempo and position. Pure; one thread owns a MidiClock.

Single ticks jitter by milliseconds, so a line is laid through the last ones: its slope is
the tempo, its end is where the beat really was. A tempo that changes shows as ticks that
leave the line together; the line then begins anew at the change. Ticks that are late together
but no slower (a sender that stalled) move the line and leave its slope.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from daw_bridge.commands import (
    ClockLost,
    ClockPosition,
    ClockRolling,
    ClockSource,
    ClockTempo,
    Command,
)

PER_BEAT = 24
LINE = 192  # ticks the line is laid through: eight beats
NEWEST = 12  # ticks that must agree on leaving it
FIRST_TEMPO = 24  # ticks before a tempo is said
LOST_AFTER = 1.0  # seconds without a tick; 20 bpm ticks every 0.125 s
SLOWEST, FASTEST = 20.0, 400.0
HARDLY = 0.02  # bpm that are not worth saying

SOURCE = ClockSource.MIDI


class MidiClock:
    """Feed it what one sender sends; each call returns what there is to say."""

    def __init__(self) -> None:
        self._count = 0  # ticks ever
        self._times: deque[tuple[int, float]] = deque(maxlen=LINE)
        self._said: float | None = None
        self._lost = False
        self._undecided = False  # the newest tick is off the line: stall, change or jitter
        self.rolling = False
        self._position = 0  # ticks since the song's start
        self._fresh = False  # started: the next tick is the position itself
        self._pointed: int | None = None  # the last song position, as sent
        self._since = 0  # ticks run since then
        self.counts_clocks = False  # the sender counts clocks where sixteenths are meant

    # ------------------------------------------------------------------ what is heard

    def tick(self, at: float) -> list[Command]:
        """F8, at time.monotonic() `at`."""
        if self._times and at - self._times[-1][1] > LOST_AFTER:
            self._times.clear()
        self._lost = False
        self._count += 1
        self._times.append((self._count, at))
        said: list[Command] = []
        if self.rolling:
            if self._fresh:
                self._fresh = False
            else:
                self._position += 1
                self._since += 1
        self._follow_change()
        tempo, now = self._line()
        due = self._count % (PER_BEAT // 4) == 0 and not self._undecided
        if due and tempo is not None and abs(tempo - (self._said or 0.0)) >= HARDLY:
            self._said = tempo
            said.append(ClockTempo(SOURCE, tempo))
        if self.rolling and self._position % PER_BEAT == 0:
            said.append(ClockPosition(SOURCE, self._position / PER_BEAT, now))
        return said

    def start(self, at: float) -> list[Command]:
        """FA: from the song's beginning, which the next tick is."""
        self._position, self._pointed, self._since = 0, 0, 0
        return self._roll(at)

    def resume(self, at: float) -> list[Command]:
        """FB: from where it stands."""
        return self._roll(at)

    def stop(self, at: float) -> list[Command]:
        """FC."""
        was, self.rolling = self.rolling, False
        return [ClockRolling(SOURCE, False, at)] if was else []

    def song_position(self, value: int, at: float) -> list[Command]:
        """F2: sixteenths since the song's start, or clocks where a sender counts those."""
        if self._pointed is not None and self._since >= PER_BEAT:
            moved = value - self._pointed
            near = max(3.0, 0.02 * self._since)
            if abs(moved - self._since) <= near:
                self.counts_clocks = True
            elif abs(moved * 6 - self._since) <= 6 + near:
                self.counts_clocks = False
        self._pointed, self._since = value, 0
        self._position = value if self.counts_clocks else value * 6
        return [ClockPosition(SOURCE, self._position / PER_BEAT, at)]

    def quiet(self, now: float) -> list[Command]:
        """Call this now and then: a clock whose ticks stopped coming is said to be lost, once."""
        if self._lost or not self._times or now - self._times[-1][1] <= LOST_AFTER:
            return []
        self._lost = True
        self._times.clear()
        self._said = None
        return [ClockLost(SOURCE)]

    # ------------------------------------------------------------------ the line

    def _roll(self, at: float) -> list[Command]:
        self.rolling, self._fresh = True, True
        position = ClockPosition(SOURCE, self._position / PER_BEAT, at)
        return [position, ClockRolling(SOURCE, True, at)]

    def _fit(self, first: int | None = None, last: int | None = None) -> tuple[float, float]:
        """Seconds a tick, and the time of tick number 0, through part of the line."""
        points = np.array(list(self._times)[first:last])
        slope, start = np.polyfit(points[:, 0] - self._count, points[:, 1] - points[-1, 1], 1)
        return float(slope), float(start + points[-1, 1])

    def _line(self) -> tuple[float | None, float]:
        """The tempo, None while unsure, and when the newest tick should have come."""
        newest = self._times[-1][1]
        if len(self._times) < FIRST_TEMPO:
            return None, newest
        slope, now = self._fit()
        if slope <= 0:
            return None, newest
        return min(FASTEST, max(SLOWEST, 60 / (PER_BEAT * slope))), now

    def _follow_change(self) -> None:
        """Where the newest ticks are off the line together, draw it anew."""
        self._undecided = False
        if len(self._times) < FIRST_TEMPO + NEWEST:
            return
        slope, now = self._fit(last=-NEWEST)
        points = np.array(self._times)
        off = points[:, 1] - (now + slope * (points[:, 0] - self._count))
        noise = float(off[:-NEWEST].std())
        far, newest = max(0.004, 3 * noise), off[-NEWEST:]
        self._undecided = abs(float(newest[-1])) > far
        together = bool((newest > far / 2).all() or (newest < -far / 2).all())
        if not together or abs(float(newest.mean())) <= far:
            return
        self._undecided = False
        latest, _ = self._fit(first=-NEWEST)
        if abs(latest - slope) <= 0.003 * slope + noise:  # as fast as before: the sender stalled
            jump, known = float(newest.mean()), list(self._times)
            moved = [(count, at + jump) for count, at in known[:-NEWEST]]
            self._times.clear()
            self._times.extend(moved + known[-NEWEST:])
            return
        while len(self._times) > NEWEST:
            self._times.popleft()
