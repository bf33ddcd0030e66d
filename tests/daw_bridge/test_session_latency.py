"""Headroom that shrinks and comes back, through the session: what is asked, told and written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.session_io import SessionOutput
from daw_bridge.take_timeline import timeline
from tests.daw_bridge.test_session import ME, Session, block, of, tokens
from tests.fakes import loaded

AHEAD = 6.0  # seconds
TICK = 0.2


class Stage(Session):
    """A take that plays: the engine makes it at a speed, the ear hears it at one."""

    def __init__(self, bars: float = 0.0, **values: float) -> None:
        super().__init__()
        self.do(ask.SetParameter("bars", bars), *(ask.SetParameter(*v) for v in values.items()))
        self.do(ask.Generate("funk", ME))
        self.made, self.ahead, self.dropouts = 0, 0.0, 0
        self.epoch = 1
        self.make(round(AHEAD * 50), 4.0)
        self.do(audio.TakeHeard(1, self.now))
        self.began = self.now

    def make(self, frames: int, speed: float) -> list[SessionOutput]:
        """In blocks of ten frames, with the work that they took."""
        came: list[SessionOutput] = []
        for _ in range(frames // 10):
            told = replace(tokens(1, self.made, 10, speed), busy=0.2 / speed)
            came += self.do(told, replace(block(1, self.made, 10), epoch=self.epoch))
            self.made += 10
        return came

    def play(self, seconds: float, speed: float) -> list[SessionOutput]:
        """speed: with guidance; without it, 1.8 times as much."""
        came: list[SessionOutput] = []
        due = 0.0
        for _ in range(round(seconds / TICK)):
            flight = self.state.current
            assert flight is not None
            now = speed * (1.8 if flight.sampling.guidance == 1 else 1.0)
            due += TICK * now * 50
            room = flight.credit - self.made
            frames = min(int(due) // 10 * 10, room // 10 * 10)
            came += self.make(frames, now)
            due = min(due - frames, 20.0)
            heard = round((self.now + TICK - self.began) * 32_000)
            if heard > self.made * 640:
                self.dropouts += 1
            ahead = self.made * 640 - heard
            came += self.do(
                audio.Played(1, self.epoch, min(heard, self.made * 640), ahead / 32_000,
                             self.dropouts),
                after=TICK,
            )  # fmt: skip
            for asked in of(engine.ChangeSampling, came[-8:]):
                if flight.sampling == asked.sampling:
                    continue
                came += self.do(
                    engine.TakeSteered(
                        1, self.epoch, self.made, self.made * 640 - 2400, flight.prompt,
                        asked.sampling,
                    )
                )  # fmt: skip
        return came


def steps(came: list[SessionOutput]) -> list[str]:
    return [told.step for told in of(events.LatencyChanged, came)]


def test_guidance_goes_in_time_and_comes_back_and_the_take_remembers_where() -> None:
    stage = Stage()
    assert steps(stage.play(5, 4.0)) == []
    came = stage.play(35, 0.7)
    assert steps(came) == ["more look-ahead", "guidance off"]
    assert stage.dropouts == 0
    asked = stage.one(engine.ChangeSampling, came)
    assert (asked.frame, asked.sampling.guidance) == (None, 1.0)
    status = stage.state.shown
    assert (status.latency, status.underruns) == ("guidance off", 0)
    came = stage.play(25, 4.0)
    assert steps(came) == ["more look-ahead", "normal"]
    assert stage.one(engine.ChangeSampling, came).sampling.guidance == 3.0
    flight = stage.state.current
    assert flight is not None
    held = [one.sampling.guidance for one in timeline(flight.record)]
    assert held == [3.0, 1.0, 3.0]
    frames = [one.frame for one in timeline(flight.record)]
    assert frames == sorted(frames)


def test_an_engine_that_is_started_again_is_not_taken_for_a_slow_one() -> None:
    stage = Stage()
    stage.play(5, 4.0)
    stage.do(engine.EngineProblem(1, "engine", "the engine process ended; it is started again"))
    heard, dropouts = round((stage.now - stage.began) * 32_000), 0
    came: list[SessionOutput] = []
    for _ in range(50):  # ten seconds without a frame; after six the ear has nothing left
        dropouts += 1
        came += stage.do(audio.Played(1, 1, heard, 0.0, dropouts), after=TICK)
    assert steps(came) == []
    stage.do(loaded())
    stage.dropouts = dropouts
    assert {"guidance off", "lighter model"}.isdisjoint(steps(stage.play(5, 4.0)))


def test_a_step_is_one_line_that_says_what_is_going_on() -> None:
    stage = Stage()
    told = of(events.LatencyChanged, stage.play(35, 0.7))
    assert all(one.worse and "\n" not in one.text for one in told)
    assert "guidance is off for now" in told[-1].text
    told = of(events.LatencyChanged, stage.play(25, 4.0))
    assert not any(one.worse for one in told)
    assert "guidance is on again" in told[0].text


def test_while_guidance_is_off_a_fader_does_not_bring_it_back() -> None:
    stage = Stage()
    stage.play(35, 0.7)
    came = stage.do(ask.SetParameter("guidance", 5.0), ask.SetParameter("temperature", 0.8))
    assert stage.one(engine.ChangeSampling, came).sampling.guidance == 1.0
    came = stage.play(25, 4.0)
    assert [c.sampling.guidance for c in of(engine.ChangeSampling, came)] == [5.0]


def test_a_dropout_that_is_the_engines_doubles_what_is_kept_in_hand() -> None:
    stage = Stage()
    stage.play(2, 4.0)
    assert stage.state.in_hand == pytest.approx(0.12)
    heard = round(2.2 * 32_000)
    stage.do(audio.Played(1, 1, heard, 3.0, 1), after=0.2)
    assert stage.state.in_hand == pytest.approx(0.12), "there was sound: it was the device's"
    stage.do(audio.Played(1, 1, heard + 6_400, 0.0, 2), after=0.2)
    stage.do(audio.Played(1, 1, heard + 12_800, 0.0, 3), after=0.2)
    assert stage.state.in_hand >= 1.0


def test_a_retry_goes_through_its_own_guidance_and_is_not_corrected() -> None:
    stage = Stage(guidance=5.0)
    stage.do(engine.TakeDone(1, stage.made, True))
    stage.do(ask.SetParameter("guidance", 2.0), ask.Retry(ME))
    flight = stage.state.current
    assert flight is not None
    assert flight.sampling.guidance == 5.0
    made = stage.do(replace(tokens(2, 0, 300), take=2), replace(block(2, 0, 300), epoch=2))
    made += stage.do(audio.TakeHeard(2, stage.now), audio.Played(2, 2, 3_200, 5.0, 0))
    assert not of(engine.ChangeSampling, made)


def test_a_take_that_begins_without_guidance_gets_it_when_there_is_time() -> None:
    stage = Stage()
    stage.play(35, 0.7)
    came = stage.do(ask.Generate("next"))
    assert stage.one(engine.StartTake, came).sampling.guidance == 1.0
    flight = stage.state.current
    assert flight is not None
    assert flight.guidance_due == 3.0


def test_low_is_left_alone() -> None:
    stage = Stage(latency=0)
    came = stage.play(35, 0.7)
    assert steps(came) == []
    assert not of(engine.ChangeSampling, came)
    assert stage.dropouts > 0, "the musician wanted it so"


def test_pinning_it_low_takes_a_step_back_at_once() -> None:
    stage = Stage()
    stage.play(35, 0.7)
    came = stage.do(ask.SetParameter("latency", 0.0, ME))
    assert steps(came) == ["normal"]
    assert stage.one(engine.ChangeSampling, came).sampling.guidance == 3.0


def test_safe_keeps_more_in_hand() -> None:
    stage, safe = Stage(), Stage(latency=2)
    stage.play(2, 4.0)
    safe.play(2, 4.0)
    assert safe.state.in_hand > 5 * stage.state.in_hand
    assert safe.state.run_ahead == 2 * stage.state.run_ahead
    changes = [s.one(engine.ChangePrompt, s.do(ask.SetPrompt("dub"))).frame for s in (stage, safe)]
    assert changes[1] is not None
    assert changes[0] is not None
    assert changes[1] - changes[0] == pytest.approx(50 * (safe.state.in_hand - 0.12), abs=2)


def test_an_endless_take_that_cannot_be_kept_up_ends_on_a_bar_and_not_in_a_gap() -> None:
    stage = Stage(tempo=120)
    stage.do(replace(loaded(), smaller="starter", fewer_bits="int8"))
    came = stage.play(20, 0.4)
    assert steps(came)[-1] == "lighter model"
    offered = of(events.LatencyChanged, came)[-1].text
    assert "/musicgen/model starter" in offered
    assert "--dtype int8" in offered
    end = stage.one(audio.EndTake, came)
    problem = stage.one(events.Problem, came)
    assert problem.code == "too_slow"
    assert problem.origin == ME
    assert stage.dropouts == 0 or end.sent_at + end.stop_in < stage.now
    length = end.sent_at + end.stop_in - stage.began
    assert length % 2.0 == pytest.approx(0, abs=0.06) or length % 2.0 == pytest.approx(2, abs=0.06)


def test_a_slow_model_fills_first_and_says_how_long() -> None:
    session = Session()
    session.do(ask.SetParameter("bars", 8.0), ask.Generate("funk", ME))  # 16 s
    came: list[SessionOutput] = []
    begun = None
    for number in range(80):
        told = replace(tokens(1, 10 * number, 10, 0.5), busy=0.4)
        came += session.do(told, block(1, 10 * number, 10), after=0.4)
        if begun is None and of(audio.BeginTake, came):
            begun = session.now
    said = of(events.Filling, came)
    assert len(said) <= 3, "not at every block"
    assert begun is not None
    assert said[0].seconds == pytest.approx(begun - 100.0, abs=3)
    assert begun + 16 >= session.now, "what was left came in time"
    assert begun + 16 < session.now + 6, "and it did not wait for more than it must"


def test_what_a_slow_take_waits_for_is_in_the_status() -> None:
    session = Session()
    session.do(ask.SetParameter("bars", 8.0), ask.Generate("funk", ME))
    for number in range(4):
        told = replace(tokens(1, 10 * number, 10, 0.5), busy=0.4)
        session.do(told, block(1, 10 * number, 10), after=0.4)
    assert session.state.shown.starts_in > 5


def test_another_model_is_measured_anew() -> None:
    stage = Stage()
    stage.play(35, 0.7)
    stage.do(loaded())
    assert stage.state.tuning.unguided, "the same one"
    stage.do(replace(loaded("other"), digest="f" * 16))
    assert not stage.state.tuning.unguided
    assert stage.state.speed == 0
