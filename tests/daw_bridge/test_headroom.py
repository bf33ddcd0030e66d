"""What is measured of the making of a take, and when it may start because of that."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.headroom import TRUSTED, Headroom

WINDOW = 1500
works = st.lists(st.floats(0.001, 0.3), min_size=10, max_size=60)


def made(works: list[float], frames: int = 10, take: int = 1) -> Headroom:
    """After blocks of `frames`, each frame of a block so many seconds of work."""
    headroom = Headroom()
    for number, work in enumerate(works):
        headroom = headroom.after(take, number * frames, frames, work * frames, float(number))
    return headroom


def test_steady_work_is_its_speed_and_has_no_hitch() -> None:
    headroom = made([0.01] * 30)
    assert headroom.speed == pytest.approx(2.0)
    assert (headroom.behind, headroom.worst, headroom.grows) == (0.0, 0.0, 0.0)


def test_the_first_frames_pay_for_the_prompt() -> None:
    assert made([0.5, *[0.01] * 3]).speed == pytest.approx(2.0)
    assert made([0.5]).speed == pytest.approx(0.04), "better than nothing"
    assert made([0.5]).rough


def test_a_hitch_is_what_a_buffer_must_hold() -> None:
    headroom = made([0.01, 0.01, 0.06, 0.03, 0.01])
    assert headroom.worst == pytest.approx(0.4 + 0.1, rel=0.05)
    assert headroom.behind == pytest.approx(headroom.worst - 0.1, rel=0.1)
    later = made([0.01, 0.01, 0.06, 0.03] + [0.01] * 75)
    assert later.behind == 0
    assert later.worst == pytest.approx(0.25, rel=0.05), "half, after 15 s of sound"


def test_an_engine_that_says_nothing_is_slow() -> None:
    headroom = made([0.005] * 10)
    assert headroom.now_speed(9.5, waits=False) == headroom.speed
    assert headroom.now_speed(11.0, waits=False) == pytest.approx(0.1), "0.2 s of sound in 2 s"
    assert headroom.now_speed(11.0, waits=True) == headroom.speed


def test_work_that_grows_is_foreseen() -> None:
    growing = made([0.02 + 0.0002 * number for number in range(40)])  # +0.02 ms a frame
    assert growing.grows == pytest.approx(0.00002, rel=0.05)
    flat = growing.seconds_for(400, 1000, window=400)
    rising = growing.seconds_for(400, 1000, window=1400)
    assert rising - flat == pytest.approx(0.00002 * 1000**2 / 2 / TRUSTED, rel=0.05)


def test_unknown_is_for_ever() -> None:
    assert math.isinf(Headroom().starts_after(0, 500, 0.1, WINDOW))
    assert Headroom().starts_after(500, 500, 0.1, WINDOW) == 0


@given(works, st.integers(0, 800), st.integers(1, 1500), st.floats(0, 2))
def test_a_take_that_starts_when_it_is_told_is_made_in_time(
    works: list[float], done: int, wanted: int, cushion: float
) -> None:
    """Played from the moment that `starts_after` names, no frame comes after its turn."""
    headroom = made(works)
    done = min(done, wanted)
    begins = headroom.starts_after(done, wanted, cushion, WINDOW)
    cushion = min(cushion, wanted / 50)
    for frame in range(done, wanted, 25):
        due = begins + frame / 50
        assert headroom.seconds_for(done, frame - done, WINDOW) <= due + 0.02
    if begins > 0:  # and no later than it must be
        enough = headroom.seconds_for(done, wanted - done, WINDOW)
        assert begins <= enough + 1e-6


@given(works, st.integers(0, 400), st.integers(1, 400))
def test_the_more_is_made_the_sooner_it_starts(works: list[float], done: int, more: int) -> None:
    headroom = made(works)
    before = headroom.starts_after(done, 800, 0.12, WINDOW)
    assert headroom.starts_after(done + more, 800, 0.12, WINDOW) <= before
