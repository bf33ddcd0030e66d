"""The worker's two ends of the pipe, each with a thread of its own.

So the feeder never waits for the application: not for a message that is half written, not
for an application that does not read. The threads only pickle; both end with the process.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from daw_bridge.audio import exit_codes
from daw_bridge.audio.messages import AudioEvent, Levels, Played, Quit

FULL = 200  # events unread; then what the next one repeats anyway is left out
CLOSE_WITHIN = 2.0  # seconds the feeder has to end after the parent is gone


class Channel:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[AudioEvent | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="audio-events", daemon=True)
        self._writer.start()
        threading.Thread(target=self._read, name="audio-requests", daemon=True).start()

    def get(self, timeout: float) -> Any | None:
        """The next request or PcmBlock, None if none came in time. Feeder thread only."""
        try:
            return self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait()
        except queue.Empty:
            return None

    def post(self, event: AudioEvent) -> None:
        """Send an event, without waiting. Any thread."""
        if isinstance(event, Levels | Played) and self._outbox.qsize() > FULL:
            return
        self._outbox.put(event)

    def flush(self, timeout: float = 0.5) -> None:
        """Wait until what was posted is written. The last call. Feeder thread only."""
        self._outbox.put(None)
        self._writer.join(timeout)

    def _read(self) -> None:
        try:
            while True:
                self._inbox.put(self._connection.recv())
        except (EOFError, OSError):  # the parent is gone, however it went
            self._inbox.put(Quit())
            time.sleep(CLOSE_WITHIN)
            os._exit(exit_codes.EOF_TIMEOUT)

    def _write(self) -> None:
        try:
            while (event := self._outbox.get()) is not None:
                self._connection.send(event)
        except OSError:
            pass  # the reader sees the same and ends the process
