"""The ear's side of a take: what is heard of it, and how its sound ends."""

from __future__ import annotations

from core.generation.messages import Credit
from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge import session_latency as latency
from daw_bridge.audio.messages import EndTake, Played, TakeEnded, TakeHeard
from daw_bridge.events import FirstAudio, Playhead
from daw_bridge.session_alternatives import KEPT_BEHIND, ears_at, trimmed
from daw_bridge.session_flight import Flight
from daw_bridge.session_loop import goes_on
from daw_bridge.session_playing import feed
from daw_bridge.session_schedule import try_begin
from daw_bridge.session_takes import cancel
from daw_bridge.session_turn import Turn

CREDIT_STEP = FRAME_RATE // 2  # an endless take's credit is raised this many frames at a time


def on_heard(turn: Turn, heard: TakeHeard) -> None:
    flight = turn.state.flight(heard.take)
    if flight is None or flight.heard:
        return
    start = flight.start_at
    turn.change_flight(
        heard.take, heard=True, start_at=None if start is None else start + heard.late
    )
    turn.change(problem="")
    turn.send(FirstAudio(heard.take, (heard.at - flight.asked_at) * 1000, flight.origin))


def on_played(turn: Turn, played: Played) -> None:
    dropouts = played.underruns - turn.state.underruns
    turn.change(underruns=played.underruns)
    flight = turn.state.flight(played.take)
    if flight is None:
        return
    kept = trimmed(flight.kept, played.samples - KEPT_BEHIND)
    flight = turn.change_flight(
        played.take, played=played.samples, played_at=turn.now, buffered=played.buffered, kept=kept
    )
    ears_at(turn, flight)
    _tell_head(turn, flight)
    feed(turn, played)
    latency.hear_played(turn, played, dropouts)
    flight = turn.state.flight(flight.take) or flight
    if not flight.engine_done and not flight.aside:
        _allow_more(turn, flight)


def _tell_head(turn: Turn, flight: Flight) -> None:
    """What is heard, in seconds into the take as it is in its file."""
    record = turn.state.tree.records.get(flight.take, flight.record)
    seconds = (flight.played + record.lead) / MODEL_RATE
    if record.loop and record.length:
        seconds %= record.length
    if flight.sounding:
        turn.send(Playhead(flight.take, max(0.0, seconds)))


def _allow_more(turn: Turn, flight: Flight) -> None:
    """So far ahead of the ear may it be made; one of fixed length that is not rationed has all."""
    credit, wanted = flight.played // SAMPLES_PER_FRAME + turn.state.run_ahead, flight.wanted
    if wanted is not None:
        credit = min(credit, wanted)
    if credit >= flight.credit + CREDIT_STEP or flight.credit < credit == wanted:
        turn.change_flight(flight.take, credit=credit)
        turn.send(Credit(flight.take, credit))


def on_ended(turn: Turn, ended: TakeEnded) -> None:
    flight = turn.state.flight(ended.take)
    if flight is not None and flight.replay is not None and not flight.begun:
        return  # it was heard before, and is about to be heard again
    if flight is not None and not goes_on(flight, ended):
        turn.change_flight(ended.take, audio_done=True, played=ended.samples, buffered=0.0)


# ---------------------------------------------------------------- stop


def stop_takes(turn: Turn) -> None:
    """Stop on the next bar line that the quantisation allows; at once while no clock rolls."""
    state, now = turn.state, turn.now
    line = state.transport.next_bar(now, beats=state.beats, every=int(state.values["quantize"]))
    for flight in state.flights:
        if line is None or not flight.sounding:
            cut(turn, flight.take)
        elif flight.stop_at is None:
            turn.change_flight(flight.take, stop_at=line.at)
            turn.send(EndTake(flight.take, line.at - now, now))


def cut(turn: Turn, take: int, *, keep_generating: bool = False) -> None:
    """End a take's sound now, and its generation unless that is wanted for the file."""
    flight = turn.state.flight(take)
    if flight is None:
        return
    if flight.sounding and flight.stop_at is None:
        turn.send(EndTake(take, 0.0, turn.now))
    if not keep_generating:
        cancel(turn, flight)
    turn.change_flight(take, muted=True, held=())


def on_tick(turn: Turn) -> None:
    for flight in turn.state.flights:
        if flight.stop_at is not None and turn.now >= flight.stop_at:
            cancel(turn, flight)
            turn.change_flight(flight.take, muted=True)
        elif not flight.begun and not flight.muted and not flight.aside:
            try_begin(turn, flight.take)
