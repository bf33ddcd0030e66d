"""Figures as the project keeps them: a table on the screen and a JSON file below build/.

A figure is `{"value": x, "unit": u, "baseline": y, "ratio": r}`; the last two may be None.
Shared by `make bench` and `make eval-starter`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from rich.table import Table

ROOT = Path(__file__).parents[1]

Figures = dict[str, dict[str, Any]]


def table(figures: Figures) -> Table:
    shown = Table("figure")
    for column in ("value", "baseline", "ratio"):
        shown.add_column(column, justify="right")
    shown.add_column("unit")
    for name, figure in sorted(figures.items()):
        numbers = (number(figure.get(column)) for column in ("value", "baseline", "ratio"))
        shown.add_row(name, *numbers, str(figure.get("unit", "")))
    return shown


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def write(figures: Figures, path: Path) -> None:
    """The report with its machine and commit, whole or not at all. Raises OSError."""
    report = {"machine": machine(), "commit": commit(), "figures": figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".tmp")
    half.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    os.replace(half, path)


def machine() -> str:
    """Processor, cores and, if there is one, the GPU."""
    parts = [_processor(), f"{os.cpu_count()} cores"]
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):  # no NVIDIA GPU
        parts.append(subprocess.run(query, capture_output=True, text=True, check=True).stdout)
    return ", ".join(part.strip() for part in parts)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next(models, platform.machine()).strip()


def commit() -> str:
    """The commit measured; '+' when the tree has changes."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # an installed copy, not a clone
    return done.stdout.strip()
