"""Where the bar lines lie in the sound of a take that plays, to the sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.types import MODEL_RATE, seconds_of_bars
from daw_bridge.session_turn import Turn
from daw_bridge.take_record import TakeRecord

SNAP = 0.06  # seconds: a clock's line so near to the take's own is that line; its sample is exact


@dataclass(frozen=True, slots=True)
class SoundingLine:
    """A bar line. place: sample (32 kHz), counted from the bar on which the take began, or the
    one that it branched from; at: time.monotonic() when it sounds; bar: its number."""

    place: int
    at: float
    bar: int


def bar_line(
    turn: Turn,
    record: TakeRecord,
    ear: tuple[int, float],
    not_before: float,
    first_place: int = 0,
) -> SoundingLine:
    """The next line that the quantisation allows, at `not_before` and `first_place` or later.

    A take has bar lines of its own, as many samples apart as its tempo says. The leader's are
    the same, as long as it keeps the tempo; where it does not, they count. Without a clock that
    rolls the take's own count; with quantize 0 any sample is a line.
    ear: the place that was handed to the device when, as last told.
    """
    state = turn.state
    place, then = ear

    def place_at(at: float) -> float:
        return place + (at - state.latency - then) * MODEL_RATE

    def time_of(sample: float) -> float:
        return then + state.latency + (sample - place) / MODEL_RATE

    every = int(state.values["quantize"])
    not_before = max(not_before, time_of(first_place) - SNAP)
    if every < 1:
        sample = max(first_place, math.ceil(place_at(not_before)))
        return SoundingLine(sample, time_of(sample), 0)
    bar = seconds_of_bars(1, record.beats, record.tempo) * MODEL_RATE
    line = state.transport.next_bar(turn.now, beats=state.beats, every=every, not_before=not_before)
    if line is None:
        least = max(first_place, place_at(not_before))
        number = every * max(0, math.ceil((least - 1) / (bar * every)))
        sample = round(number * bar)
        return SoundingLine(sample, time_of(sample), number + 1)
    there = place_at(line.at)
    own = round(round(there / bar) * bar)
    near = abs(own - there) <= min(SNAP * MODEL_RATE, bar / 4)
    return SoundingLine(max(first_place, own if near else round(there)), line.at, line.bar)
