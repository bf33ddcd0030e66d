"""How far a take to a file is: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from core.types import FRAME_RATE


class TakeProgress:
    """A bar for loading, then one for the take. Nothing is drawn where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<24}"), BarColumn(), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> TakeProgress:
        self._bars.start()
        return self

    def __exit__(self, *left: object) -> None:
        self._bars.stop()

    def say(self, what: str) -> None:
        if self._task is None:
            self._task = self._bars.add_task(what, total=1.0)
        self._bars.update(self._task, description=what)

    def loading(self, fraction: float, what: str) -> None:
        self.say(what)
        assert self._task is not None
        self._bars.update(self._task, completed=fraction)

    def made(self, frames: int, wanted: int) -> None:
        self.say(f"{frames / FRAME_RATE:.1f} of {wanted / FRAME_RATE:.1f} s")
        assert self._task is not None
        self._bars.update(self._task, completed=frames / wanted)
