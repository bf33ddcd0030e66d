"""In which order takes are listed, and the lines of the tree beside them. Pure.

Trees come newest first. Within one a take is followed by its branches, a lane further in each, and
then by what continues its end, in its own lane: so a long chain of continuations stays a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daw_bridge.take_record import TakeRecord


@dataclass(frozen=True, slots=True)
class Row:
    """A take's place. lane: counted from 0. came: the lane of the take that it comes from, None
    for a first one. passing: lanes whose line goes by, down to takes further below."""

    take: int
    lane: int = 0
    came: int | None = None
    goes_on: bool = False  # something below comes from it
    passing: tuple[int, ...] = ()


def arranged(records: Mapping[int, TakeRecord]) -> list[Row]:
    """All takes as rows of a tree."""
    children: dict[int | None, list[TakeRecord]] = {}
    for record in sorted(records.values(), key=lambda r: r.take):
        parent = record.parent
        known = parent if parent in records and parent != record.take else None
        children.setdefault(known, []).append(record)
    trees: list[list[Row]] = []
    seen: set[int] = set()
    for root in children.get(None, ()):
        trees.append(_tree(root, children, seen))
    for take, record in records.items():  # a damaged folder could hold a circle
        if take not in seen:
            trees.append(_tree(record, children, seen))
    trees.sort(key=lambda rows: -max(row.take for row in rows))
    return [row for rows in trees for row in rows]


def flat(records: Iterable[TakeRecord]) -> list[Row]:
    """What a search found, newest first, without the tree around it."""
    return [Row(record.take) for record in sorted(records, key=lambda r: -r.take)]


def _tree(
    root: TakeRecord, children: Mapping[int | None, list[TakeRecord]], seen: set[int]
) -> list[Row]:
    rows: list[Row] = []
    waiting: list[tuple[TakeRecord, int, int | None, tuple[int, ...]]] = [(root, 0, None, ())]
    while waiting:
        record, lane, came, passing = waiting.pop()
        if record.take in seen:
            continue
        seen.add(record.take)
        branches = list(children.get(record.take, ()))
        at_end = next((c for c in branches if (c.at or 0) >= record.frames), None)
        if at_end is not None:
            branches.remove(at_end)
        rows.append(Row(record.take, lane, came, bool(branches) or at_end is not None, passing))
        if at_end is not None:
            waiting.append((at_end, lane, lane, passing))
        for number, branch in reversed(list(enumerate(branches))):
            more = at_end is not None or number < len(branches) - 1
            beside = (*passing, lane) if more else passing
            waiting.append((branch, lane + 1, lane, beside))
    return rows
