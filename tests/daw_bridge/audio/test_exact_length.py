"""Takes that end to the frame, and that are joined to the frame, at the device's own rate."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.messages import PcmBlock
from core.types import MODEL_RATE, seconds_of_bars
from daw_bridge.audio.feeder import Feeder
from daw_bridge.audio.ledger import Ledger
from daw_bridge.audio.messages import BeginTake, EndTake, TakeEnded
from tests.daw_bridge.audio.test_feeder import BLOCK, HandOutput, Stage

LEAD = 5 * 640  # samples of the parent's own end that a take which follows it begins with


class Device(Stage):
    """A stage at any rate."""

    def __init__(self, rate: int) -> None:
        self.now, self.events, self.rate = 1000.0, [], rate
        self.output = HandOutput()
        self.output.rate = rate
        self.feeder = Feeder(self.output, self.events.append, 1.0, 0.25, lambda: self.now)
        self.feeder.poll()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * self.rate / BLOCK)):
            self.now += BLOCK / self.rate
            self.output.callback()
            self.feeder.poll()

    def give(self, take: int, first: int, pcm: np.ndarray) -> None:
        """A whole take, whose end is a frame of the codec's, in blocks."""
        for at in range(0, len(pcm), 6_400):
            block = pcm[at : at + 6_400].astype(np.float32)[:, None]
            last = at + 6_400 >= len(pcm)
            self.feeder.receive(PcmBlock(take, take, first + at, block, last))

    def span(self) -> tuple[int, int]:
        """First and one past the last frame that is not silent."""
        loud = np.flatnonzero(self.heard)
        return int(loud[0]), int(loud[-1]) + 1


def music(samples: int) -> np.ndarray:
    """Never silent, with a spectrum up to 9 kHz."""
    at = np.arange(samples) / MODEL_RATE
    parts = [0.2 / k * np.cos(2 * np.pi * (97 * k * k) * at + k) for k in range(1, 10)]
    return np.sum(parts, axis=0) + 0.3


def frames_of_codec(seconds: float) -> int:
    return -(-round(seconds * MODEL_RATE) // 640)


@pytest.mark.parametrize(
    ("rate", "expected"), [(48_000, 409_600), (44_100, 376_320), (32_000, 273_067)]
)
def test_four_bars_at_112_and_a_half_bpm(rate: int, expected: int) -> None:
    length = seconds_of_bars(4, 4, 112.5)
    stage = Device(rate)
    stage.feeder.begin(BeginTake(1, 1, length=length))
    stage.give(1, 0, music(frames_of_codec(length) * 640))
    stage.run(length + 0.3)
    start, stop = stage.span()
    assert stop - start in (expected, expected - 1)  # of the fades either end may be exactly 0
    assert stage.of(TakeEnded) == [TakeEnded(1, 273_067, completed=True)]
    assert stage.feeder.underruns == 0


@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from([48_000, 44_100, 96_000]),
    tempo=st.floats(100, 300),
    bars=st.integers(1, 2),
    late=st.floats(0.0, 0.1),
)
def test_a_take_that_follows_another_is_one_longer_take(
    rate: int, tempo: float, bars: int, late: float
) -> None:
    """To the sample, with nothing to be heard of the join, wherever in a frame it falls."""
    length = seconds_of_bars(bars, 3, tempo)
    frames, samples = frames_of_codec(length), round(length * MODEL_RATE)
    lead = frames * 640 - samples
    whole = music((2 * frames + 2) * 640)
    stage = Device(rate)
    stage.feeder.begin(BeginTake(1, 1, length=length))
    stage.give(1, 0, whole[: frames * 640])
    stage.run(length - 0.35 + late)
    stage.feeder.begin(
        BeginTake(2, 2, follows=1, at=frames * 640, sample=0, first=-lead, length=length)
    )
    stage.give(2, -LEAD, whole[frames * 640 - LEAD :])
    stage.run(length + 0.8)
    start, stop = stage.span()
    expected = round(length * rate) * 2
    assert stop - start in (expected, expected - 1, expected - 2)
    assert [e.take for e in stage.of(TakeEnded)] == [1, 2]
    assert stage.of(TakeEnded)[1] == TakeEnded(2, -lead + samples, completed=True)
    heard = stage.heard[start : start + expected]
    converted = soxr.resample(whole, MODEL_RATE, rate, quality="HQ")[:expected]
    inside = slice(round(0.005 * rate), expected - round(0.006 * rate))
    errors = [np.abs(heard[inside] - np.roll(converted, by)[inside]).max() for by in (0, -1)]
    assert min(errors) < 2e-4


def test_a_take_that_comes_too_late_for_the_join_keeps_the_beat() -> None:
    whole = music(200 * 640)
    stage = Device(48_000)
    stage.feeder.begin(BeginTake(1, 1, length=1.0))
    stage.give(1, 0, whole[: 50 * 640])
    stage.run(1.01)  # its end is written already, not yet heard
    stage.feeder.begin(BeginTake(2, 2, follows=1, at=50 * 640, sample=0, length=1.0))
    stage.give(2, -LEAD, whole[50 * 640 - LEAD : 100 * 640])
    stage.run(1.5)
    start, stop = stage.span()
    assert abs(stop - start - 96_000) < 1_200


def test_without_the_take_that_it_follows_the_lead_is_not_heard() -> None:
    whole = music(100 * 640)
    stage = Device(48_000)
    stage.run(0.5)
    due = len(stage.heard) + 24_000
    stage.feeder.begin(
        BeginTake(2, 2, 0.5, stage.now, follows=1, at=640, sample=0, first=-100, length=1.0)
    )
    stage.give(2, -LEAD, whole)
    stage.run(2.0)
    start, stop = stage.span()
    assert abs(start - due) <= BLOCK + 2
    assert abs(stop - start - 48_000) <= 1


def test_a_stop_before_the_join_ends_the_take_that_sounds() -> None:
    whole = music(200 * 640)
    stage = Device(48_000)
    stage.feeder.begin(BeginTake(1, 1, length=2.0))
    stage.give(1, 0, whole[: 100 * 640])
    stage.run(1.5)
    stage.feeder.begin(BeginTake(2, 2, follows=1, at=100 * 640, sample=0, length=1.0))
    stage.give(2, -LEAD, whole[100 * 640 - LEAD :])
    stage.run(0.1)
    stage.feeder.end(EndTake(2))
    stage.run(0.2)
    assert not stage.feeder.busy
    assert stage.span()[1] < 1.7 * 48_000


def test_a_fresh_process_is_given_the_lead_of_a_take_that_was_not_heard() -> None:
    ledger = Ledger(lambda: 10.0)
    ledger.request(BeginTake(1, 1))
    ledger.request(BeginTake(2, 2, follows=1, at=640, sample=0, first=-100, length=2.0))
    block = PcmBlock(2, 2, -LEAD, np.zeros((2 * LEAD, 1), np.float32))
    assert ledger.block(block)
    ledger.process_ended()
    assert block in ledger.replay()
    ledger.request(EndTake(2, 1.0, 9.5))
    assert sum(isinstance(m, EndTake) for m in ledger.replay()) == 2
