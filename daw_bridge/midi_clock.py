"""MIDI clock: 24 ticks a quarter note → tempo and position. Pure; one thread owns a MidiClock.

What the sender means is kept here: start, continue, stop, song position. That ticks jitter,
double and get lost is settled before, in tick_filter.py and tick_line.py.
"""

from __future__ import annotations

from daw_bridge.commands import (
    ClockLost,
    ClockPosition,
    ClockRolling,
    ClockSource,
    ClockTempo,
    Command,
)
from daw_bridge.tick_filter import TickFilter
from daw_bridge.tick_line import TickLine
from daw_bridge.transport import FASTEST, SLOWEST

PER_BEAT = 24
PER_SIXTEENTH = 6  # a song position's unit; also how often tempo and position are told
FIRST_TEMPO = 24  # ticks before a tempo is said
LOST_AFTER = 1.0  # seconds without a tick; 20 bpm ticks every 0.125 s
HARDLY = 0.005  # bpm that are not worth saying
ROUND = 0.001  # bpm that a measured tempo may be off a round one and still be taken for it
FAR = 0.0003  # seconds that the beat may stray from what was told, between two sixteenths

SOURCE = ClockSource.MIDI


class MidiClock:
    """Feed it what one sender sends; each call returns what there is to say."""

    def __init__(self) -> None:
        self._line, self._filter = TickLine(), TickFilter()
        self._since_told = 0
        self._said: float | None = None
        self._lost = False
        self.rolling = False
        self._position = 0  # ticks since the song's start
        self._fresh = False  # started: the next tick is the position itself
        self._placed = (0, 0.0)  # the position last told, and when it was
        self._pointed: int | None = None  # the last song position, as sent
        self._since = 0  # ticks run since then
        self.counts_clocks = False  # the sender counts clocks where sixteenths are meant

    # ------------------------------------------------------------------ what is heard

    def tick(self, at: float) -> list[Command]:
        """F8, at time.monotonic() `at`."""
        if len(self._line) and at - self._line.newest > LOST_AFTER:
            self._forget_ticks()
        self._lost = False
        count = self._filter.count(at)
        if self._fresh:
            count = 1  # a start is not a gap
        changed = self._count(count)
        if count <= 0 and not changed:
            return []
        changed = self._draw(at, count) or changed
        return self._tell(changed)

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

    def shift(self, seconds: float) -> list[Command]:
        """The clock that stamps the ticks lost time. It is not the sender's tempo that changed,
        nor were ticks lost; what waits for a bar is told at once where the beat is now."""
        self._line.shift(seconds)
        self._filter.shift(seconds)
        if not self.rolling or self._fresh or self._line.undecided or len(self._line) < 2:
            return []
        _, level = self._line.fit()
        self._placed = (self._position, level)
        return [ClockPosition(SOURCE, self._position / PER_BEAT, level)]

    def quiet(self, now: float) -> list[Command]:
        """Call this now and then: a clock whose ticks stopped coming is said to be lost, once."""
        if self._lost or not len(self._line) or now - self._line.newest <= LOST_AFTER:
            return []
        self._lost = True
        self._forget_ticks()
        return [ClockLost(SOURCE)]

    # ------------------------------------------------------------------ inside

    def _roll(self, at: float) -> list[Command]:
        self.rolling, self._fresh = True, True
        position = ClockPosition(SOURCE, self._position / PER_BEAT, at)
        return [position, ClockRolling(SOURCE, True, at)]

    def _forget_ticks(self) -> None:
        self._line.clear()
        self._filter.clear()
        self._said = None

    def _count(self, count: int) -> bool:
        """Move the position by so many ticks. Whether it moved otherwise than by one."""
        if self.rolling and not self._fresh:
            self._position = max(0, self._position + count)
            self._since = max(0, self._since + count)
        self._since_told += max(count, 0)
        return count < 0 or count > 1

    def _draw(self, at: float, count: int) -> bool:
        """Put the tick on the line, with those that were lost before it."""
        line = self._line
        if count <= 0:  # a verdict on the last ticks: the line is drawn from here
            line.clear()
            line.add(at)
            return True
        if self._fresh:
            line.restart_at(at)
        changed = False
        if count > 1:
            before, gap = line.newest, (at - line.newest) / count
            for lost in range(1, count):
                changed = line.add(before + lost * gap) or changed
        return line.add(at) or changed

    def _tell(self, changed: bool) -> list[Command]:
        said: list[Command] = []
        line, at_start = self._line, self._fresh and self.rolling
        self._fresh = self._fresh and not self.rolling
        known = len(line) >= FIRST_TEMPO or (self._said is not None and len(line) >= PER_SIXTEENTH)
        period, level = line.fit() if len(line) >= 2 else (0.0, line.newest)
        steady = known and not line.undecided and period > 0
        on_sixteenth = self.rolling and self._position % PER_SIXTEENTH == 0
        due = changed or on_sixteenth or self._since_told >= PER_SIXTEENTH
        if steady and due:
            self._since_told = 0
            tempo, is_round = _likely(min(FASTEST, max(SLOWEST, 60 / (PER_BEAT * period))))
            news = self._said is None or abs(tempo - self._said) >= HARDLY
            if news or (is_round and tempo != self._said):
                self._said = tempo
                said.append(ClockTempo(SOURCE, tempo))
        placed = at_start or on_sixteenth or (self.rolling and changed)
        now = level if known or len(line) >= PER_SIXTEENTH else line.newest
        strayed = self.rolling and abs(now - self._expected(period)) > FAR
        if (placed or strayed) and not line.undecided:
            self._placed = (self._position, now)
            said.append(ClockPosition(SOURCE, self._position / PER_BEAT, now))
        return said

    def _expected(self, period: float) -> float:
        """When this tick is, by the position last told."""
        position, at = self._placed
        return at + (self._position - position) * period


def _likely(bpm: float) -> tuple[float, bool]:
    """The tempo that a person has set, where the measured one is that near to a round number, and
    whether it is. Ticks come on whole samples, and four bars are to be whole to the sample."""
    for steps in (1, 2, 10, 20, 100):  # to the beat a minute
        near = round(bpm * steps) / steps
        if abs(near - bpm) <= ROUND:
            return near, True
    return bpm, False
