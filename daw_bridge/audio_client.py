"""Starts, feeds and watches the audio process (`AudioSink` of `daw_bridge.ports`).

The process is expected to die: a dead sound server leaves PortAudio beyond repair. The
client starts another at once, tells it what the `Ledger` knows, and the take goes on from
the sample last heard. Nothing of PortAudio is imported here.
"""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import Connection

from core.generation.messages import PcmBlock
from daw_bridge.audio import exit_codes
from daw_bridge.audio.ledger import Ledger
from daw_bridge.audio.messages import AudioEvent, AudioProblem, AudioRequest, Quit
from daw_bridge.child_process import ChildMain, ChildProcess
from daw_bridge.ports import AudioListener

SILENT_AT_MOST = 2.0  # seconds without a sign of life (`Levels` come 20 times a second)
OPENING_AT_MOST = 10.0  # … while it starts or looks for devices: drivers take their time
QUIT_WITHIN = 2.0
LIVED_LONG = 5.0  # seconds after which a failure counts as the first again
BACK_OFF = (0.0, 0.3, 0.5, 1.0, 2.0)  # seconds before the next start, by failures in a row


def run_audio(connection: Connection) -> None:
    """The child's main function. PortAudio is loaded here, in the child, and only here."""
    from daw_bridge.audio.worker import run_audio as run

    run(connection)


class AudioClient:
    """`AudioSink` over a child process.

    main: what runs in the child, importable by name; another one in tests.
    """

    def __init__(self, main: ChildMain = run_audio) -> None:
        self._main = main
        self._ledger = Ledger()
        self._lock = threading.Lock()  # ledger and link: what is sent is noted, in one order
        self._link: ChildProcess | None = None
        self._stopping = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._search = False  # supervisor thread: the last process lost its device

    def start(self, listener: AudioListener) -> None:
        """Start the process. `listener` is called on the supervisor thread."""
        if self._supervisor is None:
            self._supervisor = threading.Thread(
                target=self._supervise, args=(listener,), name="audio-supervisor", daemon=True
            )
            self._supervisor.start()

    def send(self, request: AudioRequest) -> None:
        """Any thread; does not wait."""
        with self._lock:
            self._ledger.request(request)
            if self._link:
                self._link.put(request)

    def play(self, block: PcmBlock) -> None:
        """Any thread, one at a time; does not wait. Stale blocks are dropped."""
        with self._lock:
            if self._ledger.block(block) and self._link:
                self._link.put(block)

    def stop(self) -> None:
        """Fade out and end the process, by force after two seconds. Any thread; idempotent."""
        self._stopping.set()
        with self._lock:
            if self._link:
                self._link.put(Quit())
        if self._supervisor and self._supervisor is not threading.current_thread():
            self._supervisor.join(QUIT_WITHIN + 2.0)

    @property
    def process_id(self) -> int | None:
        """Of the audio process, for logs and tests; None while none runs."""
        with self._lock:
            return self._link.process.pid if self._link else None

    # ------------------------------------------------------------------ supervisor thread

    def _supervise(self, listener: AudioListener) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                link = ChildProcess(self._main, "audio")
            except OSError as error:
                listener(AudioProblem("audio", f"the audio process cannot be started: {error}"))
                failures += 1
            else:
                failures = self._attend(link, listener, began, failures)
            self._stopping.wait(BACK_OFF[min(failures, len(BACK_OFF) - 1)])

    def _attend(
        self, link: ChildProcess, listener: AudioListener, began: float, failures: int
    ) -> int:
        """Serve one process until it ends. How many failures in a row that makes."""
        with self._lock:
            for message in self._ledger.replay(search=self._search):
                link.put(message)
            self._link = link
            if self._stopping.is_set():
                link.put(Quit())
        hung = not self._listen(link, listener)
        with self._lock:
            self._link = None
        code = link.close(0.0 if hung else QUIT_WITHIN)
        self._search = code != exit_codes.START_AGAIN
        if self._stopping.is_set():
            return 0
        with self._lock:
            ended = self._ledger.process_ended()
        for event in ended:
            listener(event)
        if code == exit_codes.START_AGAIN:
            return 0
        if code != exit_codes.STREAM_LOST:  # that one was told by the process itself
            why = "hangs" if hung else f"ended (exit code {code})"
            listener(AudioProblem("audio", f"the audio process {why}; starting it again"))
        return 1 if time.monotonic() - began > LIVED_LONG else failures + 1

    def _listen(self, link: ChildProcess, listener: AudioListener) -> bool:
        """Pass events on until the process ends (True) or gives no sign of life (False)."""
        last = time.monotonic()
        stop_by: float | None = None
        try:
            while True:
                if link.connection.poll(0.2):
                    event: AudioEvent = link.connection.recv()
                    last = time.monotonic()
                    with self._lock:
                        passed_on = self._ledger.event(event)
                    if passed_on is not None and not self._stopping.is_set():
                        listener(passed_on)
                    if not self._stopping.is_set():
                        continue
                now = time.monotonic()
                if self._stopping.is_set():
                    stop_by = stop_by or now + QUIT_WITHIN
                    if now > stop_by:
                        return False
                patience = SILENT_AT_MOST if self._ledger.settled else OPENING_AT_MOST
                if now - last > patience:
                    return False
        except (EOFError, OSError):
            return True
