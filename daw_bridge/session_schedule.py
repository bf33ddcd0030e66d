"""When a take starts: on the bar that leaves time for its first audio, with enough in hand."""

from __future__ import annotations

from core.types import FRAME_RATE, MODEL_RATE
from daw_bridge.audio.messages import BeginTake, EndTake
from daw_bridge.effects import PlayBlock
from daw_bridge.events import Scheduled
from daw_bridge.session_loop import loop_cushion, tail_of
from daw_bridge.session_state import Flight, Turn

HEAD_START = 0.6  # seconds before its bar at which the audio process is told of a take
MARGIN = 0.03  # seconds that the way to the audio process may take
MOVED = 0.0001  # seconds by which a bar line must have moved to be told
JOIN_WITHIN = 0.010  # seconds from a bar line at which a take may end that is joined there
LONGEST_WAIT = 5.0  # seconds; a start planned too early slips, one planned too late waits
FIRST_CUSHION = 0.12  # seconds in hand when a take starts: blocks arrive in fits at first
SPEED_TRUSTED = 0.85  # share of the speed last measured that is counted on
ENDLESS_CUSHION = 2.0  # seconds kept in hand when an endless take is slower than the ear


def place(turn: Turn, flight: Flight, after: float | None) -> None:
    """Choose when the take starts: the bar that leaves time for its first audio."""
    state, now = turn.state, turn.now
    every = int(state.values["quantize"])
    earliest = flight.asked_at + state.ready_after + state.latency + MARGIN
    if after is not None:
        earliest = max(earliest, after - 30 / state.transport.tempo)  # half a beat of slack
    line = state.transport.next_bar(now, beats=state.beats, every=every, not_before=earliest)
    if line is None:
        if after is not None and after > now:
            turn.change_flight(flight.take, start_at=after)
        return
    slipped = line.slipped if after is None else 0
    turn.change_flight(flight.take, start_at=line.at, every=every, slipped=slipped)
    turn.send(Scheduled(flight.take, line.bar, line.at - now, slipped))


def try_begin(turn: Turn, take: int) -> None:
    """Start the take when its audio and its time have come; a bar missed is a bar slipped."""
    flight = turn.state.flight(take)
    if flight is None or flight.begun or flight.muted:
        return
    ready = bool(flight.held) and _enough(turn, flight)
    if ready and flight.ready_at is None:
        flight = turn.change_flight(take, ready_at=turn.now)
        took = max(0.0, turn.now - flight.asked_at - flight.unheard)
        turn.change(ready_after=min(LONGEST_WAIT, took))
    wait = _wait(turn, flight)
    if not ready or wait > HEAD_START:
        return
    turn.send(_begin(turn, flight, wait))
    turn.send(*(PlayBlock(block) for block in flight.held))
    for old in turn.state.flights:
        if old.take != take and old.begun:  # its audio ends where this one begins
            turn.change_flight(old.take, muted=True)
    turn.change_flight(take, begun=True, held=())


def follow_clock(turn: Turn) -> None:
    """The clock was corrected: starts and stops that the audio process was told of move along."""
    for flight in turn.state.flights:
        if flight.begun and not flight.heard and flight.start_at is not None and flight.every:
            at = _moved_line(turn, flight.start_at, flight.every)
            if at is not None:
                turn.change_flight(flight.take, start_at=at)
                turn.send(begin_message(flight, flight.epoch, at - turn.now, turn.now, None, 0, 0))
        if flight.stop_at is not None and flight.sounding:
            at = _moved_line(turn, flight.stop_at, int(turn.state.values["quantize"]))
            if at is not None:
                turn.change_flight(flight.take, stop_at=at)
                turn.send(EndTake(flight.take, at - turn.now, turn.now))


def _moved_line(turn: Turn, planned: float, every: int) -> float | None:
    """Where the bar line that was thought to be at `planned` is now; None: still there, or it
    cannot be told."""
    state, now = turn.state, turn.now
    if planned - now < MARGIN:
        return None
    slack = 30 / state.transport.tempo
    after = planned - slack
    line = state.transport.next_bar(now, beats=state.beats, every=every, not_before=after)
    if line is None or not MOVED < abs(line.at - planned) < slack:
        return None
    return line.at


def _begin(turn: Turn, flight: Flight, wait: float) -> BeginTake:
    """In `wait` seconds, or where the take that it continues ends, if that is the same bar line.

    A clock's line and the end of a take that began on one differ by little, and a gap or a
    doubled beat of a few milliseconds would be heard. A take that ends elsewhere, because the
    tempo has changed since, is left: the grid is the clock's.
    """
    epoch, at = flight.follows or (None, 0)
    parent = next((f for f in turn.state.flights if f.epoch == epoch), None)
    if parent is not None and flight.start_at is not None and flight.every:
        end = None if parent.start_at is None else parent.start_at + parent.record.length
        if end is None or not parent.sounding or abs(turn.now + wait - end) > JOIN_WITHIN:
            epoch, at = None, 0
        else:
            turn.change_flight(flight.take, start_at=end, every=0)
            wait = max(0.0, end - turn.now)
    return begin_message(flight, flight.epoch, wait, turn.now, epoch, at, 0)


def begin_message(
    flight: Flight, epoch: int, wait: float, now: float, follows: int | None, at: int, sample: int
) -> BeginTake:
    """sample: of the take, which sounds where sample `at` of the one that it follows would."""
    record = flight.record
    length = record.length + tail_of(record) / FRAME_RATE or None  # while a loop is being made
    return BeginTake(
        flight.take, epoch, wait, now, follows, at, sample, first=-record.lead, length=length
    )


def _wait(turn: Turn, flight: Flight) -> float:
    """Seconds until the take is to start, after slipping whole bars where it must."""
    state, now = turn.state, turn.now
    if flight.start_at is None:
        return 0.0
    if flight.every == 0:
        return max(0.0, flight.start_at - now)
    slack = 30 / state.transport.tempo  # half a beat: the clock may have been corrected
    earliest = max(flight.start_at - slack, now + state.latency + MARGIN)
    line = state.transport.next_bar(now, beats=state.beats, every=flight.every, not_before=earliest)
    if line is None:  # the clock stopped: nothing to wait for
        turn.change_flight(flight.take, start_at=None)
        return 0.0
    late = round((line.at - flight.start_at) / state.bar_seconds)
    slipped = flight.slipped + max(0, late)
    turn.change_flight(flight.take, start_at=line.at, slipped=slipped)
    if late > 0:
        turn.send(Scheduled(flight.take, line.bar, line.at - now, slipped))
    return line.at - now


def _enough(turn: Turn, flight: Flight) -> bool:
    """Whether the take can start now and not run dry before its end.

    At `speed` < 1 the W seconds wanted last W while (W − made) / speed are still being made.
    """
    if flight.last_sent or flight.replay is not None:
        return True
    speed, made = SPEED_TRUSTED * turn.state.speed, flight.received / MODEL_RATE
    needed = FIRST_CUSHION
    if 0 < speed < 1:
        wanted = flight.wanted
        slow = ENDLESS_CUSHION if wanted is None else (1 - speed) * wanted / FRAME_RATE
        needed = max(needed, slow)
    if speed > 0:
        needed = max(needed, loop_cushion(flight, speed))
    return made >= needed
