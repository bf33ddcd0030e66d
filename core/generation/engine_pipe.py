"""The engine's end of the pipe to the application."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection

from core.generation.messages import EngineEvent, EngineRequest


class PipeClosed(Exception):
    """The application is gone: nobody is left to tell."""


class EnginePipe:
    """Requests in, events out. `pending` and `receive` are one thread's; any may `emit`.

    Every method raises PipeClosed once the application has closed its end.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()  # a download reports from a thread of its own

    def pending(self, timeout: float | None) -> bool:
        """Whether a request lies in the pipe, after at most `timeout` seconds; None: for ever."""
        try:
            return self._connection.poll(timeout)
        except OSError as problem:
            raise PipeClosed from problem

    def receive(self) -> EngineRequest:
        try:
            return self._connection.recv()
        except (EOFError, OSError) as problem:
            raise PipeClosed from problem

    def emit(self, event: EngineEvent) -> None:
        try:
            with self._sending:
                self._connection.send(event)
        except OSError as problem:
            raise PipeClosed from problem
