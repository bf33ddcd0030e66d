"""The loopback doctor without the rest of the program: opens the devices and measures."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import TypeVar

from core.errors import AudioFailed, BadDevice
from daw_bridge.audio.messages import (
    AudioEvent,
    AudioProblem,
    Captured,
    DeviceLost,
    InputOpened,
    OpenInput,
    OpenOutput,
    OutputOpened,
    Played,
    TakeHeard,
)
from daw_bridge.audio_client import AudioClient
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.examination import examine
from daw_bridge.loopback.report import SILENT, LoopbackReport
from daw_bridge.loopback.run import AFTER, SILENT_AT_MOST, LoopbackRun

OPENS_WITHIN = 15.0  # seconds
TRIES = 3  # while nothing comes back: with JACK someone has yet to connect the ports

T = TypeVar("T")


class DirectDoctor:
    """A context that holds an audio process with both devices open.

    Entering raises BadDevice where one cannot be opened, AudioFailed where it does not answer.
    """

    def __init__(
        self,
        output: str | None,
        input: str | None,
        block_frames: int = 0,
        train: ChirpTrain | None = None,
    ) -> None:
        self._train = train or ChirpTrain()
        self._runs = 0
        self._requests = (OpenOutput(output, block_frames=block_frames), OpenInput(input))
        self._client = AudioClient()
        self._events: queue.SimpleQueue[AudioEvent] = queue.SimpleQueue()
        self._underruns = 0
        self._latency = 0.0
        self.devices = ("", "")

    def __enter__(self) -> DirectDoctor:
        self._client.start(self._events.put)
        try:
            for request in self._requests:
                self._client.send(request)
            output = self._wait(OutputOpened, OPENS_WITHIN)
            input = self._wait(InputOpened, OPENS_WITHIN)
        except BaseException:
            self._client.stop()
            raise
        self._latency = output.latency + input.latency
        self.devices = (output.device, input.device)
        return self

    def __exit__(self, *left: object) -> None:
        self._client.stop()

    def measure(self, buffer: int, again: Callable[[], None]) -> LoopbackReport:
        """Takes some six seconds, or a few times that: `again` is called before each further
        try. buffer: the parameter's value, for the report."""
        report = self._once(buffer)
        for _ in range(1, TRIES):
            if report.found or report.peak >= SILENT:
                break
            again()
            report = self._once(buffer)
        return report

    def _once(self, buffer: int) -> LoopbackReport:
        self._runs += 1
        before = self._underruns
        run = LoopbackRun(self._runs, self._runs, time.monotonic(), self._train)
        begin, blocks = run.begin()
        self._client.send(begin)
        for block in blocks:
            self._client.play(block)
        run, capture = run.heard(self._wait(TakeHeard, SILENT_AT_MOST))
        self._client.send(capture)
        told = self._wait(Captured, run.train.seconds + AFTER + SILENT_AT_MOST)
        late = self._underruns - before
        return examine(run.captured(told), run.train, self._latency, late, buffer)

    def _wait(self, kind: type[T], seconds: float) -> T:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            match event:
                case DeviceLost(text=text):
                    raise BadDevice(text)
                case AudioProblem(text=text):
                    raise AudioFailed(text)
                case Played(underruns=underruns):
                    self._underruns = underruns
            if isinstance(event, kind):
                return event
        raise AudioFailed("the sound devices did not answer; restart the sound server")
