"""Loops through the feeder: no click where they begin again, and on the bar whatever clocks do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core.generation.messages import PcmBlock
from daw_bridge.audio.ledger import Ledger
from daw_bridge.audio.looped_source import LoopedSource
from daw_bridge.audio.messages import BeginTake, FinishLoop, LoopGrid, Played, PlayLoop, TakeEnded
from daw_bridge.looping.loop_making import LoopMade, at_tempo, make_loop
from daw_bridge.looping.tail import tail_frames
from tests.daw_bridge.audio.loop_stage import CLOCKS, play_rounds
from tests.daw_bridge.audio.test_feeder import Stage
from tests.daw_bridge.looping.test_beat_drift import BEAT, drums

SECONDS = 4 * BEAT


@cache
def a_loop() -> tuple[np.ndarray, LoopMade]:
    take = drums(BEAT, SECONDS + tail_frames(SECONDS) / 50)
    return take, make_loop(take, SECONDS, BEAT)


@pytest.mark.parametrize("clock", CLOCKS)
def test_fifty_rounds_keep_the_grid_and_do_not_click(clock: str) -> None:
    take, made = a_loop()
    rounds = play_rounds(take, made, SECONDS, 1, 50, **CLOCKS[clock])
    assert len(rounds.errors) == 50
    assert np.abs(rounds.errors).max() < 0.002
    assert rounds.at_wraps.max() <= np.percentile(rounds.inside, 99)
    assert rounds.hiss_at_wraps.max() <= np.percentile(rounds.hiss_inside, 99)


def test_a_steady_clock_at_the_loops_own_rate_changes_no_sample() -> None:
    take, made = a_loop()
    heard = play_rounds(take, made, SECONDS, 1, 3, rate=32_000).heard
    loop = made.pcm[:, 0]
    begins = 32_000 + len(loop)  # the second round; the first is the take
    played = heard[begins - 512 : begins + 2 * len(loop) - 512]
    np.testing.assert_array_equal(played, np.tile(loop, 2))


def pcm(seconds: float) -> np.ndarray:
    """A sine that goes round whole, of 127 Hz."""
    place = np.arange(round(seconds * 32_000)) / round(seconds * 32_000)
    return np.sin(2 * np.pi * round(127 * seconds) * place)[:, None].astype(np.float32) / 2


def test_a_sine_read_at_another_rate_and_speed_stays_one() -> None:
    cycles, samples = 5000, 32_000
    tone = np.sin(2 * np.pi * cycles * np.arange(samples) / samples)[:, None].astype(np.float32)
    source = LoopedSource(tone, 1.003, 1, 48_000, 1)
    out = source.read(0, 96_000)[:, 0]
    expected = np.sin(2 * np.pi * cycles * np.arange(96_000) / (1.003 * 48_000))
    assert np.sqrt(np.mean((out - expected) ** 2)) < 3e-4


def test_what_was_rendered_ahead_is_the_same_when_rendered_again() -> None:
    source = LoopedSource(pcm(1.0), 1.0, 1, 48_000, 2)
    source.follow(10_000, -0.01, 1.0)
    source.follow(30_000, 0.3, 1.0)  # a leap
    whole = source.read(0, 50_000)
    parts = [source.read(at, 1250) for at in range(0, 50_000, 1250)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    assert np.abs(np.diff(whole[:, 0])).max() < 0.02


def test_a_clock_that_jumps_is_followed_at_once_and_without_a_click() -> None:
    source = LoopedSource(pcm(2.0), 2.0, 4, 48_000, 1)
    assert source.follow(48_000, to_line=0.2, seconds=2.0)  # 0.3 s behind is 0.2 s ahead: bars
    assert source.error(48_000, 0.2, 2.0) == pytest.approx(0.0, abs=1e-9)
    assert source.error(96_000, -0.3, 2.0) == pytest.approx(0.0, abs=1e-9)
    assert np.abs(np.diff(source.read(0, 96_000)[:, 0])).max() < 0.03


def test_a_small_error_is_taken_back_within_half_a_per_cent_of_speed() -> None:
    source = LoopedSource(pcm(2.0), 2.0, 1, 48_000, 1)
    before = source.phase_at(48_000)
    source.follow(48_000, to_line=-1.02, seconds=2.0)  # it is at 1.0 s: 20 ms behind
    speed = (source.phase_at(96_000) - before) % 1.0 * 2.0
    assert speed == pytest.approx(1.005, abs=1e-6)


class LoopStage(Stage):
    def play(self, loop: np.ndarray, **more: object) -> None:
        seconds = len(loop) / 32_000
        self.feeder.loop(PlayLoop(1, 2, loop, seconds, 1, **more))  # type: ignore[arg-type]


def test_a_loop_ends_with_its_round_when_asked_to() -> None:
    stage = LoopStage()
    stage.play(pcm(1.0))
    stage.run(2.3)
    stage.feeder.loop(FinishLoop(1))
    stage.run(1.5)
    assert stage.of(TakeEnded) == [TakeEnded(1, 32_000, completed=True)]
    sounding = np.flatnonzero(stage.heard)
    assert sounding[-1] - sounding[0] == pytest.approx(3 * 32_000, abs=200)
    assert np.abs(np.diff(stage.heard)).max() < 0.02


def test_another_take_replaces_a_loop_at_its_time() -> None:
    stage = LoopStage()
    stage.play(pcm(1.0))
    stage.run(1.3)
    stage.feeder.begin(BeginTake(7, 7, start_in=0.4, sent_at=stage.now))
    stage.feeder.receive(PcmBlock(7, 7, 0, np.full((32_000, 1), 0.25, np.float32), True))
    stage.run(1.8)
    assert [event.take for event in stage.of(TakeEnded)] == [1, 7]
    assert np.abs(np.diff(stage.heard)).max() < 0.03


def test_the_loop_at_another_tempo_takes_over_where_the_first_one_is() -> None:
    _, made = a_loop()
    stage = LoopStage()
    stage.play(made.pcm)
    stage.run(1.0)
    stage.feeder.loop(LoopGrid(1, 0.9 * SECONDS))
    other = at_tempo(made.pcm, round(0.9 * len(made.pcm)))
    stage.feeder.loop(PlayLoop(1, 2, other, 0.9 * SECONDS, 1))
    stage.run(3.0)
    # From the second beginning on it is the other sound, sample for sample.
    last = stage.heard[-round(0.9 * len(made.pcm)) :]
    spectrum = np.abs(np.fft.irfft(np.fft.rfft(last) * np.conj(np.fft.rfft(other[:, 0]))))
    assert spectrum.max() > 0.95 * np.linalg.norm(last) * np.linalg.norm(other)


def test_what_is_not_a_number_in_a_loop_is_silence() -> None:
    stage = LoopStage()
    stage.play(np.full((32_000, 1), np.nan, np.float32))
    stage.run(0.5)
    assert not stage.heard.any()


def test_a_fresh_audio_process_goes_on_with_the_loop_and_its_grid() -> None:
    ledger = Ledger(clock=lambda: 0.0)
    ledger.request(BeginTake(1, 1))
    loop = PlayLoop(1, 2, pcm(1.0), 1.0, 1, follows=1, at=30_000)
    other = PlayLoop(1, 2, pcm(0.9), 0.9, 1)
    ledger.request(loop)
    ledger.event(Played(1, 2, 100, 0.0, 0))
    ledger.request(other)
    ledger.request(LoopGrid(1, 0.9, 5.0))
    assert ledger.process_ended() == []
    played, grid = (m for m in ledger.replay() if isinstance(m, PlayLoop | LoopGrid))
    assert isinstance(played, PlayLoop)
    assert (played.epoch, played.pcm is other.pcm, played.follows) == (2, True, None)
    assert grid == LoopGrid(1, 0.9, 5.0)
    assert not [m for m in ledger.replay() if isinstance(m, BeginTake)]
    ledger.event(TakeEnded(1, 0, True))
    assert not [m for m in ledger.replay() if isinstance(m, PlayLoop)]
