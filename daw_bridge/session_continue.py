"""Continuations: their clip or tokens are fetched first, then the take is asked for."""

from __future__ import annotations

from dataclasses import replace

from core.errors import BadInput
from daw_bridge.commands import (
    ClockSource,
    ContinueFile,
    ContinueTake,
    Origin,
)
from daw_bridge.disk_messages import (
    AdoptTake,
    ClipRead,
    DiskProblem,
    ReadClip,
    RecallTake,
    TakeFound,
    TakeRecalled,
)
from daw_bridge.events import Problem
from daw_bridge.parameters import PARAMETERS
from daw_bridge.session_alternatives import branch_alternatives
from daw_bridge.session_clocks import note_parameter
from daw_bridge.session_flight import Context
from daw_bridge.session_melody import listen, whole_path
from daw_bridge.session_state import Pending, Wish
from daw_bridge.session_takes import start_take
from daw_bridge.session_turn import Turn
from daw_bridge.take_length import point_in
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_timeline import past


def continue_file(turn: Turn, command: ContinueFile) -> None:
    pending = Pending(Wish.FILE, command.origin, command.prompt, turn.now)
    path = whole_path(command.path)
    turn.send(ReadClip(turn.new_token(pending), path, turn.state.window_seconds))


def continue_take(turn: Turn, command: ContinueTake) -> None:
    """From its end, which a take that is being made may not have reached yet, or from `at`."""
    state, at = turn.state, command.at
    take = state.tree.current if command.take is None else command.take
    if command.take is None and not take:
        raise BadInput("no take to continue yet; send generate first")
    if not 1 <= take < state.next_take:
        raise BadInput(f"no take {take}; the last one is {state.next_take - 1}")
    if at is not None and not at > 0:
        raise BadInput(f"{at:g} seconds into take {take} is before its start")
    flight = state.flight(take)
    if at is None and flight and flight.wanted and not flight.engine_done and not flight.cancelled:
        turn.change(next_up=replace(command, take=take))
        return
    pending = Pending(Wish.TAKE, command.origin, command.prompt, turn.now)
    frame, lead = (None, 0) if at is None else point_in(state.tree.records.get(take), at)
    turn.send(RecallTake(turn.new_token(pending), take, frame, lead))


def continue_what_ended(turn: Turn, take: int) -> None:
    """A take is whole: if it was to be continued from its end, this is the time."""
    command = turn.state.next_up
    if command is not None and command.take == take:
        turn.change(next_up=None)
        continue_take(turn, command)


# ---------------------------------------------------------------- answers


def clip_read(turn: Turn, clip: ClipRead) -> None:
    pending = turn.take_pending(clip.token)
    if pending is not None and pending.wish is Wish.MELODY:
        listen(turn, pending, clip.pcm, clip.rate)
        return
    if pending is not None and clip.note:
        turn.send(Problem("edited_take", clip.note, pending.origin))
    if pending is not None:
        start(turn, pending, Context(clip=clip.pcm, clip_rate=clip.rate, source=clip.path))


def take_recalled(turn: Turn, recalled: TakeRecalled) -> None:
    pending = turn.take_pending(recalled.token)
    if pending is None:
        return
    if pending.wish is Wish.ALTERNATIVES:
        branch_alternatives(turn, recalled)
        return
    record, frame = recalled.record, recalled.frame
    if refused_by_model(turn, record, recalled.codes.shape[0], pending.origin):
        return
    first_time = not turn.state.tree.is_continued(record.take, frame)
    seed = record.seed if recalled.at_end and first_time else None
    before = past(turn.state.tree.records, record.take, frame)
    branched = turn.state.flight(record.take) if pending.wish is Wish.BRANCH else None
    if pending.wish is Wish.BRANCH and (branched is None or not branched.sounding):
        return  # it has ended meanwhile
    seed = record.seed if branched else seed
    context = Context(
        codes=recalled.codes,
        parent=record.take,
        at=frame,
        lead=recalled.lead,
        seed=seed,
        past=before,
        branched=branched,
    )
    if pending.wish is Wish.FILE:  # a dropped take brings its prompt and its tempo along
        prompt = record.prompt if pending.prompt is None else pending.prompt
        pending = replace(pending, prompt=prompt)
        _take_tempo(turn, record, pending.origin)
    start(turn, pending, context)


def take_found(turn: Turn, found: TakeFound) -> None:
    """A dropped file is a take of another folder: it gets a place in this one's tree."""
    pending = turn.take_pending(found.token)
    if pending is not None:
        take = turn.state.next_take
        turn.change(next_take=take + 1)
        turn.send(AdoptTake(turn.new_token(pending), found.path, take))


def refused_by_model(turn: Turn, record: TakeRecord, codebooks: int, origin: Origin) -> bool:
    """Whether a take's tokens are not the loaded model's; that is then told."""
    loaded = turn.state.model.loaded
    if loaded is None or loaded.codebooks == codebooks:
        return False
    text = (
        f"take {record.take} has {codebooks} codebooks and {loaded.name} has "
        f"{loaded.codebooks}; load {record.model or 'the model that made it'}"
    )
    turn.send(Problem("other_model", text, origin))
    return True


def _take_tempo(turn: Turn, record: TakeRecord, origin: Origin) -> None:
    """Where no clock leads, a dropped take sets the tempo."""
    transport = turn.state.transport
    tempo = min(max(record.tempo, PARAMETERS["tempo"].low), PARAMETERS["tempo"].high)
    if transport.leader is not ClockSource.INTERNAL or transport.tempo == tempo:
        return
    turn.change(transport=transport.set_by_hand(tempo, turn.now))
    note_parameter(turn, "tempo", tempo, origin)


def question_failed(turn: Turn, problem: DiskProblem) -> None:
    """The disk could not answer, or could not keep a take."""
    pending = turn.take_pending(problem.token)
    origin = pending.origin if pending else Origin(source="disk")
    if problem.take is not None:
        origin = turn.state.askers.get(problem.take, origin)
        turn.change(problem=problem.text)
    turn.send(Problem(problem.code, problem.text, origin))


def start(turn: Turn, pending: Pending, context: Context) -> None:
    """What was asked for has come: the take, or why there is none."""
    try:
        start_take(turn, pending.origin, context, pending.prompt, asked_at=pending.asked_at)
    except BadInput as refused:
        turn.send(Problem(refused.code, str(refused), pending.origin))
