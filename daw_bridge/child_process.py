"""A child process and its pipe, as the engine's and the audio process's clients hold it."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

ChildMain = Callable[[Connection], None]  # picklable by name: a function of a module


class ChildProcess:
    """One process and its pipe. Writing has a thread of its own, so senders never wait."""

    def __init__(self, main: ChildMain, name: str) -> None:
        """Start it. name: 'audio' or 'engine', for lists of processes and threads."""
        context = multiprocessing.get_context("spawn")
        self.connection, childs_end = context.Pipe(duplex=True)
        self.process: SpawnProcess = context.Process(
            target=main, args=(childs_end,), name=f"daw-bridge-{name}", daemon=True
        )
        self.process.start()
        childs_end.close()  # so that the pipe ends with the child
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name=f"{name}-pipe", daemon=True)
        self._writer.start()

    def put(self, message: object) -> None:
        """Any thread. `message` is picklable and not None."""
        self._outbox.put(message)

    def close(self, patience: float) -> int | None:
        """Supervisor thread. End the process, by force after `patience`; its exit code."""
        self.process.join(patience)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self._outbox.put(None)
        self._writer.join(1.0)
        self.connection.close()
        code = self.process.exitcode
        self.process.close()
        return code

    def _write(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                self.connection.send(message)
        except OSError:
            pass  # the child is gone; the supervisor sees it too
