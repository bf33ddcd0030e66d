"""Two takes ready: made beside what sounds, swapped for it on a bar line, to the sample."""

from __future__ import annotations

import pytest

from core.generation import messages as engine
from core.generation.params import SamplingParams
from core.types import SAMPLES_PER_FRAME
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.session_io import PlayBlock, SessionOutput, Tick
from tests.daw_bridge.test_session import ME, Session, block, of, tokens
from tests.fakes import codes_of

RATE = 32_000
LATENCY = 0.02  # of `Session`'s output


class Ring(Session):
    """Take 1 sounds, from a bar line of a rolling clock on, and has been heard for `heard` s."""

    def __init__(self, bars: float = 0.0, bpm: float = 112.5, heard: float = 1.0) -> None:
        super().__init__()
        self.do(ask.SetParameter("bars", bars), ask.SetParameter("seed", 4.0))
        self.roll(bpm=bpm)
        self.do(ask.Generate("one"), after=0.1)
        self.frames = self.one(engine.StartTake).frames
        made = self.frames or 800
        self.do(tokens(1, 0, made, speed=4.0), block(1, 0, made))
        while not of(audio.BeginTake, self.out):
            self.pass_time(0.05)
        assert self.one(audio.BeginTake).take == 1
        flight = self.state.current
        assert flight is not None
        assert flight.start_at is not None
        self.start = flight.start_at  # when its first sample sounds
        self.bar = 240 / bpm
        self.play(heard)
        self.out.clear()

    def play(self, seconds: float, take: int = 1, offset: float = 0.0) -> list[SessionOutput]:
        """Until so much of the first take would have been heard; `take`, which begins at
        `offset` of it, is what sounds."""
        came: list[SessionOutput] = []
        while (left := self.start - LATENCY + seconds - self.now) > 1e-6:
            came += self.do(Tick(), after=min(0.05, left))
            place = self.now - (self.start - LATENCY) - offset
            if place > 0:
                samples = round(place * RATE)
                came += self.do(audio.Played(take, take, samples, 5.0, 0))
        return came

    def branch(self, count: int = 2) -> engine.StartBeside:
        came = self.do(ask.MakeAlternatives(count, ME))
        asked = self.one(disk.RecallTake, came)
        assert asked.frame is not None
        record = self.state.tree.records[1]
        found = disk.TakeRecalled(asked.token, record, codes_of(asked.frame), asked.frame)
        return self.one(engine.StartBeside, self.do(found))

    def make(self, take: int, frames: int = 200) -> list[SessionOutput]:
        return self.do(tokens(take, 0, frames), block(take, 0, frames))

    def make_both(self, frames: int = 200) -> None:
        self.make(2, frames)
        self.make(3, frames)


@pytest.fixture
def ring() -> Ring:
    return Ring()


def begun(ring: Ring, outputs: list[SessionOutput]) -> audio.BeginTake:
    return ring.one(audio.BeginTake, outputs)


# ---------------------------------------------------------------- made


def test_they_branch_at_the_next_bar_line_far_enough_ahead(ring: Ring) -> None:
    started = ring.branch()
    frame = int(ring.bar * 50)  # the frame that the second bar begins in
    assert [one.take for one in started.takes] == [2, 3]
    for one in started.takes:
        assert one.codes is not None
        assert one.codes.shape[1] == frame
        assert one.frames is None
        assert one.prompt.text.startswith("one")
        record = ring.state.tree.records[one.take]
        assert (record.parent, record.at, record.seed) == (1, frame, one.sampling.seed)
    seeds = {4, *(one.sampling.seed for one in started.takes)}
    assert len(seeds) == 3
    assert [one.record.take for one in of(disk.OpenTake, ring.out)] == [2, 3]
    assert ring.state.tree.current == 1  # what sounds
    assert ring.state.current is not None
    assert ring.state.current.take == 1


def test_asked_for_before_the_first_sound_they_wait_for_it() -> None:
    session = Session()
    session.do(ask.SetParameter("bars", 0.0), ask.Generate("one"))
    assert of(events.Accepted, session.do(ask.MakeAlternatives(1, ME)))[0].take == 1
    session.do(tokens(1, 0, 800), block(1, 0, 800), audio.TakeHeard(1, session.now))
    assert not of(disk.RecallTake, session.pass_time(0.2))
    session.do(audio.Played(1, 1, 1_000, 5.0, 0))
    asked = session.one(disk.RecallTake, session.pass_time(0.1))
    assert (asked.take, asked.frame) == (1, 100)


def test_they_wait_until_what_they_continue_is_made() -> None:
    session = Session()
    session.do(ask.SetParameter("bars", 0.0), ask.Generate("one"))
    session.do(tokens(1, 0, 60), block(1, 0, 60), audio.TakeHeard(1, session.now))
    session.do(audio.Played(1, 1, 1_000, 1.0, 0), ask.MakeAlternatives(1, ME))
    assert not of(disk.RecallTake, session.out)
    session.do(tokens(1, 60, 60), block(1, 60, 30))
    assert not of(disk.RecallTake, session.pass_time(0.05))  # the sound is not there yet
    session.do(block(1, 90, 20))
    asked = session.one(disk.RecallTake, session.pass_time(0.05))
    assert asked.frame == 100
    came = session.do(disk.DiskProblem("bad_input", "its tokens are broken", asked.token))
    assert refused(came) == "its tokens are broken"
    assert session.state.alternatives is None


def test_those_of_a_take_with_an_end_end_with_it() -> None:
    ring = Ring(bars=4)
    assert ring.frames is not None
    started = ring.branch()
    record = ring.state.tree.records[2]
    at = record.at
    assert at is not None
    assert {one.frames for one in started.takes} == {ring.frames - at}
    assert record.length == pytest.approx(4 * ring.bar - at / 50)


def test_they_are_silent_go_to_disk_and_are_told_when_ready(ring: Ring) -> None:
    ring.branch()
    came = ring.make(2)
    assert not of(events.AlternativesReady, came)
    assert ring.one(disk.KeepTokens, came).tokens.take == 2
    assert ring.one(disk.KeepPcm, came).block.take == 2
    came += ring.make(3)
    assert ring.one(events.AlternativesReady, came) == events.AlternativesReady((2, 3, 1), ME)
    assert not of(PlayBlock, came)
    assert not of(audio.BeginTake, came)


def test_how_far_they_run_ahead_is_bound_to_the_ear(ring: Ring) -> None:
    ring.branch()
    assert {c.take: c.frames for c in of(engine.Credit, ring.out)} == {2: 500, 3: 500}
    credits = of(engine.Credit, ring.play(ring.bar + 5.0))
    for take in (1, 2, 3):
        last = [credit.frames for credit in credits if credit.take == take][-1]
        heard = 50 * (ring.bar + 5.0) - (0 if take == 1 else int(ring.bar * 50))
        assert last == pytest.approx(heard + 500, abs=30)


# ---------------------------------------------------------------- swapped


def test_a_swap_lands_on_the_bar_to_the_sample(ring: Ring) -> None:
    ring.branch()
    ring.make_both()
    came = ring.do(ask.Swap(None, ME), after=0.05)
    told = ring.one(events.Scheduled, came)
    assert (told.take, told.slipped) == (2, 0)
    came += ring.play(ring.bar - 0.1)
    begin = begun(ring, came)
    line = round(ring.bar * RATE)
    at = ring.state.tree.records[2].at
    assert at is not None
    assert begin.sample is not None
    assert (begin.take, begin.follows, begin.at) == (2, 1, line)
    assert begin.sample == line - at * SAMPLES_PER_FRAME
    played = of(PlayBlock, came)
    assert played[0].block.take == 2
    assert played[0].block.first_sample <= begin.sample - 0.02 * RATE or at * 640 >= line - 640
    assert ring.one(events.CurrentTake, came).take == 2
    assert ring.state.tree.current == 2
    assert ring.one(engine.Prefer, came).take == 2


def test_a_swap_without_the_sound_for_it_slips_whole_bars(ring: Ring) -> None:
    ring.branch()
    ring.make(3)
    came = ring.do(ask.Swap(1, ME))
    came += ring.play(ring.bar + 0.2)
    assert not of(audio.BeginTake, came)
    assert [told.slipped for told in of(events.Scheduled, came)] == [0, 1]
    ring.make(2)
    begin = begun(ring, ring.play(2 * ring.bar - 0.1))
    assert begin.at == round(2 * ring.bar * RATE)


def test_round_they_go_and_back(ring: Ring) -> None:
    started = ring.branch()
    offset = started.takes[0].codes.shape[1] / 50 if started.takes[0].codes is not None else 0
    ring.make_both(700)
    sounding, order = 1, []
    for number in range(1, 5):
        ring.do(ask.Swap(None, ME))
        line = number * ring.bar
        begin = begun(ring, ring.play(line - 0.05, sounding, 0 if sounding == 1 else offset))
        order.append(begin.take)
        own = 0 if begin.take == 1 else round(offset * 50) * SAMPLES_PER_FRAME
        assert begin.sample == round(line * RATE) - own
        ended = audio.TakeEnded(sounding, 0, completed=False)
        sounding = begin.take
        ring.play(line + 0.3, sounding, 0 if sounding == 1 else offset)
        ring.do(ended)
    assert order == [2, 3, 1, 2]


def test_undo_goes_back(ring: Ring) -> None:
    ring.branch()
    ring.make_both()
    ring.do(ask.Swap(2, ME))
    ring.play(ring.bar + 0.1)
    assert ring.state.tree.current == 3
    assert ring.one(events.CurrentTake, ring.do(ask.Undo(ME))).take == 1


def test_what_sounds_already_stays(ring: Ring) -> None:
    ring.branch()
    ring.make_both()
    ring.do(ask.Swap(1, ME))
    came = ring.do(ask.Swap(3, ME))
    assert ring.one(engine.Prefer, came).take == 1
    assert not of(audio.BeginTake, ring.play(2 * ring.bar))


def test_at_once_with_quantize_0(ring: Ring) -> None:
    ring.branch()
    ring.make_both(400)
    ring.play(ring.bar + 0.5)
    ring.do(ask.SetParameter("quantize", 0.0))
    came = ring.do(ask.Swap(1, ME))
    begin = begun(ring, came + ring.play(ring.bar + 0.7))
    assert begin.at / RATE == pytest.approx(ring.bar + 0.55, abs=0.15)


def test_without_a_clock_the_take_has_bars_of_its_own() -> None:
    session = Session()
    session.do(ask.SetParameter("bars", 0.0), ask.SetParameter("tempo", 112.5), ask.Generate("one"))
    session.do(tokens(1, 0, 800), block(1, 0, 800), audio.TakeHeard(1, session.now))
    session.do(audio.Played(1, 1, RATE, 5.0, 0))
    asked = session.one(disk.RecallTake, session.do(ask.MakeAlternatives(1, ME)))
    assert asked.frame == int(240 / 112.5 * 50)


# ---------------------------------------------------------------- what becomes of them


def gone(ring: Ring, came: list[SessionOutput]) -> None:
    assert ring.one(events.AlternativesReady, came).takes == ()
    assert ring.state.alternatives is None
    assert {2, 3} <= {one.take for one in of(engine.CancelTake, came)}
    came = ring.do(engine.TakeDone(2, 200, True), engine.TakeDone(3, 200, True))
    assert [one.record.take for one in of(disk.CloseTake, came)] == [2, 3]  # kept as takes
    assert not {2, 3} & {flight.take for flight in ring.state.flights}


@pytest.mark.parametrize(
    "ends", [ask.Stop(ME), ask.Panic(ME), ask.Generate("two", ME), ask.Retry(ME)], ids=repr
)
def test_what_ends_the_sound_ends_them(ring: Ring, ends: ask.Command) -> None:
    ring.branch()
    ring.make_both()
    gone(ring, ring.do(ends))


def test_the_end_of_what_sounds_ends_them() -> None:
    ring = Ring(bars=4)
    ring.branch()
    ring.make_both()
    ring.do(engine.TakeDone(1, ring.frames or 0, False))
    gone(ring, ring.do(audio.TakeEnded(1, 1, completed=True)))


def test_a_prompt_that_changes_is_for_what_sounds(ring: Ring) -> None:
    ring.branch()
    ring.make_both()
    ring.play(ring.bar + 1)
    came = ring.do(ask.SetPrompt("two", ME))
    assert [one.take for one in of(engine.ChangePrompt, came)] == [1]
    assert ring.state.alternatives is not None


def test_a_change_before_their_bar_ends_them_and_their_context_is_kept(ring: Ring) -> None:
    started = ring.branch()
    ring.make_both()
    reply = engine.TakeSteered(1, 9, 70, 70 * 640, started.takes[0].prompt, SamplingParams(seed=4))
    came = ring.do(reply)
    assert ring.one(events.Problem, came).code == "superseded"
    assert [one.take for one in of(disk.KeepContext, came)] == [2, 3]
    assert ring.state.tree.records[2].parent is None
    gone(ring, came)


def test_a_finished_take_that_branches_for_its_prompt_keeps_its_alternatives() -> None:
    ring = Ring(bars=8)
    ring.branch()
    ring.make_both()
    ring.do(engine.TakeDone(1, ring.frames or 0, False), audio.TakeHeard(1, ring.now))
    ring.play(ring.bar + 1)
    came = ring.do(ask.SetPrompt("two", ME))
    asked = ring.one(disk.RecallTake, came)
    assert asked.frame is not None
    record = ring.state.tree.records[1]
    found = disk.TakeRecalled(asked.token, record, codes_of(asked.frame), asked.frame)
    ring.do(found)
    assert ring.state.alternatives is not None
    assert ring.state.alternatives.ring == (2, 3, 4)


def test_the_engine_gives_one_up_and_the_other_is_still_there(ring: Ring) -> None:
    ring.branch()
    ring.make(3)
    ring.do(engine.EngineProblem(2, "out_of_memory", "it does not fit"))
    came = ring.do(ask.Swap(2, ME)) + ring.play(ring.bar + 0.1)
    assert begun(ring, came).take == 3


# ---------------------------------------------------------------- refused


def refused(came: list[SessionOutput]) -> str:
    return next(one.text for one in of(events.Problem, came))


def test_nothing_to_swap_or_to_branch_is_said() -> None:
    session = Session()
    assert "ask for alternatives first" in refused(session.do(ask.Swap(None, ME)))
    assert "generate a take first" in refused(session.do(ask.MakeAlternatives(2, ME)))


def test_numbers_out_of_range_are_refused(ring: Ring) -> None:
    assert "use 1 to 4" in refused(ring.do(ask.MakeAlternatives(5, ME)))
    ring.branch()
    assert "there are 1 to 3" in refused(ring.do(ask.Swap(4, ME)))


def test_a_loop_has_none() -> None:
    session = Session()
    session.do(ask.SetParameter("loop", 1.0), ask.SetParameter("bars", 2.0), ask.Generate("one"))
    assert "a loop has no alternatives" in refused(session.do(ask.MakeAlternatives(2, ME)))


def test_no_bar_left_is_said() -> None:
    ring = Ring(bars=1)
    assert "no bar left" in refused(ring.do(ask.MakeAlternatives(2, ME)))
