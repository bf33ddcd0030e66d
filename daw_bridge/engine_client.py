"""Starts, feeds and watches the engine process (`Engine` of `daw_bridge.ports`).

A CUDA fault, a lack of memory or a kill ends that process; the application goes on. The client
starts another, loads the model again and lets the take in flight continue from its tokens: the
sound goes on with the sample after the last one delivered. Nothing of torch is imported here:
what runs in the child is an argument, named by the composition root.
"""

from __future__ import annotations

import logging
import pickle
import signal
import threading
import time
from multiprocessing.connection import wait

from core.generation.messages import (
    DEVICE_FAULT,
    EngineEvent,
    EngineProblem,
    EngineRequest,
    LoadModel,
    Quit,
    TakeTokens,
)
from daw_bridge.child_process import ChildMain, ChildProcess
from daw_bridge.engine_ledger import Ledger
from daw_bridge.ports import EngineListener

log = logging.getLogger(__name__)

QUIT_WITHIN = 2.0  # seconds
BACK_OFF = (0.0, 0.5, 2.0, 5.0)  # before the next start, by deaths in a row; then it is given up
FAULTS_BORNE = 2  # of the device, each within a minute; then the model runs on the CPU
LIVED_LONG = 60.0  # seconds after which a death counts as the first again


class _EngineProcess(ChildProcess):
    def events(self) -> list[EngineEvent] | None:
        """Supervisor thread. What has come, after waiting for it; None when the child is dead."""
        found: list[EngineEvent] = []
        try:
            wait([self.connection, self.process.sentinel])
            while self.connection.poll(0):
                found.append(self.connection.recv())
                if len(found) >= 16:  # do not let the first of many wait
                    break
            return found or None  # the sentinel alone: all was read before
        except (EOFError, OSError, pickle.UnpicklingError):
            return found or None  # what it said last counts


class EngineClient:
    """`Engine` over a child process.

    main: what runs in the child, `core.generation.worker.run_engine`; another one in tests.
    back_off: seconds before each further start after deaths in a row without any progress.
    """

    def __init__(self, main: ChildMain, back_off: tuple[float, ...] = BACK_OFF) -> None:
        self._main, self._back_off = main, back_off
        self._ledger = Ledger()
        self._lock = threading.Lock()  # ledger and link: what is sent is noted, in one order
        self._link: _EngineProcess | None = None
        self._stopping = threading.Event()
        self._wanted = threading.Event()  # set: there is reason to (re)start the process
        self._supervisor: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Any thread. Of the running process, None while there is none."""
        with self._lock:
            return self._link.process.pid if self._link else None

    def start(self, listener: EngineListener) -> None:
        """Start the process. `listener` is called on the supervisor thread, never with a lock."""
        if self._supervisor is None:
            self._wanted.set()
            self._supervisor = threading.Thread(
                target=self._supervise, args=(listener,), name="engine-supervisor", daemon=True
            )
            self._supervisor.start()

    def send(self, request: EngineRequest) -> None:
        """Any thread; does not wait. While the process restarts, requests are kept in order."""
        with self._lock:
            self._ledger.request(request)
            if self._link:
                self._link.put(request)
        if isinstance(request, LoadModel):
            self._wanted.set()

    def stop(self) -> None:
        """Ask the process to quit, kill it after two seconds. Any thread but the listener's."""
        self._stopping.set()
        self._wanted.set()
        with self._lock:
            if self._link:
                self._link.put(Quit())
        if self._supervisor is not None:
            self._supervisor.join(QUIT_WITHIN)
            if self._supervisor.is_alive():  # busy in a long step: no more asking
                with self._lock:
                    if self._link and self._link.process.is_alive():
                        self._link.process.kill()
                self._supervisor.join()

    # ------------------------------------------------------------------ supervisor thread

    def _supervise(self, tell: EngineListener) -> None:
        deaths = faults = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            code, progress = self._live(tell)
            if self._stopping.is_set():
                break
            lived_long = time.monotonic() - begun > LIVED_LONG
            deaths = 1 if progress or lived_long else deaths + 1
            faults = (0 if lived_long else faults) + (code == DEVICE_FAULT)
            if faults >= FAULTS_BORNE:
                with self._lock:
                    self._ledger.leave_device()
            log.info("the engine process ended (%s), %d in a row", code, deaths)
            self._bury(tell, code, gives_up=deaths > len(self._back_off))
            if deaths > len(self._back_off):
                self._wanted.wait()  # until the user loads a model
                deaths = 0
            else:
                self._stopping.wait(self._back_off[deaths - 1])

    def _live(self, tell: EngineListener) -> tuple[int | None, bool]:
        """One process from start to end: its exit code, and whether a take got on meanwhile."""
        link = _EngineProcess(self._main, "engine")
        with self._lock:
            self._link = link
            for request in self._ledger.replay():
                link.put(request)
            if self._stopping.is_set():
                link.put(Quit())
        progress = False
        while (events := link.events()) is not None:
            for event in events:
                progress |= isinstance(event, TakeTokens)
                with self._lock:
                    news = self._ledger.event(event)
                if news is not None:
                    tell(news)
        with self._lock:
            self._link = None
        return link.close(QUIT_WITHIN if self._stopping.is_set() else 0.0), progress

    def _bury(self, tell: EngineListener, code: int | None, gives_up: bool) -> None:
        """Say what became of the process and of its takes."""
        with self._lock:
            losses = self._ledger.losses()
            takes = list(self._ledger.flights)
            ended = self._ledger.give_up() if gives_up else []
            if gives_up:
                self._wanted.clear()
        for loss in losses:
            tell(loss)
        cause = _cause(code)
        if not gives_up:
            text = f"the engine process ended ({cause}); it is being started again"
            tell(EngineProblem(takes[-1] if takes else None, "engine", text))
            return
        text = f"the engine process keeps ending ({cause}); load a smaller model or another device"
        for take in ended:
            tell(EngineProblem(take, "failure", text))
        tell(EngineProblem(None, "failure", text))


def _cause(code: int | None) -> str:
    """An exit code in words."""
    if code == DEVICE_FAULT:
        return "the GPU failed"
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
