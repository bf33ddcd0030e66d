"""An engine behind its pipe, in a thread, and what is heard of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TypeVar

import numpy as np

from core.generation.messages import (
    EngineEvent,
    EngineProblem,
    EngineRequest,
    PcmBlock,
    TakeDone,
    TakeTokens,
)
from core.generation.params import Prompt, SamplingParams
from core.generation.worker import run_engine

Kind = TypeVar("Kind")
PROMPT = Prompt("slow piano")
SAMPLING = SamplingParams(seed=3)


class Remote:
    """The application's end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def send(self, *requests: EngineRequest) -> None:
        for request in requests:
            self.pipe.send(request)

    def until(self, ends: Callable[[EngineEvent], bool], seconds: float = 30) -> list[EngineEvent]:
        """Events up to and with the first for which `ends` is true."""
        heard: list[EngineEvent] = []
        deadline = time.monotonic() + seconds
        while self.pipe.poll(max(0, deadline - time.monotonic())):
            heard.append(self.pipe.recv())
            if ends(heard[-1]):
                return heard
        raise AssertionError(f"waited in vain; heard {[type(each).__name__ for each in heard]}")

    def until_done(self) -> list[EngineEvent]:
        return self.until(lambda event: isinstance(event, TakeDone | EngineProblem))

    def silent(self, seconds: float) -> bool:
        return not self.pipe.poll(seconds)


def engine_in_thread() -> tuple[Remote, threading.Thread]:
    """Started, with no model yet. It ends by `Quit`, or when the pipe is closed."""
    ours, theirs = Pipe(duplex=True)
    thread = threading.Thread(target=run_engine, args=(theirs,))
    thread.start()
    return Remote(ours), thread


def of(kind: type[Kind], events: list[EngineEvent]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def tokens_of(events: list[EngineEvent]) -> np.ndarray:
    return np.concatenate([event.codes for event in of(TakeTokens, events)], 1)


def pcm_of(events: list[EngineEvent]) -> np.ndarray:
    return np.concatenate([event.pcm for event in of(PcmBlock, events)])
