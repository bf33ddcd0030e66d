"""What a take has from the one that it continues: its bar lines and its level. Pure.

Tokens know nothing of bars or loudness. So that a continued take goes on as it would have, its
record says where bar lines fall among its frames and what its sound is multiplied with, and
what continues it takes both over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from core.generation.messages import TakeStarted
from core.generation.params import BarGrid
from core.types import FRAME_RATE, SAMPLES_PER_FRAME
from daw_bridge.disk_messages import NoteTake
from daw_bridge.session_flight import Context, Recipe
from daw_bridge.session_schedule import SPEED_TRUSTED
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn
from daw_bridge.take_record import TakeRecord

SAME_TEMPO = 0.01  # share by which a clock may have moved while its bars are the same


class Heritage(TypedDict):
    """Of `TakeRecord`."""

    bar_frames: float
    bar_first: float
    level: float


def heritage(state: SessionState, context: Context, recipe: Recipe | None) -> Heritage:
    """Of a take that is about to be asked for."""
    parent = state.tree.records.get(context.parent) if context.parent is not None else None
    source = recipe.record if recipe else parent
    grid = recipe.record.bar_grid if recipe else _grid(state, context, parent)
    return Heritage(
        bar_frames=grid.frames if grid else 0.0,
        bar_first=grid.first if grid else 0.0,
        level=source.level if source else 1.0,
    )


def _grid(state: SessionState, context: Context, parent: TakeRecord | None) -> BarGrid | None:
    """The parent's bars where the tempo is still theirs; else a take begins on a bar line."""
    if context.bars:
        return context.bars
    frames = FRAME_RATE * state.bar_seconds
    before = parent.bar_grid if parent else None
    if before and abs(before.frames - frames) <= SAME_TEMPO * before.frames:
        return before.moved(-(context.at or 0))
    if not state.transport.tempo_known:
        return None
    return BarGrid(frames, -context.lead / SAMPLES_PER_FRAME)


def unheard(state: SessionState, context: Context) -> float:
    """Seconds that an engine as fast as the last time needs for what is skipped."""
    speed = SPEED_TRUSTED * state.speed
    return context.skip / FRAME_RATE / speed if context.skip and speed else 0.0


def note_level(turn: Turn, started: TakeStarted) -> None:
    """The engine has found how loud a clip is, and with it the take."""
    flight = turn.state.flight(started.take)
    if flight is None or flight.record.level == started.level:
        return
    record = replace(flight.record, level=started.level)
    turn.change_flight(flight.take, record=record)
    turn.change(tree=turn.state.tree.with_record(record))
    turn.send(NoteTake(record))
