"""Latency that follows the headroom: what is measured of the take that sounds, and what is done.

The policy is pure and apart (latency.py, headroom.py). Here it is fed with what the engine and
the ear tell, and its steps are carried out and told. Guidance goes off, and comes back, from the
first frame that is not made yet: nothing is made twice, and the take's timeline says where.
"""

from __future__ import annotations

import math
from dataclasses import replace

from core.generation.messages import ChangeSampling, ModelLoaded, TakeTokens
from core.generation.params import SamplingParams
from core.types import FRAME_RATE, MODEL_RATE
from daw_bridge.audio.messages import EndTake, Played
from daw_bridge.events import LatencyChanged, Problem
from daw_bridge.headroom import Headroom
from daw_bridge.latency import HITCH, STEADY, Latency, Mode, Reading, Step, advance, dry_in
from daw_bridge.session_bars import bar_line
from daw_bridge.session_flight import Flight
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn

STARVED = 0.3  # seconds ahead of the ear, below which a dropout is the engine's doing
FULL = FRAME_RATE // 2  # frames of credit left, with which as much is made as may be
TOO_SLOW = "too_slow"  # code of the line that says why a take ended
MARGIN = 0.05  # seconds that the way to the audio process may take, and its fade


def sampling_in_force(state: SessionState, asked: SamplingParams) -> SamplingParams:
    """What is asked for, as far as the engine has time for it."""
    off = state.tuning.unguided and asked.guidance != 1
    return replace(asked, guidance=1.0) if off else asked


def guidance_due(state: SessionState, sampling: SamplingParams) -> float | None:
    """The guidance that was asked for and is put off; None: it is as asked for."""
    asked = state.values["guidance"]
    return None if sampling.guidance == asked else asked


# ---------------------------------------------------------------- what is measured


def hear_model(turn: Turn, loaded: ModelLoaded) -> None:
    """Another model, or the same in other bits: what was measured is of the one before."""
    before = turn.state.model.loaded
    if before is None or (before.digest, before.dtype) != (loaded.digest, loaded.dtype):
        turn.change(headroom=Headroom(), tuning=Latency(), speed=0.0, reaction=0.0)


def hear_tokens(turn: Turn, tokens: TakeTokens) -> None:
    """Of the take that goes first: how long its new frames took."""
    frames = tokens.codes.shape[1]
    busy = tokens.busy or frames / max(tokens.steps_per_second, 1e-6)
    known = turn.state.headroom.after(tokens.take, tokens.first_frame, frames, busy, turn.now)
    turn.change(headroom=known, speed=known.speed)


def hear_played(turn: Turn, played: Played, dropouts: int) -> None:
    """The ear is so far: whether what is made ahead of it will do. dropouts: new ones."""
    state = turn.state
    flight = state.current
    if flight is None or flight.take != played.take or flight.aside:
        return
    if state.model.progress < 1:  # an engine that is started again is not a slow one
        turn.change(headroom=replace(state.headroom, told_at=turn.now))
        return
    if dropouts > 0 and played.buffered < STARVED:
        twice = 2 * state.in_hand / HITCH  # as much in hand, from now on
        headroom = replace(state.headroom, worst=max(state.headroom.worst, twice))
        turn.change(starved=state.starved + dropouts, headroom=headroom)
    waits = flight.generated + FULL >= flight.credit
    if waits:  # the engine has next to nothing to do: that is not slowness
        turn.change(headroom=replace(turn.state.headroom, told_at=turn.now))
    if flight.sounding and not flight.engine_done and not flight.cancelled:
        _consider(turn, flight, waits=waits)


def _reading(state: SessionState, flight: Flight, now: float, *, waits: bool) -> Reading:
    ahead = flight.received / MODEL_RATE - flight.heard_by(now)
    left = math.inf if flight.wanted is None else (flight.wanted - flight.generated) / FRAME_RATE
    guidance = flight.guidance_due or flight.sampling.guidance
    return Reading(
        at=now,
        speed=state.headroom.now_speed(now, waits=waits),
        hitch=state.headroom.worst,
        buffered=max(0.0, ahead),
        left=max(0.0, left),
        dropouts=state.starved,
        guided=guidance != 1 and flight.prompt.guidable,
    )


# ---------------------------------------------------------------- what is done


def open_take(turn: Turn, *, endless: bool) -> None:
    """A take is asked for: what was measured long ago is let go."""
    state = turn.state
    opened = state.tuning.opened(turn.now, state.speed, state.mode, endless=endless)
    if opened.step is not state.tuning.step:
        turn.change(tuning=opened)
        _tell(turn, state.tuning.step, state.speed)


def choose_mode(turn: Turn) -> None:
    """The musician has pinned it, or let it go."""
    state = turn.state
    flight = state.current
    if flight is not None and flight.sounding and flight.played_at:
        _consider(turn, flight, waits=True)
    elif state.mode is Mode.LOW and state.tuning.step:
        turn.change(tuning=Latency(gain=state.tuning.gain))
        _tell(turn, state.tuning.step, state.speed)


def _consider(turn: Turn, flight: Flight, *, waits: bool) -> None:
    state = turn.state
    reading = _reading(state, flight, turn.now, waits=waits)
    tuning = advance(state.tuning, reading, state.mode)
    turn.change(tuning=tuning)
    if tuning.step is not state.tuning.step:
        _tell(turn, state.tuning.step, reading.speed)
    _guide(turn, flight)
    if tuning.step is Step.LIGHTER and flight.wanted is None:
        _end_in_time(turn, flight, reading)


def _guide(turn: Turn, flight: Flight) -> None:
    """Guidance goes, or comes back, from the first frame that is not made yet."""
    if flight.engine_done or flight.cancelled or flight.steer_due:
        return
    off, now, due = turn.state.tuning.unguided, flight.sampling.guidance, flight.guidance_due
    if off and now != 1 and flight.prompt.guidable:
        guidance, due = 1.0, now
    elif not off and due is not None:
        guidance, due = due, None
    else:
        return
    sampling = replace(flight.sampling, guidance=guidance)
    epoch = turn.state.next_epoch
    turn.change(next_epoch=epoch + 1)
    turn.change_flight(flight.take, sampling=sampling, guidance_due=due)
    turn.send(ChangeSampling(flight.take, sampling, None, epoch))


def _end_in_time(turn: Turn, flight: Flight, reading: Reading) -> None:
    """An endless take that will run dry, whatever is done: it ends on the last bar line before."""
    dry = dry_in(reading, STEADY * reading.speed)
    if flight.stop_at is not None or math.isinf(dry):
        return
    end = turn.now + max(0.0, dry - turn.state.in_hand)
    ear = (flight.played + flight.offset, flight.played_at)
    soonest = turn.now + turn.state.latency + MARGIN
    line = bar_line(turn, flight.record, ear, soonest)
    if bar_line(turn, flight.record, ear, line.at + 2 * MARGIN).at <= end:
        return  # there is time for another bar
    at = min(line.at, max(soonest, end))
    turn.change_flight(flight.take, stop_at=at)
    text = (
        f"take {flight.take} ends here: the model makes {reading.speed:.1f} s of sound a second;"
        f" ask for a number of bars, which are made first, or {lighter(turn.state)}"
    )
    turn.change(problem=text)
    turn.send(EndTake(flight.take, at - turn.now, turn.now), Problem(TOO_SLOW, text, flight.origin))


# ---------------------------------------------------------------- what is told


def lighter(state: SessionState) -> str:
    """What would be faster than the model that is loaded, as advice."""
    loaded = state.model.loaded
    ways = []
    if loaded and loaded.smaller:
        ways.append(f"load a smaller model (/musicgen/model {loaded.smaller})")
    if loaded and loaded.fewer_bits:
        ways.append(f"start with --dtype {loaded.fewer_bits}")
    return " or ".join(ways) or "close what else uses the processor"


def _tell(turn: Turn, before: Step, speed: float) -> None:
    state = turn.state
    step = state.tuning.step
    if before < step is Step.LOOK_AHEAD and state.mode is Mode.SAFE:
        return  # it was asked for
    makes = f"{speed:.1f} s of sound a second" if speed else "sound"
    match step:
        case Step.NORMAL:
            text = "latency is back to normal"
        case Step.LOOK_AHEAD if before > step:
            text = "guidance is on again: there is time for it"
        case Step.LOOK_AHEAD:
            text = (
                f"more look-ahead: the engine makes {makes}, so changes are heard"
                f" {state.in_hand:.1f} s later"
            )
        case Step.UNGUIDED if before > step:
            text = f"the engine keeps up again, without guidance: it makes {makes}"
        case Step.UNGUIDED:
            text = f"guidance is off for now: the engine makes {makes}, and is faster without"
        case Step.LIGHTER:
            text = f"the model is too slow here, it makes {makes}: {lighter(state)}"
    turn.send(LatencyChanged(step.word, worse=step > before, text=text))
