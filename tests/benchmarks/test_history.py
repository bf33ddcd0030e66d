"""Figures that are kept, and what is said of those that got worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks import history


def figures(**values: float) -> dict[str, dict[str, Any]]:
    units = {"speed": "steps/s", "wait": "ms", "error": "full scale"}
    return {name: {"value": value, "unit": units[name]} for name, value in values.items()}


def entry(commit: str, machine: str = "here", **values: float) -> dict[str, Any]:
    return {
        "machine": machine,
        "commit": commit,
        "date": "2026-01-01",
        "figures": figures(**values),
    }


def test_what_got_worse_is_said_with_the_commit_that_was_better(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    assert history.read(path) == []
    history.keep(entry("a", speed=50, wait=60, error=1), path)
    history.keep(entry("b", speed=40), path)  # newer: this one counts for speed
    history.keep(entry("c", machine="elsewhere", speed=900, wait=1), path)
    kept = history.read(path)
    assert [one["commit"] for one in kept] == ["a", "b", "c"]
    assert history.slower(figures(speed=36, wait=68, error=9), "here", kept) == []
    assert history.slower(figures(speed=30, wait=90), "here", kept) == [
        "speed got worse by 33%: 40 steps/s at b, 30 now",
        "wait got worse by 50%: 60 ms at a, 90 now",
    ]
    assert history.slower(figures(speed=1), "nowhere", kept) == []


def test_figures_of_one_commit_lie_together(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    history.keep(entry("a", speed=50.123456), path)
    history.keep(entry("a", wait=60), path)
    (only,) = history.read(path)
    assert only["figures"] == figures(speed=50.12, wait=60.0)
