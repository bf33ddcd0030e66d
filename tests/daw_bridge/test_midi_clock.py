"""MIDI clock: tempo through jitter, position, senders that count clocks, silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.commands import ClockLost, ClockPosition, ClockRolling, ClockTempo, Command
from daw_bridge.midi_clock import MidiClock


def ticks(bpm: float, count: int, jitter: float = 0.0, start: float = 0.0, seed: int = 0):
    noise = np.random.default_rng(seed).uniform(-jitter, jitter, count)
    return start + (np.arange(count) + 1) * 60 / bpm / 24 + noise


def run(clock: MidiClock, times) -> list[Command]:
    return [command for at in np.sort(times) for command in clock.tick(float(at))]


def tempi(commands: list[Command]) -> list[float]:
    return [c.bpm for c in commands if isinstance(c, ClockTempo)]


@settings(max_examples=25, deadline=None)
@given(bpm=st.floats(40, 240), jitter=st.floats(0, 0.006), seed=st.integers(0, 1000))
def test_tempo_through_jitter(bpm: float, jitter: float, seed: int) -> None:
    said = tempi(run(MidiClock(), ticks(bpm, 200, jitter, seed=seed)))
    assert said[-1] == pytest.approx(bpm, rel=0.003)


def test_a_steady_clock_is_exact_and_says_little() -> None:
    said = tempi(run(MidiClock(), ticks(123.4, 480)))
    assert said == [pytest.approx(123.4, abs=1e-3)]


def test_a_change_of_tempo_is_followed_within_a_beat() -> None:
    clock = MidiClock()
    before = ticks(120, 240, 0.001)
    run(clock, before)
    after = ticks(132, 48, 0.001, start=240 * 60 / 120 / 24, seed=1)
    assert tempi(run(clock, after))[-1] == pytest.approx(132, abs=1)


def test_one_late_tick_is_no_change_of_tempo() -> None:
    clock = MidiClock()
    times = ticks(120, 240, 0.0005)
    times[150] += 0.015
    assert all(abs(bpm - 120) < 0.5 for bpm in tempi(run(clock, times)))


@pytest.mark.parametrize("jitter", [0.0, 0.003])
def test_a_sender_that_stalls_keeps_its_tempo(jitter: float) -> None:
    times = ticks(120, 400, jitter)
    times[250:] += 0.06
    said = tempi(run(MidiClock(), times)[-40:])
    assert all(abs(bpm - 120) < 0.7 for bpm in said), said


def test_start_is_the_next_tick() -> None:
    clock = MidiClock()
    times = ticks(120, 96)
    run(clock, times[:48])
    started = clock.start(float(times[47]) + 0.005)
    assert ClockRolling in [type(c) for c in started]
    said = run(clock, times[48:])
    beats = [(c.beat, c.at) for c in said if isinstance(c, ClockPosition)]
    assert [b for b, _ in beats] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert beats[4][1] == pytest.approx(times[72], abs=1e-6)


def test_stop_holds_the_position_and_continue_takes_it_up() -> None:
    clock = MidiClock()
    times = ticks(120, 200)
    clock.start(0.0)
    run(clock, times[:49])  # beat 2
    stopped = clock.stop(float(times[48]) + 0.01)
    assert stopped == [ClockRolling(stopped[0].source, False, stopped[0].at)]  # type: ignore[union-attr]
    run(clock, times[49:80])  # many senders tick on
    resumed = clock.resume(float(times[79]))
    assert isinstance(resumed[0], ClockPosition)
    assert resumed[0].beat == 2.0


def position(commands: list[Command]) -> float:
    found = [c.beat for c in commands if isinstance(c, ClockPosition)]
    return found[-1]


def test_song_position_counts_sixteenths() -> None:
    assert position(MidiClock().song_position(16, 0.0)) == 4.0


@pytest.mark.parametrize(("per_tick", "counts"), [(1, True), (1 / 6, False)])
def test_a_sender_that_counts_clocks_is_found_out(per_tick: float, counts: bool) -> None:
    clock = MidiClock()
    clock.start(0.0)
    times = ticks(120, 97)
    run(clock, times)  # 96 ticks on: beat 4
    clock.stop(float(times[-1]))
    said = clock.song_position(round(96 * per_tick), float(times[-1]))
    assert clock.counts_clocks is counts
    assert position(said) == 4.0
    assert position(clock.song_position(round(192 * per_tick), 3.0)) == 8.0


def test_a_locate_proves_nothing() -> None:
    clock = MidiClock()
    clock.start(0.0)
    run(clock, ticks(120, 97))
    clock.song_position(500, 3.0)
    assert not clock.counts_clocks


def test_silence_is_said_once_and_forgotten() -> None:
    clock = MidiClock()
    run(clock, ticks(120, 48))
    assert clock.quiet(1.5) == []
    assert [type(c) for c in clock.quiet(2.5)] == [ClockLost]
    assert clock.quiet(3.0) == []
    assert tempi(run(clock, ticks(90, 48, start=5.0)))[-1] == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize("bpm", [30, 300])
def test_slow_and_fast_clocks(bpm: float) -> None:
    clock = MidiClock()
    clock.start(0.0)
    said = run(clock, ticks(bpm, 193, 0.0005))
    assert tempi(said)[-1] == pytest.approx(bpm, abs=0.05 * max(1, bpm / 60))
    assert position(said) == 8.0


def test_a_sender_that_begins_anew_is_believed_at_once() -> None:
    """Ticks run on while stopped; at its start the sender puts them elsewhere."""
    clock = MidiClock()
    run(clock, ticks(120, 100))
    at = 100 * 2.5 / 120 + 0.013
    clock.start(at)
    said = run(clock, ticks(120, 48, start=at - 2.5 / 120))
    beats = [(c.beat, c.at) for c in said if isinstance(c, ClockPosition)]
    assert beats[0] == (0.0, pytest.approx(at, abs=5e-4))
    assert beats[4] == (1.0, pytest.approx(at + 0.5, abs=5e-4))
    assert all(abs(bpm - 120) < 0.5 for bpm in tempi(said))


def test_doubled_and_lost_ticks_leave_the_beat() -> None:
    clock = MidiClock()
    clock.start(0.0)
    times = ticks(120, 289)
    heard = np.concatenate([np.delete(times, [70, 71, 200]), times[100:150] + 0.001])
    said = run(clock, heard)
    assert position(said) == 12.0
    assert tempi(said)[-1] == pytest.approx(120, abs=0.1)
    late = [c.at - times[round(c.beat * 24)] for c in said if isinstance(c, ClockPosition)]
    assert max(map(abs, late[-8:])) < 0.001


def test_a_sound_server_that_lost_time_is_no_change_of_tempo() -> None:
    clock = MidiClock()
    clock.start(0.0)
    times = ticks(120, 193)
    times[10:] += 0.016  # early, when little is known of the sender
    run(clock, times[:10])
    clock.shift(0.016)
    said = run(clock, times[10:])
    assert tempi(said) == [pytest.approx(120, abs=1e-3)]
    placed = [c for c in said if isinstance(c, ClockPosition)][-1]
    assert (placed.beat, placed.at) == (8.0, pytest.approx(times[192], abs=1e-4))


@pytest.mark.parametrize("intervals", [0.4, 1.0, 2.0, 3.0])
def test_time_that_the_stamps_lost_is_no_lost_tick_and_the_beat_is_told_at_once(
    intervals: float,
) -> None:
    """A sound server that is kept waiting holds back its ticks, and our own sound with them."""
    clock = MidiClock()
    times = ticks(120, 96)
    run(clock, times[:49])
    clock.start(float(times[48]))
    run(clock, times[49:72])
    lost = intervals * 60 / 120 / 24
    told = [c for c in clock.shift(lost) if isinstance(c, ClockPosition)]
    assert [(c.beat, c.at) for c in told] == [(22 / 24, pytest.approx(times[71] + lost))]
    said = run(clock, times[72:] + lost)
    beats = [(c.beat, c.at) for c in said if isinstance(c, ClockPosition)]
    assert beats[0] == (1.0, pytest.approx(times[73] + lost))
    assert not tempi(said)


def test_a_sender_that_wanders_is_told_of_before_the_next_sixteenth() -> None:
    """A take that waits for its bar starts where the bar is thought to be just before it."""
    clock = MidiClock()
    clock.start(0.0)
    walk = np.cumsum(60 / 97.5 / 24 * (1 + np.random.default_rng(3).uniform(-0.2, 0.2, 480)))
    told = (0.0, 0.0)
    worst = 0.0
    for tick, at in enumerate(walk):
        for command in clock.tick(float(at)):
            if isinstance(command, ClockPosition):
                told = (command.beat, command.at)
        if tick > 96:
            expected = told[1] + (tick / 24 - told[0]) * 60 / 97.5
            worst = max(worst, abs(expected - at))
    assert worst < 0.003


@pytest.mark.parametrize("bpm", [112.5, 97.0, 133.37, 87.1])
def test_a_round_tempo_is_told_exactly_though_ticks_come_on_whole_samples(bpm: float) -> None:
    """Four bars of a take are then as many samples as four bars of the DAW."""
    times = np.round(ticks(bpm, 480) * 48_000) / 48_000
    assert tempi(run(MidiClock(), times))[-1] == bpm


def test_a_tempo_that_is_not_round_is_told_as_it_is() -> None:
    times = np.round(ticks(112.5043, 480) * 48_000) / 48_000
    assert tempi(run(MidiClock(), times))[-1] == pytest.approx(112.5043, abs=0.004)
