"""What a person sees of a run, and how they stop it."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Terminal:
    """A bar on a terminal; elsewhere (a file, a pipe) plain lines and nothing that moves.

    Use as a context manager. quiet: show nothing at all.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self.live = self._console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self.live,
        )
        self._task = self._bar.add_task("", total=1.0, figures="")

    def say(self, line: str) -> None:
        """A line that stays."""
        if self.live:
            self._console.print(line, markup=False)
        elif not self._console.quiet:
            print(line, flush=True)

    def moved(self, progress: float, step: int, steps: int | None) -> None:
        """progress: share of the run that is behind, 0 … 1."""
        if self.live:
            what = f"step {step} of {steps}" if steps else f"step {step}"
            self._bar.update(self._task, completed=progress, description=what)

    def figures(self, loss: float, books: list[float], rate: float) -> None:
        """Loss and codebook losses in nats, rate in frames a second."""
        each = " ".join(f"{book:.2f}" for book in books)
        self._bar.update(self._task, figures=f"loss {loss:.3f} ({each}), {rate:,.0f} frames/s")

    def __enter__(self) -> Terminal:
        self._bar.start()
        return self

    def __exit__(self, *left: object) -> None:
        self._bar.stop()


class StopSignal:
    """Ctrl-C and SIGTERM as a flag, so that a run can save first. Twice ends it at once.

    Use as a context manager. Outside the main thread, where Python allows no handlers, it is
    a flag that nobody sets.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *left: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
