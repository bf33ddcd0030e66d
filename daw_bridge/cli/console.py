"""What the command line prints: news on stdout, trouble on stderr, one line each."""

from __future__ import annotations

import re
import sys
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from core.errors import DawBridgeError
from daw_bridge.events import (
    Event,
    Filling,
    LatencyChanged,
    Problem,
    Scheduled,
    Status,
    StatusChanged,
    TakeSaved,
)

LOADING_STEP = 0.2
console = Console()


def say(line: str) -> None:
    """One line on stdout as it is: no markup, no colours, never wrapped."""
    console.print(escape(line), soft_wrap=True, highlight=False)


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def complain(text: str) -> None:
    """One line on stderr, never wrapped."""
    sys.stderr.write(f"daw-bridge: {one_line(text)}\n")


def unexpected_line(error: Exception) -> str:
    """One line for what no one foresaw: memory, or a mistake in the program."""
    text = one_line(str(error))
    if isinstance(error, MemoryError) or "out of memory" in text or "alloc" in text:
        return "out of memory; close other programs or use a smaller model"
    return f"failed unexpectedly ({type(error).__name__}: {text[:200]}); please report it"


def exit_status(error: BaseException) -> int:
    """2 for bad input, 1 for a failure; 130 for Ctrl-C."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    return error.exit_status if isinstance(error, DawBridgeError) else 1


class NewsReader:
    """Prints what someone who started `serve` in a terminal wants to see scroll by."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = Status()
        self._loading = -1.0

    def __call__(self, event: Event) -> None:
        match event:
            case StatusChanged(status, None):
                self._status(status)
            case Scheduled(take, bar, seconds, slipped):
                late = f", {slipped} bars late" if slipped else ""
                self.say(f"take {take} starts on bar {bar}, in {seconds:.1f} s{late}")
            case Filling(take, seconds):
                self.say(f"take {take} starts when enough of it is made, in {seconds:.0f} s")
            case LatencyChanged(worse=worse, text=text):
                self.say(f"latency: {text}", style="yellow" if worse else "")
            case TakeSaved(take, path, seconds):
                self.say(f"take {take}, {seconds:.1f} s: {path}")
            case Problem(code, text):
                self.say(f"{code}: {text}", style="yellow")
            case _:
                pass

    def say(self, text: str, style: str = "") -> None:
        """Any thread."""
        stamp = datetime.now().astimezone().strftime("%H:%M:%S")
        line = f"[dim]{stamp}[/dim] {escape(one_line(text))}"
        self._console.print(line, style=style, soft_wrap=True, highlight=False)

    def _status(self, status: Status) -> None:
        before, self._shown = self._shown, status
        if status.output != before.output and status.output:
            self.say(f"playing through {status.output} at {status.output_rate} Hz")
        if status.input != before.input and status.input:
            self.say(f"listening to {status.input}")
        if status.state == "loading":
            if status.model_progress >= self._loading + LOADING_STEP:
                self._loading = status.model_progress
                self.say(f"loading {status.model}: {status.model_progress:.0%}")
            return
        self._loading = -1.0
        ready = status.state == "idle" and before.state in ("starting", "loading")
        if ready:
            licence = f", {status.licence}" if status.licence else ""
            self.say(f"ready: {status.model} on {status.device} ({status.dtype}{licence})")
            if status.dtype_why:
                self.say(f"computes in {status.dtype_why}")
        if status.clock != before.clock and before.state != "starting":
            self.say(f"{status.clock} clock leads at {status.tempo:.1f} bpm")
