"""Swapping what sounds for another take of the ring, at a bar line, to the sample.

The take that comes in is faded in where the other would have gone on, so that on the line it is
there alone. The one that goes out is made on, in silence, as long as it may be wanted back.
"""

from __future__ import annotations

from dataclasses import replace

from core.errors import BadInput
from core.generation.messages import Prefer
from core.types import MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.commands import Swap
from daw_bridge.disk_messages import KeepCurrent
from daw_bridge.events import Accepted, CurrentTake, Problem, Scheduled
from daw_bridge.session_alternatives import reaches
from daw_bridge.session_bars import SoundingLine, bar_line
from daw_bridge.session_flight import Flight
from daw_bridge.session_io import PlayBlock
from daw_bridge.session_schedule import HEAD_START, MARGIN, begin_message
from daw_bridge.session_state import Alternatives, PlannedSwap
from daw_bridge.session_turn import Turn

IN_TIME = MARGIN + 0.06  # seconds before a line: the way to the audio process, and the fade there
FADE = round(0.021 * MODEL_RATE)  # samples before the line: for the resampler and a cross-fade


def swap(turn: Turn, command: Swap) -> None:
    """Plan it for the next bar line. Raises BadInput where there is nothing to swap."""
    asked, current = turn.state.alternatives, turn.state.current
    if asked is None or not asked.ring or current is None:
        raise BadInput("there are no alternatives to swap to; ask for alternatives first")
    take = _wanted(asked, current.take, command.number)
    flight = turn.state.flight(take)
    turn.send(Accepted(take, command.origin))
    if flight is None or take == current.take:  # what sounds stays
        turn.change(alternatives=replace(asked, swap=None))
        turn.send(Prefer(current.take))
        return
    turn.send(Prefer(take))
    line = _line(turn, asked, flight, turn.now + turn.state.latency + IN_TIME)
    _check_end(current, flight, line)
    planned = PlannedSwap(take, command.origin, line.at)
    turn.change(alternatives=replace(asked, swap=planned))
    turn.send(Scheduled(take, line.bar, line.at - turn.now, 0))
    try_swap(turn)


def _wanted(asked: Alternatives, current: int, number: int | None) -> int:
    """The take meant: by its place in the ring, or the one after what sounds, or will."""
    ring = asked.ring
    if number is not None:
        if not 1 <= number <= len(ring):
            raise BadInput(f"no alternative {number}; there are 1 to {len(ring)}")
        return ring[number - 1]
    last = asked.swap.take if asked.swap else current
    return ring[(ring.index(last) + 1) % len(ring)] if last in ring else ring[0]


def _line(turn: Turn, asked: Alternatives, flight: Flight, not_before: float) -> SoundingLine:
    """The line of a swap to that take: one at which it is there."""
    current = turn.state.current
    assert current is not None
    return bar_line(turn, current.record, asked.ear, not_before, max(0, flight.offset))


def _check_end(current: Flight, flight: Flight, line: SoundingLine) -> None:
    for one in (current, flight):
        whole = None if one.wanted is None else one.wanted * SAMPLES_PER_FRAME
        if one.engine_done:
            whole = one.received
        if whole is not None and line.place - one.offset >= whole:
            raise BadInput(f"take {one.take} ends before the next bar line at which to swap")


def try_swap(turn: Turn) -> None:
    """Do what was planned when its time and the sound for it have come; a bar missed is a bar
    slipped."""
    asked, current = turn.state.alternatives, turn.state.current
    if asked is None or asked.swap is None or current is None or not current.sounding:
        return
    if asked.turning is not None:  # the take before has yet to be heard
        return
    planned = asked.swap
    flight = turn.state.flight(planned.take)
    if flight is None:
        return
    slack = 30 / turn.state.transport.tempo  # half a beat: the clock may have been corrected
    soonest = max(planned.at - slack, turn.now + turn.state.latency + IN_TIME)
    if int(turn.state.values["quantize"]) < 1:
        soonest = max(planned.at, turn.now + turn.state.latency + IN_TIME)
    line = _line(turn, asked, flight, soonest)
    late = round((line.at - planned.at) / turn.state.bar_seconds)
    if late > 0:
        try:
            _check_end(current, flight, line)
        except BadInput as over:
            turn.change(alternatives=replace(asked, swap=None))
            turn.send(Problem(over.code, str(over), planned.origin))
            return
        turn.send(Scheduled(flight.take, line.bar, line.at - turn.now, planned.slipped + late))
    planned = replace(planned, at=line.at, slipped=planned.slipped + max(0, late))
    asked = replace(asked, swap=planned)
    turn.change(alternatives=asked)
    still_fades = flight.begun and not flight.audio_done
    ready = reaches(flight, line.place - flight.offset) and not still_fades
    if ready and line.at - turn.now <= HEAD_START:
        _swap(turn, asked, current, flight, line)


def _swap(turn: Turn, asked: Alternatives, old: Flight, new: Flight, line: SoundingLine) -> None:
    assert asked.swap is not None
    out, into = line.place - old.offset, line.place - new.offset
    wait = max(0.0, line.at - turn.now)
    begin = begin_message(new, new.epoch, wait, turn.now, old.epoch, out, into)
    blocks = [block.from_sample(into - FADE) for block in new.kept]
    turn.send(begin, *(PlayBlock(block) for block in blocks if block.last or len(block.pcm)))
    turn.change_flight(old.take, aside=True, sounds_until=out + FADE)
    new = turn.change_flight(
        new.take,
        aside=False,
        begun=True,
        heard=True,
        audio_done=False,
        played=into,
        played_at=line.at - turn.state.latency,
        follows=None,
    )
    others = tuple(flight for flight in turn.state.flights if flight.take != new.take)
    turn.change(
        flights=(*others, new),
        last_take=new.take,
        recipe=None,
        tree=turn.state.tree.chosen(new.take),
        alternatives=replace(asked, swap=None, turning=new.take),
    )
    turn.send(KeepCurrent(new.take), CurrentTake(new.take, asked.swap.origin))
