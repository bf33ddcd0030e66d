"""Figures with their targets: for JSON, for the screen, and as Markdown for the cards."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.table import Table

from core.figures import Figures, number

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "≤": operator.le, "≥": operator.ge, ">": operator.gt,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """'≤', '≥' or '>' and the value that is asked for."""

    sign: str
    value: float

    def met(self, value: float) -> bool:
        return _COMPARE[self.sign](value, self.value)

    def __str__(self) -> str:
        return f"{self.sign} {number(self.value)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. baseline: what `says` explains; ratio: value ÷ baseline where that means much."""

    name: str
    value: float
    unit: str
    says: str
    baseline: float | None = None
    ratio: float | None = None
    target: Target | None = None

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "yes" if self.target.met(self.value) else "**no**"


def as_json(figures: Iterable[Figure]) -> Figures:
    return {
        f.name: {"value": f.value, "unit": f.unit, "baseline": f.baseline, "ratio": f.ratio}
        for f in figures
    }


def screen_table(figures: Iterable[Figure]) -> Table:
    table = Table()
    table.add_column("figure", no_wrap=True)
    for column in ("value", "baseline", "target"):
        table.add_column(column, justify="right")
    table.add_column("met")
    table.add_column("unit")
    for f in figures:
        met = f.verdict.strip("*")
        shown = f"[red]{met}[/red]" if met == "no" else met
        target = str(f.target or "")
        table.add_row(f.name, number(f.value), number(f.baseline), target, shown, f.unit)
    return table


def markdown_table(figures: Iterable[Figure], targets_only: bool = False) -> str:
    lines = [
        "| figure | value | baseline | target | met | what it says |",
        "|---|--:|--:|--:|---|---|",
    ]
    for f in figures:
        if targets_only and f.target is None:
            continue
        target = str(f.target or "")
        lines.append(
            f"| `{f.name}` | {number(f.value)} | {number(f.baseline)} | {target} | {f.verdict}"
            f" | {f.says} ({f.unit}) |"
        )
    return "\n".join(lines)
