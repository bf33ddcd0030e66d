"""Sound that takes the place of sound that was sent: at its sample, nothing lost or doubled."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.generation.messages import PcmBlock
from daw_bridge.audio.ledger import Ledger
from daw_bridge.audio.messages import BeginTake, EndTake, Played, TakeEnded, TakeHeard
from tests.daw_bridge.audio.test_feeder import BLOCK, RATE, Stage

SCALE = 2.0**-20
FADE = round(0.010 * RATE)


def ramp(stage: Stage, epoch: int, first: int, stop: int, *, sign: int = 1,
         last: bool = False) -> None:  # fmt: skip
    """Samples that tell their place in the take."""
    pcm = (sign * SCALE * np.arange(first, stop, dtype=np.float64)).astype(np.float32)[:, None]
    stage.feeder.receive(PcmBlock(1, epoch, first, pcm, last))


def begun(stop: int = 5 * RATE) -> tuple[Stage, int]:
    """A take that has played for a second, and the frame at which its sample 0 sounded."""
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    ramp(stage, 1, 0, stop)
    stage.run(1.0)
    at = len(stage.heard) - 1
    return stage, at - round(float(stage.heard[at]) / SCALE)


def places(stage: Stage, start: int) -> np.ndarray:
    """The take's sample heard at each frame, from the first loud one on."""
    return stage.heard[start:] / SCALE


@settings(max_examples=25, deadline=None)
@example(ahead=3_137, after=0.0, blocks=5, again=0)  # within a cross-fade
@example(ahead=3_137, after=0.0, blocks=5, again=200)
@given(
    ahead=st.integers(-2_000, 40_000),
    after=st.floats(0, 0.8),
    blocks=st.integers(1, 5),
    again=st.none() | st.integers(-3_000, 20_000),
)
def test_every_sample_sounds_once_in_its_place(
    ahead: int, after: float, blocks: int, again: int | None
) -> None:
    """Whenever the new sound comes, and if it is replaced in turn before or after it is heard."""
    stage, start = begun()
    at = max(0, len(stage.heard) - start + ahead)
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=at))
    stage.run(after)
    borders = np.linspace(at, 3 * RATE, blocks + 1).astype(int)
    for first, stop in pairwise(borders):
        ramp(stage, 2, int(first), int(stop))
        stage.run(0.02)
    if again is not None:
        second = max(0, len(stage.heard) - start + again)
        stage.feeder.begin(BeginTake(1, 3, follows=2, at=second))
        ramp(stage, 3, second, 3 * RATE)
    stage.feeder.receive(PcmBlock(1, 2 if again is None else 3, 3 * RATE,
                                  np.zeros((0, 1), np.float32), last=True))  # fmt: skip
    stage.run(4.0)
    heard = places(stage, start)
    end = 3 * RATE - 200  # then it fades out
    expected = np.arange(FADE, end)
    np.testing.assert_allclose(heard[FADE:end], expected, atol=1.5)
    assert not np.any(stage.heard[start + 3 * RATE + 1 :])
    assert stage.feeder.underruns == 0
    assert stage.of(TakeEnded) == [TakeEnded(1, 3 * RATE, completed=True)]
    assert len(stage.of(TakeHeard)) == 1
    played = [event.samples for event in stage.of(Played)]
    assert played == sorted(played)


def test_the_new_sound_is_heard_at_its_sample() -> None:
    stage, start = begun()
    at = len(stage.heard) - start + 3_000
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=at))
    ramp(stage, 2, at, at + RATE, sign=-1)
    stage.run(1.0)
    heard = places(stage, start)
    np.testing.assert_allclose(heard[FADE:at], np.arange(FADE, at), atol=1.5)
    rest = np.arange(at + FADE, at + 20_000)
    np.testing.assert_allclose(heard[at + FADE : at + 20_000], -rest, atol=1.5)


def test_a_cross_fade_keeps_the_level_though_little_of_the_new_sound_is_there() -> None:
    stage = Stage()
    stage.feeder.begin(BeginTake(1, 1))
    stage.send(0.5, 5.0)
    stage.run(0.5)
    at = len(stage.heard) + 3_000
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=at))
    for first, count in ((at, 800), (at + 800, RATE)):  # 800: two and a half fades
        pcm = np.full((count, 1), 0.5, np.float32)
        stage.feeder.receive(PcmBlock(1, 2, first, pcm, False))
        stage.run(0.1)
    stage.run(0.2)
    loud = np.flatnonzero(stage.heard >= 0.5)[0]
    np.testing.assert_allclose(stage.heard[loud:], 0.5, atol=1e-6)


def test_sound_that_comes_late_leaves_the_beat_where_it_was() -> None:
    stage, start = begun()
    at = len(stage.heard) - start + 2_000
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=at))
    stage.run(0.5)  # the old sound goes on
    ramp(stage, 2, at, at + 2 * RATE, sign=-1)
    stage.run(0.5)
    heard = places(stage, start)
    turned = int(np.argmax(heard < 0))
    assert at + 0.5 * RATE - 2_000 - BLOCK < turned < at + 0.5 * RATE
    later = np.arange(turned + FADE, len(heard))
    np.testing.assert_allclose(heard[later], -later, atol=1.5)


def test_sound_that_comes_late_and_thin_takes_over_once_it_lasts() -> None:
    """50 ms of it would starve at once, while the old sound has seconds in hand."""
    stage, start = begun()
    at = len(stage.heard) - start + 2_000
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=at))
    stage.run(0.5)
    made = len(stage.heard) - start + RATE // 20
    ramp(stage, 2, at, made, sign=-1)
    for _ in range(16):  # it gains 10 ms on the ear each time
        stage.run(0.04)
        made += RATE // 20
        ramp(stage, 2, made - RATE // 20, made, sign=-1)
    stage.run(0.05)
    heard = places(stage, start)
    turned = int(np.argmax(heard < 0))
    old = np.arange(FADE, turned - FADE)
    np.testing.assert_allclose(heard[old], old, atol=1.5)
    later = np.arange(turned + FADE, len(heard))
    assert len(later) > RATE // 10
    np.testing.assert_allclose(heard[later], -later, atol=1.5)
    assert stage.feeder.underruns == 0


def test_a_stop_that_was_planned_holds_for_the_new_sound() -> None:
    stage, start = begun()
    stage.feeder.end(EndTake(1, 1.0, stage.now))
    at = len(stage.heard) - start + 3_000
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=at))
    ramp(stage, 2, at, at + 4 * RATE)
    stage.run(2.0)
    assert not stage.feeder.busy
    assert len(np.flatnonzero(stage.heard)) == pytest.approx(2 * RATE, abs=2 * FADE + 2 * BLOCK)


def test_a_take_that_waits_for_its_bar_is_replaced_before_it_sounds() -> None:
    stage = Stage()
    stage.run(1.0)
    stage.feeder.begin(BeginTake(1, 1, start_in=0.5, sent_at=stage.now))
    ramp(stage, 1, 0, RATE)
    stage.feeder.begin(BeginTake(1, 2, follows=1, at=5_000))
    ramp(stage, 2, 5_000, 2 * RATE)
    planned = len(stage.heard) + RATE // 2
    stage.run(2.0)
    heard = places(stage, planned)
    np.testing.assert_allclose(heard[FADE:40_000], np.arange(FADE, 40_000), atol=BLOCK + 2)
    np.testing.assert_allclose(np.diff(heard[FADE:40_000]), 1, atol=0.2)


# ------------------------------------------------------------------ after a death


def block(epoch: int, first: int) -> PcmBlock:
    return PcmBlock(1, epoch, first, np.zeros((1_000, 1), np.float32))


def test_a_fresh_process_is_told_of_both_sounds() -> None:
    ledger = Ledger(lambda: 10.0)
    ledger.request(BeginTake(1, 1))
    for first in (0, 1_000, 2_000, 3_000):
        assert ledger.block(block(1, first))
    ledger.event(Played(1, 1, 1_200, 0.1, 0))
    ledger.request(EndTake(1, 5.0, 9.0))
    begin = BeginTake(1, 2, follows=1, at=2_500)
    ledger.request(begin)
    assert ledger.block(block(2, 2_500))
    assert ledger.process_ended() == []
    replayed = ledger.replay()
    assert begin in replayed
    assert [m.epoch for m in replayed if isinstance(m, PcmBlock)] == [1, 1, 1, 2]
    assert sum(isinstance(m, EndTake) for m in replayed) == 2
    ledger.event(Played(1, 2, 2_600, 0.1, 0))  # the first is no longer heard: let go
    assert not ledger.block(block(1, 4_000))
    begins = [m for m in ledger.replay() if isinstance(m, BeginTake)]
    assert begins == [BeginTake(1, 2, at=2_500)]
