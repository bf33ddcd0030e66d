"""A process that gets only a share of the time: stopped and let go, twenty times a second."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from tests.real.serving import Program

PERIOD = 0.05  # seconds


def engine_of(program: Program) -> int:
    """The one of its processes that has loaded torch."""
    for told in Path(f"/proc/{program.pid}/task").glob("*/children"):  # of each of its threads
        for pid in told.read_text().split():
            if "libtorch_cpu" in Path(f"/proc/{pid}/maps").read_text():
                return int(pid)
    raise AssertionError("no engine process")


class Throttle:
    """A context. share: of the time that the process may run, 1 is all of it."""

    def __init__(self, pid: int) -> None:
        self.share = 1.0
        self._pid, self._ended = pid, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Throttle:
        self._thread.start()
        return self

    def __exit__(self, *left: object) -> None:
        self._ended.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._ended.is_set():
            share = self.share
            time.sleep(PERIOD * share)
            if share < 1:
                os.kill(self._pid, signal.SIGSTOP)
                time.sleep(PERIOD * (1 - share))
                os.kill(self._pid, signal.SIGCONT)
