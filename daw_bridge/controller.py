"""The controller: the one thread that owns the session.

Commands, engine events, audio events and outcomes of disk work all enter one queue and are
applied in order; what `session.apply` asks for is then sent out, in order. That audio passes
through the same queue keeps every block behind the BeginTake that announces it. A turn takes
well under a millisecond, and slow work is on the disk thread.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from core.generation import messages as engine_messages
from daw_bridge.audio import messages as audio_messages
from daw_bridge.commands import Command, Origin, UseAdapter
from daw_bridge.disk import DiskWorker
from daw_bridge.disk_messages import DiskRequest
from daw_bridge.events import Event, LatencyChanged
from daw_bridge.ports import AudioSink, Engine
from daw_bridge.presets import Preset
from daw_bridge.session import apply
from daw_bridge.session_io import PlayBlock, SessionInput, SessionOutput, Tick
from daw_bridge.session_loopback import open_output
from daw_bridge.session_state import SessionState
from daw_bridge.settings import SettingsFile
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_tree import TakeTree
from daw_bridge.takes import TakeLibrary
from daw_bridge.transport import Transport

log = logging.getLogger(__name__)

TICK = 0.05  # seconds
Subscriber = Callable[[Event], None]
Unsubscribe = Callable[[], None]


class Controller:
    """Applies commands in order; tells subscribers what happens."""

    def __init__(
        self,
        engine: Engine,
        audio: AudioSink,
        takes: TakeLibrary,
        settings: SettingsFile,
        presets: tuple[Preset, ...] = (),
        *,
        compute: str = "auto",
        dtype: str = "auto",
    ) -> None:
        """compute, dtype: what models are loaded onto, and how: 'auto' leaves it to the engine."""
        self._engine, self._audio, self.takes = engine, audio, takes
        self._disk = DiskWorker(takes, settings, self._enter)
        self._queue: queue.SimpleQueue[tuple[SessionInput | None, float]] = queue.SimpleQueue()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._lock = threading.Lock()  # guards _subscribers against two that subscribe at once
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        kept = settings.settings
        defaults = SessionState()
        values = {**defaults.values, **kept.values}
        transport = Transport().set_by_hand(values["tempo"], time.monotonic())
        transport = transport.following(int(values["clock"]))
        self._state = replace(
            defaults,
            prompt=kept.prompt,
            values=MappingProxyType(values),
            controllers=MappingProxyType(dict(kept.controllers)),
            presets=presets,
            transport=replace(transport, chosen=values["tempo"] != defaults.values["tempo"]),
            compute=compute,
            dtype=dtype,
            entropy=secrets.randbits(64),
            next_take=takes.claim_numbers(),
            tree=TakeTree.of(takes.records(), takes.current),
        )

    # ------------------------------------------------------------------ any thread

    def start(
        self,
        *,
        model: str = "starter",
        output: str | None = None,
        input: str | None = "none",
        adapters: tuple[tuple[str, float], ...] = (),
        oscquery: int = 0,
    ) -> None:
        """Start disk, audio, engine and the controller's own thread; open and load what is named.

        These choices hold for this run: what a person chooses later is what is remembered.
        """
        self._state = replace(self._state, oscquery=oscquery, output_wanted=output)
        self._disk.start()
        self._thread.start()
        self._audio.start(self._enter)
        self._engine.start(self._enter)
        self._audio.send(audio_messages.SetGain(self._state.values["gain"]))
        self._audio.send(open_output(self._state, output))
        if input != "none":
            self._audio.send(audio_messages.OpenInput(input))
        self._enter(engine_messages.ModelLoading(model, 0.0, "starting"))
        self._engine.send(engine_messages.LoadModel(model, self._state.compute, self._state.dtype))
        for adapter, weight in adapters:
            self.submit(UseAdapter(adapter, weight, Origin(source="cli")))

    def stop(self) -> tuple[str, ...]:
        """Sound first, then the engine; takes in flight are kept. Idempotent.

        Lines that say where takes are that found no room in their folder.
        """
        if not self._thread.is_alive():
            return ()
        self._audio.stop()
        self._engine.stop()
        for flight in self._state.flights:  # what was made until now is a take, if a shorter one
            self._enter(engine_messages.TakeDone(flight.take, flight.generated, cancelled=True))
        self._queue.put((None, time.monotonic()))
        self._thread.join(timeout=10)
        return self._disk.stop()

    def submit(self, command: Command) -> None:
        """Apply `command` soon. Its time is now: first audio is measured from here."""
        self._queue.put((command, time.monotonic()))

    def subscribe(self, callback: Subscriber) -> Unsubscribe:
        """Call `callback` with every event, on the controller's thread: it must be quick."""
        with self._lock:
            self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(s for s in self._subscribers if s is not callback)

        return unsubscribe

    @property
    def state(self) -> SessionState:
        """The session as it is: frozen, so any thread may look."""
        return self._state

    def records(self) -> tuple[TakeRecord, ...]:
        """All takes on disk, oldest first."""
        return self.takes.records()

    # ------------------------------------------------------------------ its thread

    def _enter(self, item: SessionInput) -> None:
        self._queue.put((item, time.monotonic()))

    def _run(self) -> None:
        due = time.monotonic() + TICK
        while True:
            try:
                item, at = self._queue.get(timeout=max(0.0, due - time.monotonic()))
                if item is None:
                    return
                self._apply(item, at)
            except queue.Empty:
                pass
            if time.monotonic() >= due:
                self._apply(Tick(), time.monotonic())
                due = time.monotonic() + TICK

    def _apply(self, item: SessionInput, at: float) -> None:
        try:
            self._state, outputs = apply(self._state, item, at)
        except Exception:
            log.exception("a turn of the session failed on %s", type(item).__name__)
            return
        for output in outputs:
            try:
                self._send(output)
            except Exception:
                log.exception("%s could not be sent", type(output).__name__)

    def _send(self, output: SessionOutput) -> None:
        if isinstance(output, PlayBlock):
            self._audio.play(output.block)
        elif isinstance(output, engine_messages.EngineRequest):
            self._engine.send(output)
        elif isinstance(output, audio_messages.AudioRequest):
            self._audio.send(output)
        elif isinstance(output, DiskRequest):
            self._disk.do(output)
        else:
            if isinstance(output, LatencyChanged):
                log.info("latency: %s", output.text)
            for subscriber in self._subscribers:
                try:
                    subscriber(output)
                except Exception:
                    log.exception("a subscriber failed on %s", type(output).__name__)
