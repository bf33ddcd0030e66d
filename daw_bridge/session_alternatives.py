"""Takes ready beside the one that sounds: asked for, made in silence, ended.

They branch from what sounds at a bar line, each with a seed of its own, and keep in step with it:
every take of the ring has a sample for the moment that is heard, so that any can take the place
of any at a bar (session_swap.py). They go to disk like all takes. Whatever else ends what sounds
(stop, panic, another take) ends them too: they stay takes, as long as they were made.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from core.errors import BadInput
from core.generation.messages import Credit, PcmBlock, StartBeside, StartTake, TakeSteered
from core.generation.params import Prompt, SamplingParams, Steering
from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.commands import MOST_ALTERNATIVES, MakeAlternatives
from daw_bridge.disk_messages import KeepContext, KeepCurrent, OpenTake, RecallTake, TakeRecalled
from daw_bridge.events import Accepted, AlternativesReady, Problem
from daw_bridge.headroom import TRUSTED as SPEED_TRUSTED
from daw_bridge.session_adapters import uses_of
from daw_bridge.session_bars import bar_line
from daw_bridge.session_flight import Flight
from daw_bridge.session_schedule import FIRST_CUSHION
from daw_bridge.session_state import Alternatives, Pending, Wish
from daw_bridge.session_steering import SHORTEST_BRANCH, look_ahead
from daw_bridge.session_takes import cancel
from daw_bridge.session_turn import Turn
from daw_bridge.take_length import PRE_ROLL, rest_of
from daw_bridge.take_timeline import TakeChange, past, prompts_of, timeline

KEPT_BEHIND = MODEL_RATE // 2  # samples behind the ear that are still there to fade from
QUICK = 1.3  # an engine so much faster than the ear has time for other takes while it makes one


# ---------------------------------------------------------------- ask


def make_alternatives(turn: Turn, command: MakeAlternatives) -> None:
    """Of what sounds, or is about to. Raises BadInput where there is no such thing."""
    count, flight = command.count, turn.state.current
    if not 1 <= count <= MOST_ALTERNATIVES:
        raise BadInput(f"{count} alternatives are out of range; use 1 to {MOST_ALTERNATIVES}")
    if flight is None or not _stays(flight):
        raise BadInput("nothing sounds to make alternatives of; generate a take first")
    if flight.replay is not None:
        raise BadInput("that take comes from its file; continue it first, or generate one")
    if flight.record.loop:
        raise BadInput("a loop has no alternatives; send /musicgen/loop 0 and generate a take")
    dissolve(turn)
    asked = _placed(turn, Alternatives(command.origin, flight.take, count), flight)
    turn.change(alternatives=asked)
    turn.send(Accepted(flight.take, command.origin))
    recall(turn)


def _placed(turn: Turn, asked: Alternatives, parent: Flight) -> Alternatives:
    """With the frame at which they branch, once the parent is heard. Raises BadInput where no bar
    line is left."""
    if not parent.sounding or not parent.played_at:
        return asked
    ear, state = (parent.played + parent.offset, parent.played_at), turn.state
    ahead = max(state.ready_after, look_ahead(state, parent, parent.heard_by(turn.now)))
    ahead += state.in_hand
    line = bar_line(turn, parent.record, ear, turn.now + ahead + state.latency)
    frame = max(0, line.place - parent.offset) // SAMPLES_PER_FRAME
    if parent.wanted is not None and frame > parent.wanted - SHORTEST_BRANCH:
        raise BadInput(f"take {parent.take} has no bar left to make alternatives for")
    return replace(asked, at=frame, ear=ear)


def recall(turn: Turn) -> None:
    """Fetch what the alternatives continue, as soon as it is made."""
    asked = turn.state.alternatives
    if asked is None or asked.token is not None:
        return
    parent = turn.state.flight(asked.parent)
    if parent is None:
        return
    if asked.at is None:
        try:
            asked = _placed(turn, asked, parent)
        except BadInput as over:
            turn.change(alternatives=None)
            turn.send(Problem(over.code, str(over), asked.origin))
            return
    turn.change(alternatives=asked)
    made = min(parent.generated, parent.received // SAMPLES_PER_FRAME)  # on disk both count
    if asked.at is not None and (made >= asked.at or parent.engine_done):
        pending = Pending(Wish.ALTERNATIVES, asked.origin, None, turn.now)
        token = turn.new_token(pending)
        turn.change(alternatives=replace(asked, token=token))
        turn.send(RecallTake(token, asked.parent, asked.at))


def branch_alternatives(turn: Turn, answer: TakeRecalled) -> None:
    """Their context is there: ask the engine for all of them at once."""
    asked = turn.state.alternatives
    parent = None if asked is None else turn.state.flight(asked.parent)
    if asked is None or asked.token != answer.token or parent is None or not parent.sounding:
        return
    at = answer.frame
    records = turn.state.tree.records
    held = [one for one in timeline(parent.record) if one.frame <= at][-1]
    begun = [
        _flight(turn, asked, parent, at, held.prompt, replace(held.sampling, seed=turn.draw_seed()))
        for _ in range(asked.count)
    ]
    context = past(records, parent.take, at)
    askers = {**turn.state.askers, **{flight.take: asked.origin for flight in begun}}
    tree = turn.state.tree
    for flight in begun:
        tree = tree.with_record(flight.record)
    others = turn.state.flights[:-1]
    turn.change(
        flights=(*others, *begun, turn.state.flights[-1]),  # the last one is what sounds
        tree=tree,
        askers=MappingProxyType(askers),
        alternatives=replace(
            asked, ring=(*(flight.take for flight in begun), parent.take), context=answer.codes
        ),
    )
    starts = tuple(
        StartTake(
            one.take,
            one.epoch,
            one.prompt,
            one.sampling,
            one.wanted,
            answer.codes,
            lead=PRE_ROLL,
            changes=context,
            bars=one.record.bar_grid,
            level=one.record.level,
        )
        for one in begun
    )
    turn.send(*(OpenTake(flight.record) for flight in begun), KeepCurrent(tree.current))
    turn.send(StartBeside(starts), *(Credit(one.take, one.credit) for one in begun))
    turn.send(*(Accepted(one.take, asked.origin) for one in begun))
    _ration(turn, parent)


def _flight(
    turn: Turn,
    asked: Alternatives,
    parent: Flight,
    at: int,
    prompt: Prompt,
    sampling: SamplingParams,
) -> Flight:
    """One alternative, which takes the next number."""
    state = turn.state
    take, epoch = state.next_take, state.next_epoch
    turn.change(next_take=take + 1, next_epoch=epoch + 1)
    changes = (TakeChange.to(Steering(0, prompt, sampling)),)
    record = replace(
        parent.record,
        take=take,
        prompts=prompts_of(prompt, ()),
        seed=sampling.seed,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        guidance=sampling.guidance,
        changes=changes,
        adapters=uses_of(state.adapters),
        parent=parent.take,
        at=at,
        lead=0,
        length=rest_of(parent.record, at),
        bar_first=parent.record.bar_first - at,
        before=parent.take,
        source="",
        frames=0,
        complete=False,
        kept=False,
        path="",
    )
    wanted = None if parent.wanted is None else parent.wanted - at
    return Flight(
        take,
        epoch,
        asked.origin,
        turn.now,
        record,
        sampling,
        wanted,
        prompt,
        parent.told_tempo,
        credit=state.run_ahead if wanted is None else wanted,
        aside=True,
        offset=parent.offset + at * SAMPLES_PER_FRAME,
    )


def _ration(turn: Turn, parent: Flight) -> None:
    """A take of fixed length is made no further ahead than needed, so that there is time for the
    others, where the engine is quick."""
    if parent.wanted is None or parent.engine_done or SPEED_TRUSTED * turn.state.speed < QUICK:
        return
    credit = min(parent.wanted, parent.played // SAMPLES_PER_FRAME + turn.state.run_ahead)
    turn.change_flight(parent.take, credit=credit)
    turn.send(Credit(parent.take, credit))


# ---------------------------------------------------------------- while they are there


def ears_at(turn: Turn, heard: Flight) -> None:
    """So far was `heard` played: what lies behind is let go, and more may be made."""
    asked, place = turn.state.alternatives, heard.played + heard.offset
    if asked is None:
        return
    turning = None if asked.turning == heard.take else asked.turning
    turn.change(alternatives=replace(asked, ear=(place, turn.now), turning=turning))
    for take in asked.ring:
        flight = turn.state.flight(take)
        if flight is None or not flight.aside:
            continue
        behind = max(0, place - flight.offset)
        kept = trimmed(flight.kept, behind - KEPT_BEHIND)
        credit = behind // SAMPLES_PER_FRAME + turn.state.run_ahead
        more = flight.wanted is None and not flight.engine_done
        if more and credit >= flight.credit + FRAME_RATE // 2:
            turn.send(Credit(take, credit))
        else:
            credit = flight.credit
        turn.change_flight(take, kept=kept, credit=credit)


def trimmed(blocks: tuple[PcmBlock, ...], sample: int) -> tuple[PcmBlock, ...]:
    """Without blocks that end before `sample`."""
    return tuple(one for one in blocks if one.last or one.first_sample + len(one.pcm) > sample)


def reaches(flight: Flight, sample: int) -> bool:
    """Whether there is sound of it at that sample of its own, and enough to go on from there."""
    return flight.last_sent or flight.received >= sample + FIRST_CUSHION * MODEL_RATE


def tell_ready(turn: Turn) -> None:
    """Once: all alternatives have sound for the bar at which they begin."""
    asked = turn.state.alternatives
    if asked is None or asked.told or not asked.ring:
        return
    flights = [turn.state.flight(take) for take in asked.ring[:-1]]
    ear = asked.ear[0]
    if all(f is not None and reaches(f, max(0, ear - f.offset)) for f in flights):
        turn.change(alternatives=replace(asked, told=True))
        turn.send(AlternativesReady(asked.ring, asked.origin))


def forget_where_steered(turn: Turn, answer: TakeSteered) -> None:
    """A change before the bar at which they begin: they do not continue what is heard."""
    asked = turn.state.alternatives
    if asked is None or asked.at is None or answer.take != asked.parent or answer.frame >= asked.at:
        return
    if asked.context is not None:
        for take in asked.ring[:-1]:  # … but what they continued, which is kept with them
            flight = turn.state.flight(take)
            if flight is not None:
                record = replace(flight.record, parent=None, at=None)
                turn.change_flight(take, record=record)
                turn.change(tree=turn.state.tree.with_record(record))
                turn.send(KeepContext(take, asked.context))
    text = "the prompt changed before the bar at which the alternatives begin; ask for them again"
    turn.send(Problem("superseded", text, asked.origin))
    dissolve(turn)


# ---------------------------------------------------------------- the end


def settle(turn: Turn) -> None:
    """After every input: whether what they are alternatives of still sounds."""
    asked = turn.state.alternatives
    if asked is None:
        return
    if asked.token is not None and not asked.ring and asked.token not in turn.state.pending:
        turn.change(alternatives=None)  # their context could not be had, which was told
        return
    current = turn.state.current
    if current is not None and asked.ring and current.take not in asked.ring:
        asked = _renewed(turn, asked, current)
    members = (asked.parent, *asked.ring)
    sounds = current is not None and current.take in members and not current.aside
    if current is None or not sounds or not _stays(current):
        dissolve(turn)
    elif not asked.told:
        tell_ready(turn)


def _renewed(turn: Turn, asked: Alternatives, current: Flight) -> Alternatives:
    """A take that branched from what sounds, for its prompt changed, has its place in the ring."""
    parent = current.record.parent
    if current.follows is None or parent not in asked.ring:
        return asked
    ring = tuple(current.take if take == parent else take for take in asked.ring)
    asked = replace(asked, ring=ring, swap=None)
    turn.change(alternatives=asked)
    return asked


def _stays(flight: Flight) -> bool:
    ends = flight.muted or flight.audio_done or flight.stop_at is not None or flight.cancelled
    return not ends


def dissolve(turn: Turn) -> None:
    """No alternatives any more. What was made of them stays as takes."""
    asked = turn.state.alternatives
    if asked is None:
        return
    turn.change(alternatives=None)
    for take in asked.ring:
        flight = turn.state.flight(take)
        if flight is None:
            continue
        if flight.aside:
            cancel(turn, flight)
            turn.change_flight(take, aside=False, muted=True, held=(), kept=())
        elif flight.wanted is not None and flight.credit < flight.wanted and _stays(flight):
            turn.change_flight(take, credit=flight.wanted)
            turn.send(Credit(take, flight.wanted))
    if asked.ring:
        turn.send(AlternativesReady((), asked.origin))
