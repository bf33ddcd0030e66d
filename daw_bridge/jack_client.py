"""Starts and watches the JACK process, and hands on what it hears. libjack is not loaded here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.connection import Connection

from daw_bridge.child_process import ChildMain, ChildProcess
from daw_bridge.commands import Command
from daw_bridge.jack_messages import (
    Follow,
    InGraph,
    JackLostTime,
    JackMidi,
    JackPosition,
    JackReport,
    Leave,
    NoJack,
    NoServer,
)
from daw_bridge.jack_transport import JackTransport

QUIT_WITHIN = 1.0
AGAIN_AFTER = 1.0  # seconds after the process ended: jackd itself needs some to come back


def run_jack(connection: Connection) -> None:
    """The child's main function. libjack is loaded here, in the child, and only here."""
    from daw_bridge.jack_worker import run_jack as run

    run(connection)


def jack_is_installed() -> bool:
    """Whether JACK-Client is; whether libjack is, the process finds out."""
    return find_spec("jack") is not None


class JackClient:
    """MIDI and transport of the JACK graph, for as long as there is one."""

    def __init__(
        self,
        submit: Callable[[Command], None],
        hear_midi: Callable[[list[int], float], None],
        lost_time: Callable[[float], None],
        changed: Callable[[str | None, bool], None],
        wanted: str | None = None,
        main: ChildMain = run_jack,
    ) -> None:
        """submit: takes what the transport says. hear_midi: bytes and time.monotonic().
        lost_time: seconds by which all stamps before would now be later.
        changed: the MIDI port's name, None while there is none, and whether one was lost.
        All are called on one thread."""
        self._submit, self._hear_midi, self._changed = submit, hear_midi, changed
        self._lost_time = lost_time
        self._wanted, self._main = wanted, main
        self._transport = JackTransport()
        self._stopping = threading.Event()
        self._link: ChildProcess | None = None
        self._thread = threading.Thread(target=self._supervise, name="jack", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Leave the graph; by force after a second. Idempotent."""
        self._stopping.set()
        if self._link is not None:
            self._link.put(Leave())
        if self._thread.is_alive():
            self._thread.join(QUIT_WITHIN + 1.0)

    @property
    def process_id(self) -> int | None:
        """Of the JACK process, for logs and tests."""
        link = self._link
        return link.process.pid if link else None

    # ------------------------------------------------------------------ its thread

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            self._link = link = ChildProcess(self._main, "jack")
            link.put(Follow(self._wanted))
            if self._stopping.is_set():
                link.put(Leave())
            in_graph, useless = self._listen(link.connection)
            self._link = None
            link.close(QUIT_WITHIN)
            for command in self._transport.gone():
                self._submit(command)
            if useless:
                return
            if in_graph and not self._stopping.is_set():
                self._changed(None, True)
            self._stopping.wait(AGAIN_AFTER)

    def _listen(self, connection: Connection) -> tuple[bool, bool]:
        """Until the process ends: whether it was in a graph, and whether it never can be."""
        in_graph = False
        while True:
            try:
                report: JackReport = connection.recv()
            except (EOFError, OSError):
                return in_graph, False
            match report:
                case JackMidi(data, at):
                    self._hear_midi(list(data), at)
                case JackLostTime(seconds):
                    self._lost_time(seconds)
                case JackPosition():
                    for command in self._transport.heard(report):
                        self._submit(command)
                case InGraph(port):
                    in_graph = True
                    self._changed(port, False)
                case NoServer():
                    self._changed(None, False)
                case NoJack():
                    self._changed(None, False)
                    return False, True
