"""Walks of the tree of takes: undo, redo, choosing one, and retrying the one that is current."""

from __future__ import annotations

from dataclasses import replace

from core.types import seconds_of_bars
from daw_bridge import commands as ask
from daw_bridge.disk_messages import KeepCurrent, RecallRecipe, RecipeRecalled
from daw_bridge.events import CurrentTake, Problem, TakesTold, TakeTold, TreeChanged
from daw_bridge.session_continue import refused_by_model
from daw_bridge.session_flight import Context, Recipe
from daw_bridge.session_loop import tail_of
from daw_bridge.session_state import Pending, Wish
from daw_bridge.session_takes import drop_next, start_take
from daw_bridge.session_turn import Turn
from daw_bridge.take_length import frames_for, second_of
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_timeline import past
from daw_bridge.take_tree import TakeTree


def undo(turn: Turn, origin: ask.Origin) -> None:
    """The next continue and retry go from the take before. What sounds goes on."""
    _move(turn, turn.state.tree.undo(), origin)


def redo(turn: Turn, origin: ask.Origin) -> None:
    _move(turn, turn.state.tree.redo(), origin)


def choose(turn: Turn, take: int, origin: ask.Origin) -> None:
    _move(turn, turn.state.tree.chosen(take), origin)


def _move(turn: Turn, tree: TakeTree, origin: ask.Origin) -> None:
    recipe = turn.state.recipe
    known = recipe if recipe and recipe.record.take == tree.current else None
    turn.change(tree=tree, recipe=known)
    drop_next(turn)
    turn.send(KeepCurrent(tree.current), CurrentTake(tree.current, origin))


def tell_takes(turn: Turn, command: ask.AskTakes) -> None:
    """One event a take, then how many there are."""
    tree, origin = turn.state.tree, command.origin
    told = tree.newest(command.count, command.below)
    turn.send(*(_told(tree, record, origin) for record in told))
    turn.send(TakesTold(len(told), len(tree.records), tree.current, origin))


def _told(tree: TakeTree, record: TakeRecord, origin: ask.Origin) -> TakeTold:
    return TakeTold(
        record.take,
        record.parent or 0,
        second_of(tree.records.get(record.parent or 0), record),
        record.seconds,
        record.kept,
        record.seed,
        record.prompt,
        record.path,
        origin,
    )


def tell_whole_tree(turn: Turn) -> None:
    tree = turn.state.tree
    turn.send(TreeChanged(tuple(tree.records.values()), (), tree.current, whole=True))


def tell_tree(turn: Turn, before: TakeTree) -> None:
    """What has become of the tree in this turn."""
    tree = turn.state.tree
    if tree.records is before.records:
        if tree.current != before.current:
            turn.send(TreeChanged(current=tree.current))
        return
    changed = tuple(r for n, r in tree.records.items() if before.records.get(n) is not r)
    gone = tuple(n for n in before.records if n not in tree.records)
    turn.send(TreeChanged(changed, gone, tree.current))


# ---------------------------------------------------------------- retry


def retry(turn: Turn, origin: ask.Origin) -> None:
    """The current take once more, with another seed; an older one is read back first."""
    state = turn.state
    if state.recipe is not None:
        recipe = state.recipe
        made = state.tree.records.get(recipe.record.take, recipe.record)  # as it has changed since
        start_take(turn, origin, recipe.context, recipe=replace(recipe, record=made))
    elif state.tree.current:
        pending = Pending(Wish.RETRY, origin, None, turn.now)
        turn.send(RecallRecipe(turn.new_token(pending), state.tree.current))
    else:
        turn.send(Problem("nothing_to_retry", "no take yet; send generate first", origin))


def recipe_recalled(turn: Turn, recalled: RecipeRecalled) -> None:
    pending = turn.take_pending(recalled.token)
    if pending is None:
        return
    record, codes = recalled.record, recalled.codes
    if refused_by_model(turn, record, codes.shape[0], pending.origin):
        return
    parent = record.parent if record.parent in turn.state.tree.records else None
    context = Context(
        source=record.source,
        codes=codes if codes.shape[1] else None,
        parent=parent,
        at=None if parent is None else record.at,
        lead=record.lead,
        past=past(turn.state.tree.records, parent, record.at),
    )
    frames = None
    if record.bars:
        bars = seconds_of_bars(record.bars, record.beats, record.tempo)
        record = replace(record, length=record.length or bars)
        frames = frames_for(record.length, record.lead) + tail_of(record)
    recipe = Recipe(record, context, frames)
    start_take(turn, pending.origin, context, asked_at=pending.asked_at, recipe=recipe)
