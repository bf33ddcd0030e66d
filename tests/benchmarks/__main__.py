"""Run the benchmarks: a table, and build/bench.json.

    python -m tests.benchmarks [--keep] [lm stream …]

What got worse by more than 15 % since docs/figures.json on the same machine is said; `--keep` adds
the figures to that file.

Each tests/benchmarks/bench_NAME.py has `figures()`, which returns
`{figure: {"value": x, "unit": u, "baseline": y, "ratio": r}}` (the last two may be None).
It runs in a process of its own: one benchmark's threads, caches or crash are not the next's.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from core.figures import Figures, commit, machine, table, write
from tests.benchmarks import history

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = ROOT / "build" / "bench.json"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--one", name, path]:  # the child
            Path(path).write_text(json.dumps(figures_of(name)))
            return 0
        case ["--keep", *chosen]:
            return run(chosen or names(), kept=True)
        case _:
            return run(arguments or names())


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def figures_of(name: str) -> Figures:
    return importlib.import_module(f"tests.benchmarks.bench_{name}").figures()


def run(chosen: list[str], kept: bool = False) -> int:
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
    write(figures, OUT)
    console.print(f"written to {OUT.relative_to(ROOT)}")
    for line in history.slower(figures, machine(), history.read()):
        console.print(line, style="red", soft_wrap=True)
    if kept:
        today = datetime.now(UTC).date().isoformat()
        history.keep({"machine": machine(), "commit": commit(), "date": today, "figures": figures})
        console.print(f"added to {history.KEPT.relative_to(ROOT)}")
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
