"""The policy: it never flutters, worse never means less, and a take does not run dry."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.latency import HOLD, LONGEST_HOLD, Latency, Mode, Reading, Step, advance

TICK = 0.25
readings = st.builds(
    Reading,
    at=st.just(1000.0),
    speed=st.floats(0.05, 6),
    hitch=st.floats(0, 3),
    buffered=st.floats(0, 20),
    left=st.floats(0.1, 600) | st.just(math.inf),
    dropouts=st.integers(0, 3),
)
places = st.builds(
    Latency,
    step=st.sampled_from(Step),
    since=st.floats(0, 1000),
    well_since=st.floats(0, 1000) | st.just(math.inf),
    up_at=st.floats(0, 1000),
    hold=st.floats(HOLD, LONGEST_HOLD),
    speed_before=st.just(0.0) | st.floats(0.1, 3),
)
modes = st.sampled_from(Mode)


class Plant:
    """An engine and an ear: sound is made at the speed of the moment and heard at one."""

    def __init__(self, mode: Mode = Mode.AUTO, gain: float = 1.7) -> None:
        self.latency, self.mode, self.gain = Latency(), mode, gain
        self.now, self.buffered, self.dry = 0.0, 1.0, 0.0
        self.steps: list[tuple[float, Step]] = []

    def run(self, seconds: float, speed: float, hitch: float = 0.0) -> Plant:
        """speed: with guidance."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            now = speed * (self.gain if self.latency.unguided else 1)
            credit = self.latency.run_ahead(self.mode) / 50
            self.buffered = min(credit, self.buffered + (now - 1) * TICK)
            if self.buffered < 0:
                self.dry, self.buffered = self.dry - self.buffered, 0.0
            reading = Reading(self.now, now, hitch, self.buffered, dropouts=round(10 * self.dry))
            before = self.latency.step
            self.latency = advance(self.latency, reading, self.mode)
            if self.latency.step is not before:
                self.steps.append((self.now, self.latency.step))
        return self


# ---------------------------------------------------------------- properties


@given(places, readings, readings, modes)
def test_a_worse_reading_never_asks_for_less(
    place: Latency, one: Reading, other: Reading, mode: Mode
) -> None:
    worse = Reading(
        one.at,
        min(one.speed, other.speed),
        max(one.hitch, other.hitch),
        min(one.buffered, other.buffered),
        max(one.left, other.left),
        max(one.dropouts, other.dropouts),
    )
    assert advance(place, worse, mode).step >= advance(place, one, mode).step


@given(places, readings)
def test_pinned_is_pinned(place: Latency, reading: Reading) -> None:
    low = advance(place, reading, Mode.LOW)
    assert low.step is Step.NORMAL
    assert low.in_hand(Mode.LOW) == Latency().in_hand(Mode.AUTO)
    safe = advance(place, reading, Mode.SAFE)
    assert safe.step >= Step.LOOK_AHEAD
    assert safe.in_hand(Mode.SAFE) >= low.in_hand(Mode.LOW)
    assert safe.in_hand(Mode.SAFE) >= safe.in_hand(Mode.AUTO)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.5, 60), st.floats(0.1, 4), st.floats(0, 1)), max_size=20))
def test_it_never_flutters(phases: list[tuple[float, float, float]]) -> None:
    """Whatever the machine does, a step is taken back only after its hold, and one by one."""
    plant = Plant()
    for seconds, speed, hitch in phases:
        plant.run(seconds, speed, hitch)
    changes = [(0.0, Step.NORMAL), *plant.steps]
    for (then, before), (now, after) in pairwise(changes):
        if after < before:
            assert after == before - 1
            assert now - then >= HOLD - 1e-6
    assert len(plant.steps) <= 3 + 2 * plant.now / HOLD


@settings(max_examples=25)
@given(st.floats(0.1, 4), st.floats(0, 1), st.floats(1.0, 2.2))
def test_a_machine_that_stays_as_it_is_comes_to_rest(
    speed: float, hitch: float, gain: float
) -> None:
    plant = Plant(gain=gain).run(120, speed, hitch)
    settled = len(plant.steps)
    assert settled <= 3
    plant.run(200, speed, hitch)
    assert len(plant.steps) == settled


@settings(max_examples=25)
@given(st.floats(0.7, 0.9), st.floats(1.3, 2.0))
def test_guidance_goes_in_time(speed: float, gain: float) -> None:
    """Where the engine keeps up without guidance, nothing is ever missing."""
    plant = Plant(gain=max(gain, 1.06 / speed)).run(5, 2.0).run(220, speed)
    assert plant.dry == 0
    assert plant.latency.step is Step.UNGUIDED


# ---------------------------------------------------------------- scenes


def test_others_come_and_go() -> None:
    plant = Plant().run(20, 3.0)
    assert plant.steps == []
    plant.run(60, 0.8)
    assert [step for _, step in plant.steps] == [Step.LOOK_AHEAD, Step.UNGUIDED]
    assert plant.dry == 0
    plant.run(60, 3.0)
    assert [step for _, step in plant.steps[2:]] == [Step.LOOK_AHEAD, Step.NORMAL]
    assert plant.steps[2][0] - 80 >= HOLD


def test_who_comes_and_goes_often_is_waited_for_ever_longer() -> None:
    plant = Plant().run(10, 3.0)
    for _ in range(30):
        plant.run(12, 0.8).run(24, 3.0)
    early = sum(at < 300 for at, _ in plant.steps)
    late = sum(at > plant.now - 300 for at, _ in plant.steps)
    assert late < early / 2
    assert plant.dry == 0


def test_too_slow_even_without_guidance_is_told() -> None:
    plant = Plant().run(5, 1.5).run(30, 0.3)
    assert plant.latency.step is Step.LIGHTER


def test_a_take_that_is_nearly_made_needs_no_speed() -> None:
    slow = Reading(100.0, speed=0.5, buffered=8.0, left=4.0)
    assert advance(Latency(), slow).step is Step.LOOK_AHEAD
    assert advance(Latency(), replace(slow, left=20.0)).step is Step.LOOK_AHEAD, "15 s are left"
    assert advance(Latency(), replace(slow, left=20.0, buffered=2.0)).step is Step.UNGUIDED


def test_what_is_unguided_already_has_one_step_less() -> None:
    slow = Reading(100.0, speed=0.5, buffered=1.0, guided=False)
    assert advance(Latency(), slow).step is Step.LIGHTER


def test_a_hitch_is_kept_in_hand() -> None:
    place = advance(Latency(), Reading(100.0, speed=5.0, hitch=0.2, buffered=5.0))
    assert place.step is Step.NORMAL
    assert place.in_hand(Mode.AUTO) == pytest.approx(0.25)
    rough = advance(place, Reading(101.0, speed=5.0, hitch=1.0, buffered=5.0))
    assert rough.step is Step.LOOK_AHEAD
    assert rough.in_hand(Mode.AUTO) == pytest.approx(1.25)
    assert rough.run_ahead(Mode.AUTO) > place.run_ahead(Mode.AUTO)


def test_an_endless_take_that_cannot_be_kept_up_begins_without_guidance() -> None:
    slow = Latency().opened(50.0, 0.8, Mode.AUTO, endless=True)
    assert slow.step is Step.UNGUIDED
    assert Latency().opened(50.0, 0.8, Mode.AUTO, endless=False).step is Step.NORMAL
    assert Latency().opened(50.0, 0.8, Mode.LOW, endless=True).step is Step.NORMAL
    old = replace(slow, read_at=50.0)
    assert old.opened(60.0, 4.0, Mode.AUTO, endless=True).step is Step.UNGUIDED, "a moment ago"
    assert old.opened(90.0, 4.0, Mode.AUTO, endless=True).step is Step.NORMAL
