"""Prompts and sampling that change while a take plays: how far back, how often, what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.generation import messages as engine
from core.generation.params import Prompt, SamplingParams, Steering
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.engine_ledger import Ledger
from daw_bridge.partial_take import PartialTake
from daw_bridge.session_io import PlayBlock, SessionOutput, Tick
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import record_of, table_of
from daw_bridge.take_timeline import past, steered, timeline
from tests.daw_bridge.test_session import ME, Session, block, of, tokens
from tests.fakes import codes_of, pcm_of

DUB = Prompt("dub")


@pytest.fixture
def session() -> Session:
    """Endless, generated ten seconds ahead of the ear, which has heard five."""
    session = Session()
    session.do(ask.SetParameter("bars", 0.0), ask.SetParameter("seed", 4.0), ask.Generate("one"))
    session.do(tokens(1, 0, 750, speed=4.0), block(1, 0, 750))
    session.do(audio.TakeHeard(1, session.now), audio.Played(1, 1, 5 * 32_000, 10.0, 0))
    session.out.clear()
    return session


def answer(session: Session, asked: engine.ChangePrompt) -> list[SessionOutput]:
    """As the engine does."""
    assert asked.frame is not None
    flight = session.state.current
    assert flight is not None
    reply = engine.TakeSteered(
        1, asked.epoch, asked.frame, asked.frame * 640 - 2_402, asked.prompt, flight.sampling
    )
    return session.do(reply)


def test_a_change_is_heard_within_a_second_though_the_engine_is_ten_ahead(session: Session) -> None:
    asked = session.one(engine.ChangePrompt, session.do(ask.SetPrompt("dub", ME), after=0.04))
    assert asked.frame is not None
    heard = 5.04
    assert heard + 0.15 < (asked.frame * 640 - 2_402) / 32_000 < heard + 0.8


def test_what_was_sent_is_replaced_at_its_sample_and_noted(session: Session) -> None:
    asked = session.one(engine.ChangePrompt, session.do(ask.SetPrompt("dub", ME)))
    came = answer(session, asked)
    assert asked.frame is not None
    sample = asked.frame * 640 - 2_402
    begin = session.one(audio.BeginTake, came)
    assert (begin.take, begin.epoch, begin.follows, begin.at) == (1, asked.epoch, 1, sample)
    assert session.one(disk.CutTake, came) == disk.CutTake(1, asked.frame, sample)
    assert session.one(disk.NoteTake, came).record.prompts == ((0, "one"), (asked.frame, "dub"))
    new = engine.PcmBlock(1, asked.epoch, sample, pcm_of(5))
    assert session.one(PlayBlock, session.do(new, after=0.2)).block.epoch == asked.epoch
    assert session.state.reaction == pytest.approx(0.2)
    came = session.do(engine.TakeDone(1, 800, True))
    record = session.one(disk.CloseTake, came).record
    assert [(c.frame, c.texts) for c in record.changes] == [
        (0, (("one", 1.0),)), (asked.frame, (("dub", 1.0),))
    ]  # fmt: skip


@pytest.mark.parametrize(("apart", "kept"), [(0.3, 0.8), (30.0, 0.45)])
def test_a_slow_change_is_remembered_by_the_clock(
    session: Session, apart: float, kept: float
) -> None:
    """Ten quick ones after it: within three seconds they say little, in five minutes much."""
    for number, took in enumerate((1.0, *[0.1] * 10)):
        text = ask.SetPrompt(f"dub {number}", ME)
        asked = session.one(engine.ChangePrompt, session.do(text, after=max(0.01, apart - took)))
        answer(session, asked)
        assert asked.frame is not None
        sound = engine.PcmBlock(1, asked.epoch, asked.frame * 640 - 2_402, pcm_of(5))
        session.do(sound, after=took)
        now = 5.0 + asked.frame / 50
        session.do(audio.Played(1, asked.epoch, round(now * 32_000) // 640 * 640, 10.0, 0))
    low, high = (kept, 1.0) if apart < 1 else (0.1, kept)
    assert low < session.state.reaction < high


def test_an_engine_that_was_not_ahead_changes_without_a_splice(session: Session) -> None:
    session.do(ask.SetPrompt("dub", ME))
    reply = engine.TakeSteered(1, 1, 750, 750 * 640, DUB, SamplingParams(seed=4))
    assert not of(audio.BeginTake, session.do(reply))


def test_played_is_understood_of_old_and_new_sound(session: Session) -> None:
    answer(session, session.one(engine.ChangePrompt, session.do(ask.SetPrompt("dub"))))
    session.do(audio.Played(1, 1, 170_000, 1.0, 0))
    assert session.state.current is not None
    assert session.state.current.played == 170_000


def test_audio_that_waits_for_its_bar_is_cut(session: Session) -> None:
    waits = Session()
    waits.roll(beat=0.5, bpm=60)
    waits.do(ask.Generate("one"), tokens(1, 0, 100), block(1, 0, 50), block(1, 50, 50))
    flight = waits.state.current
    assert flight is not None
    assert not flight.begun
    asked = waits.one(engine.ChangePrompt, waits.do(ask.SetPrompt("dub")))
    assert asked.frame is not None
    assert asked.frame < 20  # there is time to make nearly all of it anew
    reply = engine.TakeSteered(1, 9, 60, 60 * 640 - 2_402, DUB, flight.sampling)
    assert not of(audio.BeginTake, waits.do(reply))
    waits.do(engine.PcmBlock(1, 9, 60 * 640 - 2_402, pcm_of(10)))
    came = waits.pass_time(4.5)
    assert waits.one(audio.BeginTake, came).follows is None
    played = [o.block for o in of(PlayBlock, came)]
    assert {b.epoch for b in played} == {9}
    ends = np.cumsum([len(b.pcm) for b in played])
    assert [b.first_sample for b in played] == [0, *ends[:-1]]


def test_a_slow_engine_keeps_what_it_needs() -> None:
    session = Session()
    session.do(ask.SetParameter("tempo", 120.0), ask.SetParameter("bars", 8.0), ask.Generate("x"))
    session.do(engine.TakeTokens(1, 0, codes_of(600), 800, 30.0), block(1, 0, 600))  # 0.6×
    session.do(audio.TakeHeard(1, session.now), audio.Played(1, 1, 32_000, 11.0, 0))
    asked = session.one(engine.ChangePrompt, session.do(ask.SetPrompt("dub")))
    assert asked.frame is not None
    kept, left = asked.frame / 50 - 1, 16 - asked.frame / 50
    assert kept >= left * (1 / 0.6 - 1), "it would run dry before the end"


# ---------------------------------------------------------------- faders


def test_a_fader_is_followed_in_steps_and_to_its_end(session: Session) -> None:
    session.do(ask.SetPromptSlot(2, "strings", 0.0))
    came = []
    for value in range(100):  # one second
        came += session.do(ask.SetPromptSlot(2, None, value / 99), after=0.01)
        if value % 5 == 4:
            came += session.do(Tick())
    came += session.pass_time(0.6)
    changes = of(engine.ChangePrompt, came)
    assert 3 <= len(changes) <= 12
    assert changes[-1].prompt == Prompt.of([("one", 1), ("strings", 1)])
    shares = [dict(change.prompt.texts).get("strings", 0.0) for change in changes]
    assert shares == sorted(shares)
    frames = [change.frame or 0 for change in changes]
    assert frames == sorted(frames)
    assert not of(engine.ChangePrompt, session.pass_time(1.0)), "nothing more to say"


def test_parameters_go_the_same_way(session: Session) -> None:
    came = session.do(ask.SetParameter("guidance", 1.5), after=0.1)
    asked = session.one(engine.ChangeSampling, came)
    assert asked.sampling.guidance == 1.5
    assert asked.frame is not None
    assert 5.1 < asked.frame / 50 < 6.2
    reply = engine.TakeSteered(
        1, asked.epoch, asked.frame, asked.frame * 640 - 2_402, Prompt("one"), asked.sampling
    )
    record = session.one(disk.NoteTake, session.do(reply)).record
    assert [(c.frame, c.guidance) for c in record.changes] == [(0, 3.0), (asked.frame, 1.5)]
    assert record.prompts == ((0, "one"),)


# ---------------------------------------------------------------- a take that is made already


def made_and_sounding() -> Session:
    """Eight bars, all made; four seconds of sixteen were heard."""
    session = Session()
    session.do(ask.SetParameter("seed", 4.0), ask.Generate("one", ME))
    session.do(tokens(1, 0, 800), block(1, 0, 800, last=True), engine.TakeDone(1, 800, False))
    session.do(audio.TakeHeard(1, session.now), audio.Played(1, 1, 4 * 32_000, 12.0, 0))
    session.out.clear()
    return session


def test_a_take_that_is_made_is_branched_in_its_place() -> None:
    session = made_and_sounding()
    came = session.do(ask.SetPrompt("dub"), ask.SetParameter("temperature", 0.5))
    question = session.one(disk.RecallTake, came)  # once, whatever else changes meanwhile
    frame = question.frame
    assert frame is not None
    assert 4 < frame / 50 < 6
    record = session.state.tree.records[1]
    came = session.do(disk.TakeRecalled(question.token, record, codes_of(frame), frame))
    start = session.one(engine.StartTake, came)
    assert (start.take, start.prompt, start.frames) == (2, DUB, 800 - frame)
    assert (start.sampling.seed, start.sampling.temperature) == (4, 0.5)
    assert session.one(disk.OpenTake, came).record.parent == 1
    assert not of(events.Scheduled, came), "it waits for no bar"
    begin = session.one(audio.BeginTake, session.do(block(2), after=0.3))
    assert (begin.take, begin.follows, begin.at) == (2, 1, frame * 640)
    asked = session.do(ask.SetPrompt("dub", ME), ask.SetPrompt("techno", ME), after=0.5)
    assert session.one(engine.ChangePrompt, asked).take == 2


def test_what_has_ended_is_not_branched() -> None:
    for ending in (
        audio.Played(1, 1, 496_000, 0.5, 0), audio.TakeEnded(1, 512_000, True), ask.Panic()
    ):  # fmt: skip
        session = made_and_sounding()
        session.do(ending)
        assert not of(disk.RecallTake, session.do(ask.SetPrompt("dub")))
    session = made_and_sounding()
    question = session.one(disk.RecallTake, session.do(ask.SetPrompt("dub")))
    session.do(audio.TakeEnded(1, 512_000, True))
    record = session.state.tree.records[1]
    came = session.do(disk.TakeRecalled(question.token, record, codes_of(300), 300))
    assert not of(engine.StartTake, came)


# ---------------------------------------------------------------- slots


def test_slots_blend_and_the_negative_prompt_goes_along() -> None:
    session = Session()
    session.do(ask.SetPrompt("drums"), ask.SetPromptSlot(2, "strings", 0.4),
               ask.SetPromptSlot(1, None, 0.6), ask.SetNegative("vocals"),
               ask.SetPromptSlot(3, "silent", 0.0), ask.Generate())  # fmt: skip
    start = session.one(engine.StartTake)
    expected = Prompt.of([("drums", 0.6), ("strings", 0.4)], "vocals")
    assert start.prompt == expected
    record = session.one(disk.OpenTake).record
    assert record.prompt == "drums 60% + strings 40%"
    assert timeline(record)[0].prompt == expected
    session.do(ask.SetPromptSlot(2, ""), ask.SetNegative(""))
    assert session.state.slots.keys() == {3}
    came = session.do(ask.Generate())
    assert session.one(engine.StartTake, came).prompt == Prompt("drums")


def test_slots_are_told_and_asked_for() -> None:
    session = Session()
    came = session.do(ask.SetPromptSlot(2, "strings", 0.4, ME))
    changed = events.PromptChanged("strings", ME, slot=2, weight=0.4)
    assert session.one(events.PromptChanged, came) == changed
    assert session.one(events.Accepted, came).origin == ME
    told = session.one(events.PromptChanged, session.do(ask.AskPrompt(2, ME)))
    assert (told.text, told.weight, told.answer) == ("strings", pytest.approx(0.4), True)
    for slot in (0, 9):
        came = session.do(ask.SetPromptSlot(slot, "x", 1.0, ME))
        assert "slot" in session.one(events.Problem, came).text


def test_a_preset_is_one_prompt() -> None:
    session = Session()
    session.do(ask.SetPromptSlot(2, "strings", 0.4), ask.RecallPreset(0, ME), ask.Generate())
    assert session.one(engine.StartTake).prompt == Prompt("funky")


# ---------------------------------------------------------------- retry, continue


def test_a_retry_goes_through_the_same_changes(session: Session) -> None:
    asked = session.one(engine.ChangePrompt, session.do(ask.SetPrompt("dub")))
    answer(session, asked)
    session.do(ask.SetParameter("temperature", 2.0), engine.TakeDone(1, 800, True))
    start = session.one(engine.StartTake, session.do(ask.Retry()))
    assert (start.prompt, start.sampling.temperature) == (Prompt("one"), 1.0)
    (change,) = start.changes
    assert (change.frame, change.prompt) == (asked.frame, DUB)
    assert change.sampling.seed == start.sampling.seed != 4


def test_a_continuation_reads_its_past_as_it_was_written(session: Session) -> None:
    asked = session.one(engine.ChangePrompt, session.do(ask.SetPrompt("dub")))
    answer(session, asked)
    session.do(engine.TakeDone(1, 800, True))
    question = session.one(disk.RecallTake, session.do(ask.ContinueTake(1, 12.0)))
    record = session.state.tree.records[1]
    came = session.do(disk.TakeRecalled(question.token, record, codes_of(600), 600))
    start = session.one(engine.StartTake, came)
    assert asked.frame is not None
    assert [(c.frame, c.prompt) for c in start.changes] == [
        (-600, Prompt("one")), (asked.frame - 600, DUB)
    ]  # fmt: skip


def test_the_past_goes_back_through_parents() -> None:
    sampling = SamplingParams()
    first = steered(TakeRecord(1, ((0, "a"),), frames=100), Steering(60, Prompt("b"), sampling))
    second = TakeRecord(2, ((0, "c"),), parent=1, at=80, frames=50)
    told = past({1: first, 2: second}, 2, 50)
    assert [(c.frame, c.prompt.text) for c in told] == [(-130, "a"), (-70, "b"), (-50, "c")]
    told = past({1: first, 2: second}, 1, 50)
    assert [(c.frame, c.prompt.text) for c in told] == [(-50, "a")]


# ---------------------------------------------------------------- on disk


def test_a_timeline_comes_back_from_its_table() -> None:
    change = Steering(50, Prompt.of([("a", 1), ("b", 2)], "c"), SamplingParams(temperature=0.5))
    record = steered(TakeRecord(1, ((0, "x"),)), change)
    table = json.loads(json.dumps(table_of(record)))
    assert record_of(table) == record
    assert timeline(record_of(table))[-1].prompt == change.prompt
    for wrong in ([{"frame": 1}], [{**table["changes"][-1], "temperature": -1}], [3]):
        with pytest.raises(ValueError, match=r"description|temperature"):
            record_of({**table, "changes": wrong})


@pytest.mark.parametrize("channels", [1, 2])
def test_what_was_taken_back_is_gone_from_disk(tmp_path, channels: int) -> None:
    rng = np.random.default_rng(0)
    pcm = rng.normal(size=(6_400, channels)).astype(np.float32)
    codes = rng.integers(0, 2048, (4, 10))
    take = PartialTake(tmp_path, TakeRecord(1))
    take.add_codes(0, codes)
    take.add_pcm(pcm)
    take.cut(6, 3_000)
    assert take.samples == 3_000
    take.add_codes(6, codes[:, :2])
    take.add_pcm(pcm[:100])
    take.release()
    again = PartialTake(tmp_path, TakeRecord(1), recover=True)
    np.testing.assert_array_equal(again.codes, np.concatenate((codes[:, :6], codes[:, :2]), 1))
    np.testing.assert_array_equal(
        np.concatenate(list(again.blocks())), np.concatenate((pcm[:3_000], pcm[:100]))
    )
    again.discard()


# ---------------------------------------------------------------- the engine dies


def ledger_in_flight() -> Ledger:
    ledger = Ledger()
    sampling = SamplingParams(seed=3)
    ledger.request(engine.StartTake(1, 1, Prompt("one"), sampling))
    ledger.event(engine.TakeStarted(1, 1, 0))
    ledger.event(engine.TakeTokens(1, 0, codes_of(100), None, 50.0))
    ledger.event(engine.PcmBlock(1, 1, 0, pcm_of(96)))
    return ledger


def test_a_take_goes_on_with_what_it_was_told() -> None:
    ledger = ledger_in_flight()
    ledger.request(engine.ChangePrompt(1, DUB, 40, 2))
    ledger.event(engine.TakeSteered(1, 2, 40, 23_198, DUB, SamplingParams(seed=3)))
    ledger.event(engine.TakeTokens(1, 40, codes_of(10), None, 50.0))
    assert ledger.losses() == []
    (start,) = ledger.replay()
    assert isinstance(start, engine.StartTake)
    assert (start.done, start.first_sample, start.epoch) == (50, 23_198, 2)
    assert start.changes == (Steering(40, DUB, SamplingParams(seed=3)),)


def test_a_change_without_an_answer_holds_where_the_take_goes_on() -> None:
    ledger = ledger_in_flight()
    ledger.request(engine.ChangePrompt(1, DUB, 40, 2))
    (told,) = ledger.losses()
    assert isinstance(told, engine.TakeSteered)
    assert (told.frame, told.first_sample, told.epoch, told.prompt) == (100, 96 * 640, 1, DUB)
    ledger.request(engine.ChangePrompt(1, Prompt("late"), 200, 3))  # while there is no process
    start, late = ledger.replay()
    assert isinstance(start, engine.StartTake)
    assert start.changes[-1].prompt == DUB
    assert isinstance(late, engine.ChangePrompt)
