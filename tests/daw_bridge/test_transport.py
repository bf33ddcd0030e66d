"""Who leads, where the next bar is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.commands import ClockSource
from daw_bridge.transport import Transport

MIDI, OSC, INTERNAL, LINK = (
    ClockSource.MIDI, ClockSource.OSC, ClockSource.INTERNAL, ClockSource.LINK,
)  # fmt: skip


def rolling(bpm: float = 120, beat: float = 0.0, at: float = 10.0) -> Transport:
    transport = Transport().with_tempo(MIDI, bpm, at).with_position(MIDI, beat, at)
    return transport.with_rolling(MIDI, True, at)


def test_clocks_lead_in_order() -> None:
    transport = Transport().set_by_hand(90, 0.0)
    assert (transport.leader, transport.tempo) == (INTERNAL, 90)
    transport = transport.with_tempo(OSC, 100, 0.0)
    assert (transport.leader, transport.tempo) == (OSC, 100)
    transport = transport.with_tempo(MIDI, 110, 0.0)
    assert (transport.leader, transport.tempo) == (MIDI, 110)
    transport = transport.with_tempo(LINK, 120, 0.0)
    assert transport.leader is LINK


def test_a_lost_clock_wheels_on_and_gives_way() -> None:
    transport = rolling(97).without(MIDI)
    assert (transport.leader, transport.tempo, transport.rolling) == (MIDI, 97, True)
    assert transport.beat_at(10 + 60 / 97) == pytest.approx(1)
    assert transport.with_tempo(OSC, 100, 11.0).leader is OSC
    assert transport.set_by_hand(80, 11.0).tempo == 80


def test_a_clock_lost_while_it_stood_leaves_its_tempo() -> None:
    transport = rolling(97).with_rolling(MIDI, False, 11.0).without(MIDI)
    assert (transport.leader, transport.tempo) == (INTERNAL, 97)


def test_the_beat_does_not_jump_when_the_tempo_does() -> None:
    transport = rolling(120).with_tempo(MIDI, 60, 12.0)
    assert transport.beat_at(12.0) == pytest.approx(4)
    assert transport.beat_at(13.0) == pytest.approx(5)


def test_nothing_to_wait_for() -> None:
    assert Transport().next_bar(0.0, beats=4, every=1) is None
    assert rolling().next_bar(11.0, beats=4, every=0) is None


@pytest.mark.parametrize(
    ("now", "every", "not_before", "bar", "at", "slipped"),
    [
        (10.5, 1, None, 2, 12.0, 0),
        (11.9995, 1, None, 3, 14.0, 0),
        (10.5, 1, 12.5, 3, 14.0, 1),
        (10.5, 2, None, 3, 14.0, 0),
        (10.5, 4, 19.0, 9, 26.0, 4),
        (10.5, 1, 12.0, 2, 12.0, 0),
    ],
)
def test_the_next_bar(
    now: float, every: int, not_before: float | None, bar: int, at: float, slipped: int
) -> None:
    line = rolling().next_bar(now, beats=4, every=every, not_before=not_before)
    assert line is not None
    assert (line.bar, line.slipped) == (bar, slipped)
    assert line.at == pytest.approx(at)


@given(
    bpm=st.floats(20, 400), beat=st.floats(-16, 10_000), passed=st.floats(0, 100),
    wait=st.floats(0, 60), beats=st.integers(1, 16), every=st.integers(1, 16),
)  # fmt: skip
def test_a_bar_line_is_on_the_beat_and_in_time(
    bpm: float, beat: float, passed: float, wait: float, beats: int, every: int
) -> None:
    transport, now = rolling(bpm, beat), 10.0 + passed
    line = transport.next_bar(now, beats=beats, every=every, not_before=now + wait)
    assert line is not None
    span = beats * every
    assert line.at > now
    assert line.at >= now + wait - 1e-6
    assert line.at <= now + wait + 0.01 + span * 60 / bpm
    at_line = transport.beat_at(line.at) / span
    assert at_line == pytest.approx(round(at_line), abs=1e-4)
    assert line.bar == round(at_line) * every + 1


def test_taps_set_the_tempo() -> None:
    transport = Transport()
    for at in (1.0, 1.61, 2.2, 2.8):
        transport = transport.tapped(at)
    assert transport.tempo == pytest.approx(100)
    assert transport.tapped(20.0).tempo == pytest.approx(100), "one tap alone says nothing"


def test_absurd_tempi_are_held_in_range() -> None:
    assert Transport().with_tempo(OSC, 9000, 0.0).tempo == 400


def test_jack_goes_after_midi_and_before_osc() -> None:
    transport = Transport().with_tempo(OSC, 100, 0.0).with_tempo(ClockSource.JACK, 90, 0.0)
    assert transport.leader is ClockSource.JACK
    assert transport.with_tempo(MIDI, 110, 0.0).leader is MIDI
    assert transport.outside == (ClockSource.JACK, OSC)


def test_a_clock_that_stands_does_not_take_over_from_one_that_wheels_on() -> None:
    both = rolling(97).with_tempo(ClockSource.JACK, 120, 10.0)
    lost = both.without(MIDI)
    assert (lost.leader, lost.rolling, lost.tempo) == (MIDI, True, 97)
    started = lost.with_rolling(ClockSource.JACK, True, 11.0)
    assert (started.leader, started.tempo) == (ClockSource.JACK, 120)
    assert lost.without_lost().leader is ClockSource.JACK


def test_osc_takes_the_beat_over_from_a_clock_that_wheels_on() -> None:
    lost = rolling(120).without(MIDI)
    taken = lost.with_tempo(OSC, 60, 12.0)
    assert (taken.leader, taken.rolling) == (OSC, True)
    assert taken.beat_at(12.0) == pytest.approx(lost.beat_at(12.0))
    assert taken.beat_at(13.0) == pytest.approx(5)


def test_a_clock_that_is_switched_off_is_not_followed() -> None:
    transport = rolling(97).with_tempo(LINK, 120, 10.0).with_rolling(LINK, True, 10.0)
    assert transport.forget(LINK).leader is MIDI
    assert transport.forget(INTERNAL) == transport
