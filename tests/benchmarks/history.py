"""Figures that are kept in git, a set for each commit measured, so that a slow-down shows.

docs/figures.json: a list, oldest first, of
`{"machine", "commit", "date", "figures": {name: {"value", "unit"}}}`. Machines are
compared with themselves alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.figures import Figures

KEPT = Path(__file__).parents[2] / "docs" / "figures.json"
MUCH = 0.15
FASTER_IS_LESS = ("s", "ms", "GB")  # units of which less is better; "full scale" and such: neither
FASTER_IS_MORE = ("steps/s", "frames/s of processor time", "seconds of audio a second", "GB/s")


def read(path: Path = KEPT) -> list[dict[str, Any]]:
    return json.loads(path.read_text()) if path.exists() else []


def keep(entry: dict[str, Any], path: Path = KEPT) -> None:
    """Add an entry; figures measured at the same commit on the same machine join it."""
    entries = read(path)
    slim = {
        name: {"value": float(f"{one['value']:.4g}"), "unit": one["unit"]}
        for name, one in entry["figures"].items()
    }
    same = [
        e for e in entries if (e["machine"], e["commit"]) == (entry["machine"], entry["commit"])
    ]
    if same:
        same[-1]["figures"] |= slim
    else:
        entries.append({**entry, "figures": slim})
    path.write_text(json.dumps(entries, indent=1) + "\n")


def slower(figures: Figures, machine: str, entries: list[dict[str, Any]]) -> list[str]:
    """A line for each figure that is worse by more than 15 % than the newest kept one."""
    lines = []
    for name, one in sorted(figures.items()):
        kept = next(
            (e for e in reversed(entries) if e["machine"] == machine and name in e["figures"]), None
        )
        if kept is None:
            continue
        before, now, unit = kept["figures"][name]["value"], one["value"], one["unit"]
        factor = before / now if unit in FASTER_IS_MORE else now / before
        if unit in (*FASTER_IS_LESS, *FASTER_IS_MORE) and factor > 1 + MUCH:
            lines.append(
                f"{name} got worse by {factor - 1:.0%}: {before:.4g} {unit} at {kept['commit']},"
                f" {now:.4g} now"
            )
    return lines
