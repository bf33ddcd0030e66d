"""What is done to takes that are there: kept or not, named, deleted, brought back."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from core.errors import BadInput
from daw_bridge import commands as ask
from daw_bridge.disk_messages import (
    DiscardTake,
    KeepCurrent,
    MarkTake,
    NameTake,
    ReclaimTake,
    TakeDiscarded,
    TakeReclaimed,
)
from daw_bridge.events import Accepted, CurrentTake, Problem, TakeDeleted
from daw_bridge.session_turn import Turn
from daw_bridge.take_record import TakeRecord

LONGEST_NAME = 200

Librarian = ask.KeepTake | ask.RenameTake | ask.DeleteTake | ask.RestoreTake


def obey_librarian(turn: Turn, command: Librarian) -> None:
    """Raises BadInput for a take that is not there, or cannot be deleted now."""
    state, origin = turn.state, command.origin
    match command:
        case ask.KeepTake(take, on=on):
            chosen = state.tree.current if take is None else take
            if chosen < 1:
                turn.send(Problem("no_take", "no take to keep yet", origin))
                return
            if chosen >= state.next_take:
                raise BadInput(f"no take {chosen}; the last one is {state.next_take - 1}")
            turn.send(MarkTake(chosen, on), Accepted(chosen, origin))
            if marked := state.tree.records.get(chosen):
                turn.change(tree=state.tree.with_record(replace(marked, kept=on)))
        case ask.RenameTake(take, name):
            record, name = _whole(turn, take, "named"), " ".join(name.split())
            if len(name) > LONGEST_NAME:
                raise BadInput(f"a name of {len(name)} letters is too long; use {LONGEST_NAME}")
            turn.change(tree=state.tree.with_record(replace(record, name=name)))
            turn.send(NameTake(take, name), Accepted(take, origin))
        case ask.DeleteTake(take):
            _whole(turn, take, "deleted")
            if state.flight(take) is not None:
                raise BadInput(f"take {take} sounds; stop it first, then delete it")
            turn.change(askers=MappingProxyType({**state.askers, take: origin}))
            turn.send(DiscardTake(take), Accepted(take, origin))
        case ask.RestoreTake(take):
            if take in state.tree.records:
                raise BadInput(f"take {take} is there; it was not deleted")
            turn.send(ReclaimTake(take), Accepted(take or 0, origin))


def hear(turn: Turn, outcome: TakeDiscarded | TakeReclaimed) -> None:
    """The files are moved."""
    tree = turn.state.tree
    match outcome:
        case TakeDiscarded(take):
            recipe = turn.state.recipe
            gone = recipe is not None and recipe.record.take == take
            changed = tree.without(take)
            turn.change(tree=changed, recipe=None if gone else recipe)
            if changed.current != tree.current:
                turn.send(KeepCurrent(changed.current), CurrentTake(changed.current))
            turn.send(TakeDeleted(take, turn.state.askers.get(take)))
        case TakeReclaimed(record):
            turn.change(tree=tree.with_record(record))


def _whole(turn: Turn, take: int, what: str) -> TakeRecord:
    """The record of a take that is on disk. Raises BadInput."""
    record = turn.state.tree.records.get(take)
    if record is None:
        raise BadInput(f"no take {take} in the folder of takes")
    if not record.path:
        raise BadInput(f"take {take} is still being made; it can be {what} when it is whole")
    return record
