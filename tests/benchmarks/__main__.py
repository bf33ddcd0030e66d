"""Run the benchmarks: a table, and build/bench.json.

    python -m tests.benchmarks [lm stream …]

Each tests/benchmarks/bench_NAME.py has `figures()`, which returns
`{figure: {"value": x, "unit": u, "baseline": y, "ratio": r}}` (the last two may be None).
It runs in a process of its own: one benchmark's threads, caches or crash are not the next's.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = ROOT / "build" / "bench.json"

Figures = dict[str, dict[str, Any]]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--one", name, path]:  # the child
            Path(path).write_text(json.dumps(figures_of(name)))
            return 0
        case _:
            return run(arguments or names())


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def figures_of(name: str) -> Figures:
    return importlib.import_module(f"tests.benchmarks.bench_{name}").figures()


def run(chosen: list[str]) -> int:
    console = Console()
    figures: Figures = {}
    failed: list[str] = []
    for name in chosen:
        console.print(f"bench_{name} …")
        found = in_own_process(name)
        if found is None:
            failed.append(name)
        else:
            figures |= found
    console.print(table(figures))
    write({"machine": machine(), "commit": commit(), "figures": figures})
    console.print(f"written to {OUT.relative_to(ROOT)}")
    if failed:
        console.print(f"failed: {', '.join(failed)}", style="red")
    return 1 if failed else 0


def in_own_process(name: str) -> Figures | None:
    """The benchmark's figures, or None when it failed (its traceback is on the screen)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "tests.benchmarks", "--one", name, str(path)]
        done = subprocess.run(command, cwd=ROOT, check=False)
        return json.loads(path.read_text()) if done.returncode == 0 else None


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


def write(report: dict[str, Any]) -> None:
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")


def machine() -> str:
    """Processor, cores and, if there is one, the GPU."""
    parts = [processor(), f"{os.cpu_count()} cores"]
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):  # no NVIDIA GPU
        parts.append(subprocess.run(query, capture_output=True, text=True, check=True).stdout)
    return ", ".join(part.strip() for part in parts)


def processor() -> str:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
