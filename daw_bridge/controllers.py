"""Which MIDI controller sets which parameter: as the table has it, and as was learnt. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from daw_bridge.parameters import PARAMETERS

Table = Mapping[int, str]  # controller → parameter


def default_table() -> Table:
    table = {p.controller: p.name for p in PARAMETERS.values() if p.controller is not None}
    return MappingProxyType(table)


def changed(table: Table, changes: Mapping[str, int | None]) -> Table:
    """With these parameters on these controllers (None: on none); a controller sets one."""
    others = {c: n for c, n in table.items() if n not in changes}
    others |= {c: n for n, c in changes.items() if c is not None}
    return MappingProxyType(others)


def by_parameter(table: Table) -> dict[str, int | None]:
    """The controller of every parameter, in the order of the table; None: it has none."""
    found = {name: controller for controller, name in table.items()}
    return {name: found.get(name) for name in PARAMETERS}
