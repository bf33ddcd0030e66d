"""Progress of `daw-bridge tokenize`: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.training.tokens.report import length

SAY_EVERY = 60.0  # seconds between lines where there is no terminal


class TokenizeProgress:
    """Files, length of music, times real time, time left (by the bytes of the files)."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(),
            console=self.console, transient=True, disable=not self.console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("tokenizing", total=None)
        self._files = self._done = 0
        self._bytes = self._bytes_done = 0.0
        self._seconds = 0.0
        self._started = self._said = time.monotonic()

    def __enter__(self) -> TokenizeProgress:
        self._bar.start()
        return self

    def __exit__(self, *left: object) -> None:
        self._bar.stop()

    def begin(self, files: int, size: int) -> None:
        """files, size: how many files are to be done, and their bytes."""
        self._files, self._bytes = files, max(1.0, size)
        self._started = self._said = time.monotonic()
        self._bar.reset(self._task, total=self._bytes)

    def clip(self, seconds: float, size: float) -> None:
        """A clip is encoded; size: its share of its file's bytes."""
        self._seconds += seconds
        self._bytes_done += size
        self._show()

    def file(self, size: float) -> None:
        """A file is done; size: what `clip` did not count of it."""
        self._done += 1
        self._bytes_done += size
        self._show()

    def say(self, text: str) -> None:
        self.console.print(escape(text), soft_wrap=True, highlight=False)

    def _show(self) -> None:
        spent = max(1e-3, time.monotonic() - self._started)
        text = (
            f"{self._done} of {self._files} files, {length(self._seconds)} of music,"
            f" {self._seconds / spent:.1f} times real time"
        )
        self._bar.update(self._task, description=text, completed=self._bytes_done)
        if not self.console.is_terminal and time.monotonic() - self._said > SAY_EVERY:
            self._said = time.monotonic()
            left = spent * (self._bytes / max(1.0, self._bytes_done) - 1)
            self.say(f"{text}, {length(max(0.0, left))} left")
