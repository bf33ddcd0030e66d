"""JACK transport as a clock: with a timebase master, told when it moves."""

from __future__ import annotations

from daw_bridge.commands import ClockLost, ClockPosition, ClockRolling, ClockSource, ClockTempo
from daw_bridge.jack_messages import JackPosition
from daw_bridge.jack_transport import JackTransport

JACK = ClockSource.JACK


def kinds(said: list) -> list[type]:
    return [type(command) for command in said]


def test_without_a_timebase_master_there_is_no_clock() -> None:
    transport = JackTransport()
    assert transport.heard(JackPosition(True, None, 0.0, 1.0)) == []
    assert transport.gone() == []


def test_it_says_little_while_it_does_as_expected() -> None:
    transport = JackTransport()
    assert transport.heard(JackPosition(False, 120, 4.0, 1.0)) == [
        ClockTempo(JACK, 120), ClockPosition(JACK, 4.0, 1.0), ClockRolling(JACK, False, 1.0),
    ]  # fmt: skip
    assert transport.heard(JackPosition(False, 120, 4.0, 2.0)) == []
    started = transport.heard(JackPosition(True, 120, 4.0, 3.0))
    assert kinds(started) == [ClockPosition, ClockRolling]
    for i in range(1, 50):  # ticks are coarse: a quarter of a millisecond
        beat = 4.0 + round(i * 0.03 * 2 * 1920) / 1920
        assert transport.heard(JackPosition(True, 120, beat, 3 + i * 0.03)) == []
    assert kinds(transport.heard(JackPosition(True, 120, 8.5, 5.25))) == [ClockPosition]


def test_a_locate_and_a_new_tempo_are_told() -> None:
    transport = JackTransport()
    transport.heard(JackPosition(True, 120, 0.0, 1.0))
    assert transport.heard(JackPosition(True, 120, 16.0, 1.1)) == [ClockPosition(JACK, 16.0, 1.1)]
    assert kinds(transport.heard(JackPosition(True, 90, 16.2, 1.2))) == [ClockTempo, ClockPosition]
    assert transport.heard(JackPosition(True, 5000, 16.2, 1.2))[0] == ClockTempo(JACK, 400)


def test_a_master_that_leaves_is_told_once() -> None:
    transport = JackTransport()
    transport.heard(JackPosition(True, 120, 0.0, 1.0))
    assert transport.heard(JackPosition(True, None, 0.0, 1.1)) == [ClockLost(JACK)]
    assert transport.heard(JackPosition(True, None, 0.0, 1.2)) == []


def test_a_beat_that_stays_while_it_rolls_is_no_beat() -> None:
    """A master that released the timebase: JACK goes on showing its last bar and beat."""
    transport = JackTransport()
    transport.heard(JackPosition(True, 120, 4.0, 1.0))
    times = [1.5 + i / 30 for i in range(30)]
    said = [c for at in times for c in transport.heard(JackPosition(True, 120, 5.0, at))]
    assert said[-1] == ClockLost(JACK)
    assert kinds(said).count(ClockLost) == 1
    assert kinds(transport.heard(JackPosition(True, 120, 9.0, 3.0)))[0] is ClockTempo
