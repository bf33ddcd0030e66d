"""The feeder against an output that is played by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.messages import PcmBlock
from daw_bridge.audio.feeder import Feeder
from daw_bridge.audio.messages import (
    BeginTake,
    EndTake,
    Played,
    SetGain,
    TakeEnded,
    TakeHeard,
)
from daw_bridge.audio.ring_buffer import RingBuffer

RATE = 32_000
BLOCK = 256


class HandOutput:
    """Takes a block whenever told to; keeps what was played."""

    name, latency, alive = "hand", 0.0, True

    def __init__(self, rate: int = RATE, block: int = BLOCK, ring_frames: int = 24_000) -> None:
        self.rate, self.block = rate, block
        self.ring = RingBuffer(ring_frames, 1)
        self.consumed = 0
        self.played: list[np.ndarray] = []

    def publish(self, now: float) -> None:
        pass

    def poll(self, now: float) -> bool:
        return False

    def callback(self) -> None:
        self.played.append(self.ring.read(self.consumed, self.block))
        self.consumed += self.block

    def close(self) -> None:
        pass


class Stage:
    """A feeder, its output, and a clock that only moves when told."""

    def __init__(self, buffer_seconds: float = 0.25) -> None:
        self.now = 1000.0
        self.events: list = []
        self.output = HandOutput()
        self.feeder = Feeder(self.output, self.events.append, 1.0, buffer_seconds, lambda: self.now)
        self.feeder.poll()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * RATE / BLOCK)):
            self.now += BLOCK / RATE
            self.output.callback()
            self.feeder.poll()

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def send(self, value: float, seconds: float, epoch: int = 1, first: int = 0,
             last: bool = False) -> None:  # fmt: skip
        pcm = np.full((round(seconds * RATE), 1), value, np.float32)
        self.feeder.receive(PcmBlock(epoch, epoch, first, pcm, last))

    @property
    def heard(self) -> np.ndarray:
        return np.concatenate(self.output.played)[:, 0]


def largest_step(audio: np.ndarray) -> float:
    return float(np.abs(np.diff(audio, prepend=0.0)).max())


def test_a_take_is_heard_within_milliseconds_though_the_ring_is_full() -> None:
    stage = Stage(buffer_seconds=0.3)
    stage.run(1.0)
    stage.feeder.begin(BeginTake(1, 1))
    sent = stage.now
    stage.send(0.5, 1.0, last=True)
    stage.run(1.5)
    (heard,) = stage.of(TakeHeard)
    assert heard.at - sent < 0.05
    assert heard.late == 0.0
    assert stage.of(TakeEnded) == [TakeEnded(1, 32_000, completed=True)]
    assert np.count_nonzero(stage.heard) == pytest.approx(32_000, abs=3)
    assert largest_step(stage.heard) < 0.01
    assert not stage.feeder.busy


def test_silence_stops_everything_within_a_block_or_two() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    stage.send(0.5, 5.0)
    stage.feeder.begin(BeginTake(2, 2, start_in=3.0))
    stage.run(1.0)
    stage.feeder.silence()
    before = len(stage.heard)
    stage.run(0.2)
    after = stage.heard[before:]
    assert np.flatnonzero(after)[-1] < 0.03 * RATE
    assert largest_step(stage.heard) < 0.01
    assert {event.take for event in stage.of(TakeEnded)} == {1, 2}


def test_a_new_take_cross_fades_and_a_new_epoch_is_no_end() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    stage.send(0.5, 5.0)
    stage.run(0.5)
    stage.feeder.begin(BeginTake(1, 2))
    stage.feeder.receive(PcmBlock(1, 2, 16_000, np.full((32_000, 1), 0.25, np.float32), True))
    stage.run(0.3)
    assert not stage.of(TakeEnded)
    assert stage.of(Played)[-1].epoch == 2
    assert stage.of(Played)[-1].samples > 16_000
    stage.run(1.2)
    assert [event.take for event in stage.of(TakeHeard)] == [1]
    assert stage.of(TakeEnded) == [TakeEnded(1, 48_000, completed=True)]
    assert largest_step(stage.heard) < 0.01
    first = np.flatnonzero(stage.heard == 0.5)[0]
    last = np.flatnonzero(stage.heard == 0.25)[-1]
    assert stage.heard[first:last].min() > 0.24  # the two together never dip


def test_stale_blocks_are_not_heard() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(2, 2))
    stage.send(0.9, 1.0, epoch=1)
    stage.run(0.3)
    assert not stage.heard.any()


def test_starvation_is_counted_once_a_dip_and_nothing_is_lost() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    for index in range(3):
        stage.send(0.5, 0.5, first=index * 16_000, last=index == 2)
        stage.run(1.0)
    assert stage.feeder.underruns == 2
    assert largest_step(stage.heard) < 0.01
    assert np.count_nonzero(stage.heard) == pytest.approx(48_000, abs=12)
    assert stage.of(TakeEnded) == [TakeEnded(1, 48_000, completed=True)]


def test_audio_just_in_time_leaves_no_trace_of_the_planned_fade() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    for index in range(20):
        stage.send(0.5, 0.1, first=index * 3200, last=index == 19)
        stage.run(0.1 if index else 0.05)  # half a block ahead
    stage.run(0.2)
    assert stage.feeder.underruns == 0
    heard = stage.heard[np.flatnonzero(stage.heard)]
    assert (heard[100:-200] == 0.5).all()


@pytest.mark.parametrize("start_in", [0.1, 0.25, 1.0])
def test_planned_starts_and_stops_are_exact(start_in: float) -> None:
    stage = Stage()
    stage.run(0.3)
    stage.feeder.begin(BeginTake(1, 1, start_in, sent_at=stage.now))
    stage.feeder.end(EndTake(1, start_in + 0.5, sent_at=stage.now))
    asked = stage.now + start_in
    due = len(stage.heard) - BLOCK + start_in * RATE  # the last block sounds from now on
    stage.send(0.5, 2.0)
    stage.run(start_in + 1.0)
    sounding = np.flatnonzero(stage.heard)
    assert sounding[0] == pytest.approx(due, abs=3)
    assert sounding[-1] == pytest.approx(due + 0.5 * RATE + 0.01 * RATE, abs=3)
    assert stage.of(TakeHeard)[0].at == pytest.approx(asked, abs=1e-3)


def test_late_audio_says_how_late() -> None:
    stage = Stage()
    stage.run(0.3)
    stage.feeder.begin(BeginTake(1, 1, 0.1, sent_at=stage.now))
    stage.run(0.4)
    stage.send(0.5, 0.5, last=True)
    stage.run(0.2)
    assert stage.of(TakeHeard)[0].late == pytest.approx(0.32, abs=0.03)


def test_an_ended_take_that_was_never_heard_ends() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    stage.feeder.end(EndTake(1))
    assert stage.of(TakeEnded) == [TakeEnded(1, 0, completed=False)]


def test_gain_moves_without_a_step_and_levels_are_peaks() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    stage.send(0.5, 3.0)
    stage.run(0.5)
    assert stage.feeder.levels() == (0.5,)
    stage.feeder.set_gain(SetGain(0.1))
    stage.run(0.2)
    assert largest_step(stage.heard) < 0.01
    stage.feeder.levels()
    stage.run(0.1)
    assert stage.feeder.levels()[0] == pytest.approx(0.05)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.floats(0.01, 0.4)),
        st.tuples(st.just("audio"), st.floats(0.01, 0.3)),
        st.tuples(st.just("gain"), st.floats(0.0, 1.0)),
        st.tuples(st.just("begin"), st.sampled_from([0.0, 0.0, 0.1, 0.4])),
        st.tuples(st.just("end"), st.sampled_from([0.0, 0.2])),
        st.tuples(st.just("silence"), st.just(0.0)),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_whatever_happens_nothing_clicks_and_every_take_ends(actions) -> None:
    stage = Stage()
    epoch, sent = 0, 0
    for what, value in actions:
        match what:
            case "run":
                stage.run(value)
            case "audio" if epoch:
                stage.send(0.5, value, epoch, sent)
                sent += round(value * RATE)
            case "gain":
                stage.feeder.set_gain(SetGain(value))
            case "begin":
                epoch, sent = epoch + 1, 0
                stage.feeder.begin(BeginTake(epoch, epoch, value, sent_at=stage.now))
            case "end" if epoch:
                stage.feeder.end(EndTake(epoch, value, sent_at=stage.now))
            case "silence":
                stage.feeder.silence()
            case _:
                pass
        stage.feeder.poll()
    stage.feeder.silence()
    stage.run(0.3)
    assert largest_step(stage.heard) < 0.03
    assert np.abs(stage.heard).max() <= 0.5 * 1.001
    assert sorted(event.take for event in stage.of(TakeEnded)) == list(range(1, epoch + 1))
    assert not stage.feeder.busy


def test_a_start_that_is_sent_again_moves_until_it_is_fixed() -> None:
    stage = Stage()
    stage.run(0.5)
    asked = stage.now
    stage.feeder.begin(BeginTake(1, 1, start_in=0.5, sent_at=asked))
    stage.send(0.5, 1.0, last=True)
    stage.run(0.3)
    stage.feeder.begin(BeginTake(1, 1, start_in=0.21, sent_at=stage.now))
    later = stage.now + 0.21
    stage.run(0.2)  # the start is fixed by now
    stage.feeder.begin(BeginTake(1, 1, start_in=0.3, sent_at=stage.now))
    stage.run(1.5)
    (heard,) = stage.of(TakeHeard)
    assert heard.at == pytest.approx(later, abs=0.005)
    assert np.count_nonzero(stage.heard) == pytest.approx(RATE, abs=3), "one take, once"
