"""Loops: a take of whole bars that is played round and round, on the leader's bars.

    StartTake with a tail ─► the first round is the take, as it is made
    take made, CloseTake ─► LoopReady: exactly its bars, end meets beginning ─► PlayLoop
    every tick ─► LoopGrid: where bar lines are ─► tempo moved: StretchLoop ─► LoopStretched

The audio process keeps the loop on the grid; here it is told where that is.
"""

from __future__ import annotations

from dataclasses import replace

from core.types import FRAME_RATE, MODEL_RATE, seconds_of_bars
from daw_bridge.audio.messages import EndTake, FinishLoop, LoopGrid, PlayLoop, TakeEnded
from daw_bridge.disk_messages import LoopReady, LoopStretched, StretchLoop
from daw_bridge.events import LoopMade
from daw_bridge.looping.tail import tail_frames
from daw_bridge.session_flight import Flight, LoopState
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn
from daw_bridge.take_record import TakeRecord

TAKE_OVER = round(0.06 * MODEL_RATE)  # samples before its end at which a take becomes its loop:
# the first beat of the next round, which may be a little early, is then the loop's
STRAYED = 0.004  # share by which a tempo may move before the loop is stretched to it
LOOP_MAKING = 0.5  # seconds between a take's last token and its loop, on a slow machine


def loops(state: SessionState, bars: int) -> bool:
    """Whether a take that is asked for now is to be a loop."""
    return bool(state.values["loop"]) and bars > 0


def tail_of(record: TakeRecord) -> int:
    """Frames that are made past a take's end, for its loop to come back by."""
    return tail_frames(record.length) if record.loop else 0


def loop_cushion(flight: Flight, speed: float) -> float:
    """Seconds of sound in hand at a loop's start, so that it is made when its first round ends.

    speed: generated seconds a second.
    """
    if not flight.record.loop or flight.wanted is None:
        return 0.0
    return flight.wanted / FRAME_RATE - speed * max(0.0, flight.record.length - LOOP_MAKING)


def on_ready(turn: Turn, ready: LoopReady) -> None:
    """The take is a loop now; it becomes audible where the first round ends."""
    turn.send(LoopMade(ready.take, ready.drift, ready.offset, ready.mended))
    flight = turn.state.flight(ready.take)
    if flight is not None and flight.record.loop:
        turn.change_flight(ready.take, loop=LoopState(ready.pcm, len(ready.pcm)))
        keep_loops(turn)


def on_stretched(turn: Turn, stretched: LoopStretched) -> None:
    """The same loop at another tempo takes over at once, where the loop is."""
    flight = turn.state.flight(stretched.take)
    if flight is None or flight.loop is None:
        return
    loop = replace(flight.loop, sounds=len(stretched.pcm), stretching=False)
    turn.change_flight(flight.take, loop=loop)
    if flight.sounding and loop.begun:
        seconds = round_seconds(turn.state, flight.record)
        turn.send(PlayLoop(flight.take, flight.epoch, stretched.pcm, seconds, flight.record.bars))


def keep_loops(turn: Turn) -> None:
    """Every tick: begin what is ready, say where bar lines are, follow a tempo that moved."""
    for flight in turn.state.flights:
        if flight.loop is None or not flight.sounding:
            continue
        if not flight.loop.begun and flight.heard and flight.stop_at is None:
            _begin(turn, flight)
        if flight.loop.begun:
            _tell_grid(turn, flight)
            _follow_tempo(turn, flight.take)


def switched(turn: Turn, on: bool) -> None:
    """Off: what loops is played to the end of its round. On: from the next take."""
    for flight in turn.state.flights if not on else ():
        if not flight.record.loop or flight.muted or flight.finishes:
            continue
        turn.change_flight(flight.take, finishes=True)
        if flight.loop is not None and flight.loop.begun:
            turn.send(FinishLoop(flight.take))
        elif flight.sounding:
            _end_first_round(turn, flight)


def goes_on(flight: Flight, ended: TakeEnded) -> bool:
    """Its first round is over and its loop is still being made: more will come."""
    begun = flight.loop is not None and flight.loop.begun
    unmade = flight.engine_done and not flight.record.complete
    waits = flight.record.loop and not flight.finishes and not begun and not unmade
    return waits and ended.completed and not flight.muted and not flight.cancelled


def round_seconds(state: SessionState, record: TakeRecord) -> float:
    """How long a round is at the leader's tempo."""
    return seconds_of_bars(record.bars, record.beats, state.transport.tempo)


# ---------------------------------------------------------------- parts


def _begin(turn: Turn, flight: Flight) -> None:
    if flight.loop is None or flight.finishes:
        return
    record, loop, state = flight.record, flight.loop, turn.state
    follows, epoch = flight.epoch, state.next_epoch
    at = max(0, len(loop.pcm) - TAKE_OVER)
    turn.change(next_epoch=epoch + 1)
    turn.change_flight(flight.take, epoch=epoch, loop=replace(loop, begun=True))
    seconds = round_seconds(state, record)
    turn.send(
        PlayLoop(
            flight.take, epoch, loop.pcm, seconds, record.bars, follows, at, first=-record.lead
        )
    )
    _tell_grid(turn, flight)


def _end_first_round(turn: Turn, flight: Flight) -> None:
    """The tail that is sent along is not to be heard."""
    own = flight.record.length * MODEL_RATE - flight.record.lead - flight.played
    ends = flight.played_at + own / MODEL_RATE + turn.state.latency
    if not flight.played_at:
        ends = (flight.start_at or turn.now) + flight.record.length
    turn.send(EndTake(flight.take, max(0.0, ends - turn.now), turn.now))


def _tell_grid(turn: Turn, flight: Flight) -> None:
    record, state = flight.record, turn.state
    line = state.transport.next_bar(turn.now, beats=record.beats, every=1)
    seconds = round_seconds(state, record)
    turn.send(LoopGrid(flight.take, seconds, None if line is None else line.at))


def _follow_tempo(turn: Turn, take: int) -> None:
    flight = turn.state.flight(take)
    if flight is None or flight.loop is None or flight.loop.stretching:
        return
    samples = round(round_seconds(turn.state, flight.record) * MODEL_RATE)
    if abs(samples / flight.loop.sounds - 1) > STRAYED:
        turn.change_flight(take, loop=replace(flight.loop, stretching=True))
        turn.send(StretchLoop(take, flight.loop.pcm, samples))
