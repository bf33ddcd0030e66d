"""LoRA adapters: asked for, answered by the engine, noted in the take that is being made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath, PureWindowsPath

from core.errors import BadAdapter
from core.generation import messages as engine
from core.generation.params import checked_weight, is_adapter_name
from daw_bridge.commands import Origin, UseAdapter
from daw_bridge.events import Accepted, AdaptersChanged, Problem
from daw_bridge.session_turn import Turn
from daw_bridge.take_record import AdapterUse


def use_adapter(turn: Turn, command: UseAdapter) -> None:
    """Raises BadAdapter for a path that is neither whole nor from ~, BadInput for a bad weight."""
    asked, weight = command.adapter, checked_weight(command.weight)
    absolute = PurePath(asked).is_absolute() or PureWindowsPath(asked).is_absolute()
    if not is_adapter_name(asked) and not absolute and not asked.startswith("~"):
        raise BadAdapter(
            f"{asked[:80]!r} is neither a name nor an absolute path; send the name of an adapter,"
            " or the whole path"
        )
    turn.change(adapter_askers=(*turn.state.adapter_askers, (asked, command.origin)))
    turn.send(engine.UseAdapter(asked, weight), Accepted(0, command.origin))


def hear_adapters(turn: Turn, event: engine.AdaptersLoaded) -> None:
    """What is beside the model now, and why not what was asked for."""
    before, origin = turn.state.adapters, _asker(turn, event.asked)
    if event.problem:
        turn.change(problem=event.problem)
        code = BadAdapter.code
        turn.send(Problem(code, event.problem, origin or Origin(source="engine")))
    if event.adapters == before:
        return
    turn.change(adapters=event.adapters)
    turn.send(adapters_told(event.adapters, origin))
    changed = [one for one in event.adapters if one not in before]
    there = {one.name for one in event.adapters}
    changed += [replace(one, weight=0.0) for one in before if one.name not in there]
    for take, frame in event.takes:
        flight = turn.state.flight(take)
        if flight is not None and not flight.engine_done:
            noted = (*flight.record.adapters, *uses_of(changed, frame))
            turn.change_flight(take, record=replace(flight.record, adapters=noted))


def note_start(turn: Turn, event: engine.TakeStarted) -> None:
    """The engine knows which adapters a take began with: requests may have been on their way."""
    flight = turn.state.flight(event.take)
    if flight is not None and not flight.engine_done:
        record = replace(flight.record, adapters=uses_of(event.adapters))
        turn.change_flight(flight.take, record=record)


def uses_of(adapters: Iterable[engine.LoadedAdapter], frame: int = 0) -> tuple[AdapterUse, ...]:
    """As a take's sidecar names them."""
    return tuple(AdapterUse(a.name, a.weight, a.digest, a.licence, frame) for a in adapters)


def adapters_told(
    adapters: Iterable[engine.LoadedAdapter], origin: Origin | None, *, answer: bool = False
) -> AdaptersChanged:
    return AdaptersChanged(tuple((one.name, one.weight) for one in adapters), origin, answer)


def _asker(turn: Turn, asked: str) -> Origin | None:
    """Who asked for it first, once; None for what nobody asked for."""
    askers = turn.state.adapter_askers
    found = next((one for one in askers if one[0] == asked), None)
    if found is None:
        return None
    turn.change(adapter_askers=tuple(one for one in askers if one is not found))
    return found[1]
