"""When a take starts: on the bar that leaves time for its first audio, with enough in hand."""

from __future__ import annotations

import math

from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.audio.messages import BeginTake, EndTake
from daw_bridge.events import Filling, Scheduled
from daw_bridge.headroom import TRUSTED as SPEED_TRUSTED
from daw_bridge.session_flight import Flight
from daw_bridge.session_io import PlayBlock
from daw_bridge.session_loop import loop_cushion, tail_of
from daw_bridge.session_turn import Turn

HEAD_START = 0.6  # seconds before its bar at which the audio process is told of a take
MARGIN = 0.03  # seconds that the way to the audio process may take
MOVED = 0.0001  # seconds by which a bar line must have moved to be told
JOIN_WITHIN = 0.010  # seconds from a bar line at which a take may end that is joined there
LONGEST_WAIT = 5.0  # seconds; a start planned too early slips, one planned too late waits
FIRST_CUSHION = 0.12  # seconds in hand when a take starts: blocks arrive in fits at first
SLOW_ENDLESS = 30 * FRAME_RATE  # frames that an endless take must last on a slow engine
HELD_BACK = 8 * SAMPLES_PER_FRAME  # samples that the codec may hold of the frames that are made
FILL_TOLD = 1.0  # seconds of waiting that are worth a word
FILL_MOVED = 0.25  # share by which a wait must change to be told again


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
    ready = bool(flight.held) and _filled(turn, flight)
    flight = turn.state.flight(take) or flight
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


def _filled(turn: Turn, flight: Flight) -> bool:
    """Whether the take can start now and not run dry before its end; how long it takes is told."""
    fills = _fills(turn, flight)
    turn.change_flight(flight.take, fills=0.0 if math.isinf(fills) else fills)
    if fills <= 0:
        return True
    told, rough = flight.fill_told, turn.state.headroom.rough
    if rough or math.isinf(fills) or fills < FILL_TOLD:
        return False
    starts = turn.now + fills
    if told is None or abs(starts - told[1]) > max(FILL_TOLD, FILL_MOVED * (told[1] - told[0])):
        turn.change_flight(flight.take, fill_told=(turn.now, starts))
        turn.send(Filling(flight.take, fills))
    return False


def _fills(turn: Turn, flight: Flight) -> float:
    """Seconds until enough of the take is made; inf: nobody knows.

    An engine that is slower than the ear makes as much first as it must, to be done in time with
    the rest. An endless take is reckoned as one of half a minute.
    """
    if flight.last_sent or flight.replay is not None:
        return 0.0
    state, cushion = turn.state, turn.state.in_hand
    made, known = flight.received // SAMPLES_PER_FRAME, state.headroom
    if not known.speed:
        return 0.0 if flight.received >= cushion * MODEL_RATE else math.inf
    loop = loop_cushion(flight, SPEED_TRUSTED * known.speed)
    if loop > made / FRAME_RATE:
        return known.seconds_for(made, math.ceil(loop * FRAME_RATE) - made, state.window_frames)
    wanted = SLOW_ENDLESS if flight.wanted is None else flight.wanted
    if flight.wanted is None and flight.received + HELD_BACK >= flight.credit * SAMPLES_PER_FRAME:
        return 0.0  # it may not be made any further ahead
    if flight.received < min(cushion * MODEL_RATE, wanted * SAMPLES_PER_FRAME):
        frames = math.ceil(cushion * FRAME_RATE) - made
        soonest = known.seconds_for(made, max(1, frames), state.window_frames)
    else:
        soonest = 0.0
    return max(soonest, known.starts_after(made, wanted, cushion, state.window_frames))
