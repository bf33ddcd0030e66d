"""Between the controller's thread and Qt's: events come in as queued signals.

`_receive` runs on the controller's thread and only appends; Qt's thread drains. Meters and
progress are throttled to 20 a second, the latest wins; everything else keeps its order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol, assert_never

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from daw_bridge.commands import Command
from daw_bridge.events import (
    Accepted,
    AdaptersChanged,
    AlternativesReady,
    ClockTold,
    ControllerMapped,
    CurrentTake,
    Event,
    Filling,
    FirstAudio,
    LatencyChanged,
    LoopbackMeasured,
    LoopMade,
    MelodyChanged,
    MeterLevels,
    ParameterChanged,
    Playhead,
    Pong,
    Problem,
    PromptChanged,
    Scheduled,
    StatusChanged,
    StyleChanged,
    TakeDeleted,
    TakeProgress,
    TakeSaved,
    TakesTold,
    TakeTold,
    TakeWaveform,
    TreeChanged,
)

THROTTLE_MS = 50

Submit = Callable[[Command], None]


class ControllerDoor(Protocol):
    """What the panel needs of the controller."""

    def submit(self, command: Command) -> object:
        """Any thread; only enqueues."""
        ...

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """The callback runs on the controller's thread. Returns the way out."""
        ...


class BridgeAdapter(QObject):
    """One signal an event. All of them are emitted on the thread that made the adapter."""

    status_changed = pyqtSignal(object)
    accepted = pyqtSignal(object)
    scheduled = pyqtSignal(object)
    first_audio = pyqtSignal(object)
    take_progress = pyqtSignal(object)
    take_waveform = pyqtSignal(object)
    take_saved = pyqtSignal(object)
    parameter_changed = pyqtSignal(object)
    prompt_changed = pyqtSignal(object)
    meters = pyqtSignal(object)
    problem = pyqtSignal(object)
    latency_changed = pyqtSignal(object)
    filling = pyqtSignal(object)
    alternatives_ready = pyqtSignal(object)
    loop_made = pyqtSignal(object)
    tree_changed = pyqtSignal(object)
    take_deleted = pyqtSignal(object)
    playhead = pyqtSignal(object)
    clock_told = pyqtSignal(object)
    controller_mapped = pyqtSignal(object)
    loopback_measured = pyqtSignal(object)
    melody_changed = pyqtSignal(object)
    style_changed = pyqtSignal(object)

    _wake = pyqtSignal()

    def __init__(self, controller: ControllerDoor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._lock = threading.Lock()
        self._queue: deque[Event] = deque()  # guarded by _lock, as are the next four
        self._levels: MeterLevels | None = None
        self._progress: TakeProgress | None = None
        self._woken = False
        self._closed = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(THROTTLE_MS)
        self._pause.timeout.connect(self._deliver_throttled)
        queued = Qt.ConnectionType.QueuedConnection  # we hold the lock while emitting
        self._wake.connect(self._drain, queued)  # pyright: ignore - the stub forgot the type
        self._unsubscribe = controller.subscribe(self._receive)

    def submit(self, command: Command) -> None:
        """Enqueue a command."""
        self._controller.submit(command)

    def close(self) -> None:
        """No event comes out after this. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.clear()
        self._pause.stop()
        self._unsubscribe()

    def _receive(self, event: Event) -> None:
        """Any thread."""
        with self._lock:
            if self._closed:
                return
            match event:
                case MeterLevels():
                    self._levels = event
                case TakeProgress():
                    self._progress = event
                case _:
                    self._queue.append(event)
            if self._woken:
                return
            self._woken = True
            self._wake.emit()  # queued: returns at once

    def _drain(self) -> None:
        """Qt's thread: what came since, in order; throttled values if their pause is over."""
        with self._lock:
            events = list(self._queue)
            self._queue.clear()
            self._woken = False
        for event in events:
            if self._closed:
                return
            self._deliver(event)
        if not self._pause.isActive():
            self._deliver_throttled()

    def _deliver_throttled(self) -> None:
        with self._lock:
            levels, self._levels = self._levels, None
            progress, self._progress = self._progress, None
            closed = self._closed
        if closed or (levels is None and progress is None):
            return
        self._pause.start()
        for event in (levels, progress):
            if event is not None:
                self._deliver(event)

    def _deliver(self, event: Event) -> None:
        match event:
            case StatusChanged():
                self.status_changed.emit(event.status)
            case Accepted():
                self.accepted.emit(event)
            case Scheduled():
                self.scheduled.emit(event)
            case FirstAudio():
                self.first_audio.emit(event)
            case TakeProgress():
                self.take_progress.emit(event)
            case TakeWaveform():
                self.take_waveform.emit(event)
            case TakeSaved():
                self.take_saved.emit(event)
            case ParameterChanged():
                self.parameter_changed.emit(event)
            case PromptChanged():
                self.prompt_changed.emit(event)
            case MeterLevels():
                self.meters.emit(event)
            case Problem():
                self.problem.emit(event)
            case LatencyChanged():
                self.latency_changed.emit(event)
            case Filling():
                self.filling.emit(event)
            case AlternativesReady():
                self.alternatives_ready.emit(event)
            case LoopMade():
                self.loop_made.emit(event)
            case TreeChanged():
                self.tree_changed.emit(event)
            case Playhead():
                self.playhead.emit(event)
            case TakeDeleted():
                self.take_deleted.emit(event)
            case ClockTold():
                self.clock_told.emit(event)
            case ControllerMapped():
                self.controller_mapped.emit(event)
            case LoopbackMeasured():
                self.loopback_measured.emit(event)
            case MelodyChanged():
                self.melody_changed.emit(event)
            case StyleChanged():
                self.style_changed.emit(event)
            case Pong() | AdaptersChanged() | CurrentTake() | TakeTold() | TakesTold():
                pass  # an answer to somebody else's question; not shown yet
            case _:
                assert_never(event)
