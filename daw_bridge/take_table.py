"""A take's record as a table for JSON, and back from a table that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import PurePath
from typing import Any

from daw_bridge.take_record import TakeRecord

VERSION = 1
MOST_TAKES = 10**9
LONGEST_TEXT = 20_000
_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
}
_RANGES = {
    "take": (1, MOST_TAKES),
    "parent": (1, MOST_TAKES),
    "before": (1, MOST_TAKES),
    "at": (0, 10**9),
    "frames": (0, 10**9),
    "seed": (0, 2**63 - 1),
    "tempo": (1, 1_000),
    "lead": (0, 10**6),
    "length": (0, 10**6),
    "beats": (1, 64),
    "bars": (0, 10_000),
    "drift": (-(10**6), 10**6),
    "bar_frames": (0, 10**6),
    "bar_first": (-(10**9), 10**9),
    "level": (1e-3, 1e3),
}


def table_of(record: TakeRecord) -> dict[str, Any]:
    """For a file beside the WAV, or in it: the path is the name alone."""
    return {"version": VERSION, **asdict(record), "path": PurePath(record.path).name}


def record_of(table: object, **changes: object) -> TakeRecord:
    """The record that a table says. Raises ValueError for one that is no take's.

    Keys that are not ours are left out, so that a newer program's takes can be read.
    """
    if not isinstance(table, dict) or "take" not in table:
        raise ValueError("it is no take's description")
    for field in fields(TakeRecord):
        if field.name in table:
            _check(field.name, str(field.type), table[field.name])
    try:
        return TakeRecord.of(table, **changes)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as refused:
        raise ValueError(f"it is no take's description ({type(refused).__name__})") from None


def _check(name: str, kind: str, value: object) -> None:
    types = _TYPES.get(kind)
    if types is None:
        return  # a list: TakeRecord.of looks into it
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"its {name} is no {kind}")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ValueError(f"its {name} is too long")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = _RANGES.get(name, (-(2.0**63), 2.0**63))
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"its {name} is out of range")
