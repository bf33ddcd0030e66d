"""Requests that cannot be met yet: takes until an output is open, captures until their end is in.

Feeder thread only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.generation.messages import PcmBlock
from daw_bridge.audio.input import DeviceInput
from daw_bridge.audio.messages import (
    AudioEvent,
    AudioProblem,
    BeginTake,
    Capture,
    Captured,
    EndTake,
    FinishLoop,
    LoopGrid,
    PlayLoop,
    TakeEnded,
)

TakeRequest = PcmBlock | BeginTake | EndTake | PlayLoop | LoopGrid | FinishLoop
Post = Callable[[AudioEvent], None]
RATE_OF_NONE = 48_000  # what an empty capture says


class WaitingTakes:
    """Takes asked for while no output is open, in order."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._requests: list[TakeRequest] = []

    def add(self, request: TakeRequest) -> None:
        if isinstance(request, EndTake):
            self.end(request.take)
        elif not isinstance(request, LoopGrid):  # the next one comes soon
            self._requests.append(request)

    def end(self, take: int | None = None) -> None:
        """A take (None: every take) will not be played."""
        ended = {
            request.take: None
            for request in self._requests
            if isinstance(request, BeginTake | PlayLoop) and take in (None, request.take)
        }
        self._requests = [request for request in self._requests if request.take not in ended]
        for number in ended:
            self._post(TakeEnded(number, 0, completed=False))

    def hand_over(self) -> list[TakeRequest]:
        """All of them; none waits any more."""
        requests, self._requests = self._requests, []
        return requests


class WaitingCaptures:
    """Captures whose end is yet to come in."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._asked: list[Capture] = []

    def add(self, capture: Capture) -> None:
        self._asked.append(capture)

    def answer(self, source: DeviceInput | None) -> None:
        """Those whose end has come in, or never will. source: the input, where one is open."""
        waiting, self._asked = self._asked, []
        for asked in waiting:
            if source is None:
                text = "no input is open, so nothing was captured: choose an input device first"
                self._post(AudioProblem("bad_device", text))
                self._post(Captured(asked.token, np.zeros((0, 1), np.float32), RATE_OF_NONE))
                continue
            pcm = source.captured(asked.seconds, asked.until)
            if pcm is None:
                self._asked.append(asked)
            else:
                self._post(Captured(asked.token, pcm, source.rate))
