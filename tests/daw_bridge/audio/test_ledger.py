"""What a fresh audio process is told after the last one died."""

from __future__ import annotations

import numpy as np

from core.generation.messages import PcmBlock
from daw_bridge.audio.ledger import Ledger
from daw_bridge.audio.messages import (
    BeginTake,
    Capture,
    DeviceLost,
    EndTake,
    OpenOutput,
    OutputOpened,
    Played,
    SetGain,
    Silence,
    TakeEnded,
    TakeHeard,
)


def block(epoch: int, first: int, count: int, last: bool = False) -> PcmBlock:
    return PcmBlock(epoch, epoch, first, np.zeros((count, 1), np.float32), last)


def started(ledger: Ledger, epoch: int = 1, samples: int = 1500) -> None:
    ledger.request(BeginTake(epoch, epoch, start_in=1.0, sent_at=5.0))
    for first in range(0, 4000, 1000):
        assert ledger.block(block(epoch, first, 1000))
    ledger.event(Played(epoch, epoch, samples, 0.1, 2))


def test_a_take_in_flight_goes_on_where_it_was_heard() -> None:
    ledger = Ledger(lambda: 10.0)
    ledger.request(SetGain(0.5))
    ledger.request(OpenOutput("x"))
    started(ledger)
    assert ledger.process_ended() == []
    gain, output, begin, *blocks = ledger.replay()
    assert gain == SetGain(0.5)
    assert output == OpenOutput("x")
    assert begin == BeginTake(1, 1, start_in=0.0, sent_at=5.0)
    pieces = [(b.first_sample, len(b.pcm)) for b in blocks if isinstance(b, PcmBlock)]
    assert pieces == [
        (1500, 500),
        (2000, 1000),
        (3000, 1000),
    ]
    assert ledger.replay(search=True)[1] == OpenOutput("x", resume=True, search=True)


def test_a_scheduled_take_keeps_its_time() -> None:
    ledger = Ledger(lambda: 10.0)
    begin = BeginTake(1, 1, start_in=9.0, sent_at=8.0)
    ledger.request(begin)
    assert ledger.process_ended() == []
    assert ledger.replay() == [begin]


def test_takes_that_were_to_end_have_ended() -> None:
    ledger = Ledger(lambda: 10.0)
    started(ledger, 1, 1500)
    ledger.request(EndTake(1, 1.0, sent_at=8.0))
    assert ledger.process_ended() == [TakeEnded(1, 1500, completed=False)]
    started(ledger, 2)
    ledger.request(Silence())
    assert ledger.process_ended() == [TakeEnded(2, 1500, completed=False)]
    started(ledger, 3, 1500)
    started(ledger, 4, 700)
    assert ledger.process_ended() == [TakeEnded(3, 1500, completed=False)]
    assert ledger.replay()[0] == BeginTake(4, 4, start_in=0.0, sent_at=5.0)


def test_blocks_of_takes_that_are_over_are_dropped() -> None:
    ledger = Ledger()
    started(ledger)
    assert ledger.event(TakeEnded(1, 4000, True)) == TakeEnded(1, 4000, True)
    assert not ledger.block(block(1, 4000, 10))
    assert not ledger.block(block(7, 0, 10))


def test_news_is_passed_on_once() -> None:
    ledger = Ledger()
    lost = DeviceLost("output", "gone", True)
    assert ledger.event(lost) == lost
    assert ledger.event(lost) is None
    opened = OutputOpened("x", 48_000, 2, 0.0)
    assert ledger.event(opened) == opened
    assert ledger.event(lost) == lost
    ledger.request(OpenOutput("x"))
    assert ledger.event(lost) == lost, "asked again, told again"
    started(ledger)
    heard = TakeHeard(1, 1.0)
    assert ledger.event(heard) == heard
    ledger.process_ended()
    assert ledger.event(heard) is None


def test_underruns_add_up_over_processes() -> None:
    ledger = Ledger()
    started(ledger)
    ledger.process_ended()
    played = ledger.event(Played(1, 1, 2000, 0.1, 3))
    assert isinstance(played, Played)
    assert played.underruns == 5


def test_an_unanswered_capture_is_asked_again_and_settled_means_open() -> None:
    ledger = Ledger()
    ledger.request(Capture(4, 1.0))
    assert ledger.replay() == [Capture(4, 1.0)]
    assert ledger.settled
    ledger.request(OpenOutput())
    assert not ledger.settled
    ledger.event(OutputOpened("x", 48_000, 2, 0.0))
    assert ledger.settled


def test_a_start_that_was_moved_keeps_its_audio_and_is_replayed_where_it_is_now() -> None:
    ledger = Ledger(lambda: 5.2)
    ledger.request(BeginTake(1, 1, start_in=1.0, sent_at=5.0))
    assert ledger.block(block(1, 0, 1000))
    ledger.request(BeginTake(1, 1, start_in=0.9, sent_at=5.2))
    begin, audio = ledger.replay()
    assert begin == BeginTake(1, 1, start_in=0.9, sent_at=5.2)
    assert isinstance(audio, PcmBlock)
    assert len(audio.pcm) == 1000
