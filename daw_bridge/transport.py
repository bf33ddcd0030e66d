"""Tempo, bars and rolling, from whichever clock leads. Pure: frozen values, time passed in.

Clocks lead in the order of `ClockSource`: Ableton Link, MIDI clock, JACK transport, OSC tempo,
internal. A clock that was lost free-wheels at its last tempo until another one rolls, or until
somebody says a tempo: the beat then goes on from where it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from daw_bridge.commands import ClockSource

SLOWEST, FASTEST = 20.0, 400.0  # bpm that any clock may have
TAP_GAP = 3.0  # seconds: a longer silence begins a new series of taps
JUST_NOW = 1e-3  # a bar line nearer than this has passed: nothing can start on it


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock: it was at `beat` quarter notes at time `at`."""

    tempo: float
    rolling: bool = False
    beat: float = 0.0
    at: float = 0.0
    lost: bool = False

    def beat_at(self, now: float) -> float:
        """Where it is at `now`; a clock that stands stays where it is."""
        return self.beat + (now - self.at) * self.tempo / 60 if self.rolling else self.beat

    def moved_to(self, now: float) -> Clock:
        """The same clock, anchored at `now`."""
        return replace(self, beat=self.beat_at(now), at=now)


@dataclass(frozen=True, slots=True)
class BarLine:
    """A bar line of the leading clock: bars count from 1, `at` is time.monotonic()."""

    bar: int
    at: float
    slipped: int = 0  # bars later than the first line that the quantisation allows


def _only_internal() -> Mapping[ClockSource, Clock]:
    return MappingProxyType({ClockSource.INTERNAL: Clock(120.0)})


@dataclass(frozen=True, slots=True)
class Transport:
    """What all clocks say, and who leads."""

    clocks: Mapping[ClockSource, Clock] = field(default_factory=_only_internal)
    taps: tuple[float, ...] = ()
    chosen: bool = False  # a person or a clock has set the internal tempo
    followed: ClockSource | None = None  # the one that a person lets lead; None: the first there

    @property
    def leader(self) -> ClockSource:
        """The clock that leads: the first that is there. One that stands does not take over
        from one that was lost and rolls on: what is planned would lose its bar."""
        if self.followed is not None:
            return self.followed if self.followed in self.clocks else ClockSource.INTERNAL
        there = [s for s in self.outside if not self.clocks[s].lost]
        wheeling = [s for s in self.outside if self.clocks[s].lost and self.clocks[s].rolling]
        if there and (not wheeling or self.clocks[there[0]].rolling):
            return there[0]
        rolling = [s for s in there if self.clocks[s].rolling]
        return next(iter((*rolling, *wheeling, *there)), ClockSource.INTERNAL)

    @property
    def outside(self) -> tuple[ClockSource, ...]:
        """The clocks of other programs that were heard of, in their order."""
        return tuple(s for s in ClockSource if s is not ClockSource.INTERNAL and s in self.clocks)

    @property
    def tempo(self) -> float:
        return self.clocks[self.leader].tempo

    @property
    def tempo_known(self) -> bool:
        """Whether the tempo is anybody's, and not the default."""
        return self.chosen or self.leader is not ClockSource.INTERNAL

    @property
    def rolling(self) -> bool:
        return self.clocks[self.leader].rolling

    def beat_at(self, now: float) -> float:
        return self.clocks[self.leader].beat_at(now)

    # ------------------------------------------------------------------ what clocks say

    def with_tempo(self, source: ClockSource, bpm: float, now: float) -> Transport:
        """A clock's tempo changed; where it is does not jump. OSC tells no position: it goes on
        from a clock that free-wheels."""
        bpm = min(FASTEST, max(SLOWEST, bpm))
        leader = self.clocks[self.leader]
        if source is ClockSource.OSC and leader.lost:
            taken = replace(leader.moved_to(now), tempo=bpm, lost=False)
            return self.without_lost()._with(source, taken)
        clock = self.clocks.get(source, Clock(bpm)).moved_to(now)
        return self._with(source, replace(clock, tempo=bpm, lost=False))

    def with_position(self, source: ClockSource, beat: float, at: float) -> Transport:
        clock = self.clocks.get(source, Clock(self.tempo))
        return self._with(source, replace(clock, beat=beat, at=at, lost=False))

    def with_rolling(self, source: ClockSource, rolling: bool, at: float) -> Transport:
        """Started or stopped. A start alone goes on from where the clock stood."""
        clock = self.clocks.get(source, Clock(self.tempo)).moved_to(at)
        return self._with(source, replace(clock, rolling=rolling, lost=False))

    def without(self, source: ClockSource) -> Transport:
        """No tick came for a while: free-wheel. The internal clock keeps the tempo, so that
        it does not jump if that is what leads now."""
        if source not in self.clocks:
            return self
        if source is not self.leader:  # nobody followed it
            return self.forget(source)
        inside = replace(self.clocks[ClockSource.INTERNAL], tempo=self.tempo)
        lost = self.without_lost()._with(source, replace(self.clocks[source], lost=True))
        return replace(lost._with(ClockSource.INTERNAL, inside), chosen=True)

    def forget(self, source: ClockSource) -> Transport:
        """A clock was switched off."""
        if source not in self.clocks or source is ClockSource.INTERNAL:
            return self
        kept = {s: c for s, c in self.clocks.items() if s is not source}
        return replace(self, clocks=MappingProxyType(kept))

    def without_lost(self) -> Transport:
        """Nothing needs the bars of a clock that free-wheels any more."""
        kept = {s: c for s, c in self.clocks.items() if not c.lost}
        return replace(self, clocks=MappingProxyType(kept))

    def set_by_hand(self, bpm: float, now: float) -> Transport:
        """A person sets the tempo: the internal clock's, and OSC's where OSC set one. Clocks
        that free-wheel give way."""
        changed = replace(self.without_lost(), chosen=True)
        for source in (ClockSource.INTERNAL, ClockSource.OSC):
            if source in changed.clocks:
                changed = changed.with_tempo(source, bpm, now)
        return changed

    def tapped(self, now: float) -> Transport:
        """One tap; from the second on, the mean gap of the last eight sets the tempo."""
        fresh = not self.taps or now - self.taps[-1] > TAP_GAP or now <= self.taps[-1]
        taps = (now,) if fresh else (*self.taps[-7:], now)
        changed = replace(self, taps=taps)
        if len(taps) < 2:
            return changed
        return changed.set_by_hand(60 * (len(taps) - 1) / (taps[-1] - taps[0]), now)

    def following(self, number: int) -> Transport:
        """The parameter `clock`: 0 is whichever leads, then the sources in their order."""
        return replace(self, followed=(None, *ClockSource)[number])

    # ------------------------------------------------------------------ bars

    def next_bar(
        self, now: float, *, beats: int, every: int, not_before: float | None = None
    ) -> BarLine | None:
        """The next line on every `every`-th bar that lies at `not_before` or later.

        None when there is nothing to wait for: no clock rolls, or `every` is 0.
        """
        if every < 1 or not self.rolling:
            return None
        clock = self.clocks[self.leader]
        span = beats * every  # beats from one such line to the next
        here = clock.beat_at(now + JUST_NOW) / span
        first = math.floor(here) + 1
        earliest = clock.beat_at(max(now + JUST_NOW, not_before or now)) / span
        index = max(first, math.ceil(earliest - 1e-9))
        at = now + (index * span - clock.beat_at(now)) * 60 / clock.tempo
        return BarLine(bar=index * every + 1, at=at, slipped=(index - first) * every)

    def _with(self, source: ClockSource, clock: Clock) -> Transport:
        return replace(self, clocks=MappingProxyType({**self.clocks, source: clock}))
