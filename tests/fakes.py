"""Hand-written stand-ins for the two processes. They answer as the real ones promise to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from core.generation import messages as engine
from core.generation.messages import EngineRequest, PcmBlock
from daw_bridge.audio import messages as audio
from daw_bridge.audio.messages import AudioRequest
from daw_bridge.events import Event
from daw_bridge.ports import AudioListener, EngineListener

BLOCK_FRAMES = 25


def codes_of(frames: int, first: int = 0, codebooks: int = 4) -> engine.Codes:
    """Tokens that tell which frame they are."""
    return np.tile(np.arange(first, first + frames) % 2048, (codebooks, 1)).astype(np.int64)


def pcm_of(frames: int, level: float = 0.5) -> engine.Pcm:
    wave = np.sin(np.arange(frames * 640) * (2 * np.pi * 220 / 32_000))
    return (level * wave).astype(np.float32)[:, None]


def loaded(model: str = "starter") -> engine.ModelLoaded:
    return engine.ModelLoaded(
        model=model,
        name=f"fake {model}",
        device="cpu",
        dtype="float32",
        codebooks=4,
        channels=1,
        licence="GPL-3.0-or-later",
        digest="0123456789abcdef",
        window_frames=1500,
    )


class FakeEngine:
    """Makes a sine, `speed` times faster than it plays, within its credits."""

    def __init__(self, speed: float = 200.0) -> None:
        self.requests: list[EngineRequest] = []
        self._speed = speed
        self._credits: dict[int, int] = {}
        self._cancelled: set[int] = set()
        self._stopping = threading.Event()
        self._listener: EngineListener = lambda event: None
        self._threads: list[threading.Thread] = []

    def start(self, listener: EngineListener) -> None:
        self._listener = listener

    def send(self, request: EngineRequest) -> None:
        self.requests.append(request)
        match request:
            case engine.LoadModel(model):
                self._listener(engine.ModelLoading(model, 0.5, "reading weights"))
                self._listener(loaded(model))
            case engine.Credit(take, frames):
                self._credits[take] = frames
            case engine.CancelTake(take):
                self._cancelled.add(take)
            case engine.StartTake():
                thread = threading.Thread(target=self._make, args=(request,), daemon=True)
                thread.start()  # first: stop() may come between, and joins what is listed
                self._threads.append(thread)
            case _:
                pass

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2)

    def of(self, kind: type) -> list[EngineRequest]:
        return [r for r in self.requests if isinstance(r, kind)]

    def _make(self, asked: engine.StartTake) -> None:
        done = 0
        self._listener(engine.TakeStarted(asked.take, asked.epoch, 0))
        while not self._stopping.is_set() and asked.take not in self._cancelled:
            count = min(BLOCK_FRAMES, (asked.frames or 10**9) - done)
            if count == 0:
                break
            if done + count > self._credits.get(asked.take, 0):
                time.sleep(0.005)
                continue
            time.sleep(count / 50 / self._speed)
            tokens = codes_of(count, done)
            self._listener(
                engine.TakeTokens(asked.take, done, tokens, asked.frames, 50 * self._speed)
            )
            self._listener(PcmBlock(asked.take, asked.epoch, done * 640, pcm_of(count)))
            done += count
        cancelled = done != asked.frames
        if not cancelled:
            empty = np.zeros((0, 1), np.float32)
            self._listener(PcmBlock(asked.take, asked.epoch, done * 640, empty, last=True))
        if not self._stopping.is_set():
            self._listener(engine.TakeDone(asked.take, done, cancelled))


class FakeAudio:
    """Hears a take as soon as it is begun and has a block; plays it `speed` times too fast."""

    def __init__(self) -> None:
        self.sent: list[AudioRequest | PcmBlock] = []
        self._listener: AudioListener = lambda event: None
        self._epoch = 0
        self._heard: set[int] = set()

    def start(self, listener: AudioListener) -> None:
        self._listener = listener

    def send(self, request: AudioRequest) -> None:
        self.sent.append(request)
        match request:
            case audio.OpenOutput(device):
                self._listener(audio.OutputOpened(device or "fake", 48_000, 2, 0.01))
            case audio.OpenInput("none"):
                pass
            case audio.OpenInput(device):
                self._listener(audio.InputOpened(device or "fake input", 48_000, 2))
            case audio.BeginTake(epoch=epoch):
                self._epoch = epoch
            case audio.Capture(token, seconds):
                self._listener(audio.Captured(token, pcm_of(round(seconds * 50)), 32_000))
            case _:
                pass

    def play(self, block: PcmBlock) -> None:
        assert block.epoch <= self._epoch, "a block came before its BeginTake"
        self.sent.append(block)
        if block.take not in self._heard:
            self._heard.add(block.take)
            self._listener(audio.TakeHeard(block.take, time.monotonic() + 0.01))
        end = block.first_sample + len(block.pcm)
        self._listener(audio.Played(block.take, block.epoch, end, 0.0, 0))
        if block.last:
            self._listener(audio.TakeEnded(block.take, end, True))

    def stop(self) -> None:
        pass

    def of(self, kind: type) -> list[AudioRequest | PcmBlock]:
        return [s for s in self.sent if isinstance(s, kind)]


class Listener:
    """Collects events and waits for one of a kind."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._came = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._came:
            self.events.append(event)
            self._came.notify_all()

    def wait(
        self, kind: type, where: Callable[[Event], bool] = lambda e: True, timeout: float = 5.0
    ) -> Event:
        """The first event of that kind that fits, now or soon."""

        def found() -> Event | None:
            return next((e for e in self.events if isinstance(e, kind) and where(e)), None)

        with self._came:
            assert self._came.wait_for(lambda: found() is not None, timeout), (
                f"no {kind.__name__} in {timeout} s; there were {self.events[-8:]}"
            )
            event = found()
            assert event is not None
            return event
