"""What was asked for too early is neither lost nor played twice."""

from __future__ import annotations

import numpy as np

from core.generation.messages import PcmBlock
from daw_bridge.audio.messages import (
    AudioEvent,
    AudioProblem,
    BeginTake,
    Capture,
    Captured,
    EndTake,
    TakeEnded,
)
from daw_bridge.audio.waiting import WaitingCaptures, WaitingTakes


def block(take: int) -> PcmBlock:
    return PcmBlock(take, take, 0, np.zeros((640, 1), np.float32), last=False)


def test_takes_wait_in_order_and_those_that_end_are_gone_with_their_sound() -> None:
    events: list[AudioEvent] = []
    waiting = WaitingTakes(events.append)
    kept = [BeginTake(1, 1), block(1), BeginTake(3, 3)]
    for request in (kept[0], BeginTake(2, 2), block(2), kept[1], kept[2], EndTake(2)):
        waiting.add(request)
    assert events == [TakeEnded(2, 0, completed=False)]
    assert waiting.hand_over() == kept
    assert waiting.hand_over() == []
    waiting.add(kept[0])
    waiting.end()
    assert events[1:] == [TakeEnded(1, 0, completed=False)]


def test_a_capture_without_an_input_says_so_and_is_answered_once() -> None:
    events: list[AudioEvent] = []
    waiting = WaitingCaptures(events.append)
    waiting.add(Capture(7, 2.0, 0.0))
    waiting.answer(None)
    waiting.answer(None)
    problem, answer = events
    assert isinstance(problem, AudioProblem)
    assert "choose an input" in problem.text
    assert isinstance(answer, Captured)
    assert (answer.token, len(answer.pcm)) == (7, 0)
