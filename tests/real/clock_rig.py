"""For tests of clocks: the sender's own grid from JACK's frames, and a session that follows."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Iterator

from daw_bridge.commands import Command
from daw_bridge.session import apply
from daw_bridge.session_state import SessionState
from daw_bridge.transport import Transport


class Follower:
    """A session that hears clocks alone, and remembers each thing it was told and when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.state = SessionState()
        self.history: list[tuple[float, Transport]] = [(0.0, self.state.transport)]
        self.told: list[object] = []

    def submit(self, command: Command) -> None:
        with self._lock:
            now = time.monotonic()
            self.state, outputs = apply(self.state, command, now)
            self.told += outputs
            self.history.append((now, self.state.transport))

    def at(self, when: float) -> Transport:
        """The transport as it was known at `when`."""
        return next(t for at, t in reversed(self.history) if at <= when)

    def of(self, kind: type) -> list:
        return [event for event in list(self.told) if isinstance(event, kind)]


CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """This thread, and what it starts, in a network of their own with a loopback that
    multicasts: Link finds nobody else. Where that is not allowed, in the machine's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        moved = libc.unshare(CLONE_NEWNET) == 0
        if moved:
            for words in ("link set lo up multicast on", "route add 224.0.0.0/4 dev lo"):
                subprocess.run(["ip", *words.split()], check=True, timeout=5)
        yield
        if moved:
            assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(before)
