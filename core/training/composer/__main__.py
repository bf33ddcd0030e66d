"""python -m core.training.composer OUT --hours H --seed S [--workers N]"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.errors import DawBridgeError
from core.training.composer.corpus import write_corpus


def main(arguments: list[str] | None = None) -> int:
    """Render a corpus; the exit status: 0, 2 for bad input, 1 for a failure, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m core.training.composer",
        description="Compose and render music for training, with captions.",
    )
    parser.add_argument("out", type=Path, help="folder for the FLAC and JSON files")
    parser.add_argument("--hours", type=float, required=True, help="hours of music")
    parser.add_argument("--seed", type=int, default=1, help="the corpus' seed, from 0")
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    options = parser.parse_args(arguments)
    if options.hours <= 0 or options.seed < 0 or options.workers < 1:
        parser.error("--hours must be above 0, --seed 0 or more and --workers 1 or more")
    try:
        _run(options.out, options.hours, options.seed, options.workers)
    except DawBridgeError as error:
        _say(str(error))
        return error.exit_status
    except OSError as error:
        _say(f"cannot write to {options.out}: {error}")
        return 2
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
        return 130
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"composer: {text}\n")


def _run(out: Path, hours: float, seed: int, workers: int) -> None:
    columns = (
        BarColumn(),
        TextColumn("{task.completed:.2f} of {task.total:.2f} h"),
        TextColumn("{task.fields[pieces]} pieces"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:  # a log file gets a line now and then instead of a bar
        done = 0.0
        for pieces, seconds in enumerate(write_corpus(out, hours, seed, workers), start=1):
            done += seconds
            if pieces % 50 == 0:
                _say(f"{pieces} pieces, {done / 3600.0:.2f} of {hours:g} h")
        return
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("rendering", total=hours, pieces=0)
        for pieces, seconds in enumerate(write_corpus(out, hours, seed, workers), start=1):
            progress.update(task, advance=seconds / 3600.0, pieces=pieces)


if __name__ == "__main__":
    raise SystemExit(main())
