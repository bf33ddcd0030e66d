"""The session, driven as a table of inputs; no thread, no clock, no file."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pytest

from core.generation import messages as engine
from core.generation.params import Prompt
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.presets import Preset
from daw_bridge.session import apply
from daw_bridge.session_io import PlayBlock, SessionInput, SessionOutput, Tick
from daw_bridge.session_state import SessionState
from daw_bridge.take_record import TakeRecord
from tests.fakes import codes_of, loaded, pcm_of

T = TypeVar("T")
ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/generate", 7)


class Session:
    """Applies inputs one after another and remembers what was sent."""

    def __init__(self) -> None:
        self.state = SessionState(
            entropy=1, presets=(Preset("funk", "Funk", "funky", {"bars": 2}),)
        )
        self.now = 100.0
        self.out: list[SessionOutput] = []
        self.do(engine.ModelLoading("starter", 0.0, "starting"), loaded())
        self.do(audio.OutputOpened("out", 48_000, 2, 0.02))

    def do(self, *items: SessionInput, after: float = 0.0) -> list[SessionOutput]:
        """Apply; what came of it."""
        self.now += after
        came: list[SessionOutput] = []
        for item in items:
            self.state, outputs = apply(self.state, item, self.now)
            came += outputs
        self.out += came
        return came

    def pass_time(self, seconds: float) -> list[SessionOutput]:
        return [o for _ in range(round(seconds / 0.05)) for o in self.do(Tick(), after=0.05)]

    def roll(self, beat: float = 0.0, bpm: float = 120.0) -> None:
        midi = ask.ClockSource.MIDI
        self.do(ask.ClockTempo(midi, bpm), ask.ClockPosition(midi, beat, self.now))
        self.do(ask.ClockRolling(midi, True, self.now))

    def one(self, kind: type[T], among: list[SessionOutput] | None = None) -> T:
        found = [o for o in (self.out if among is None else among) if isinstance(o, kind)]
        assert len(found) == 1, f"{len(found)} of {kind.__name__}: {found}"
        return found[0]


def of(kind: type[T], outputs: list[SessionOutput]) -> list[T]:
    return [o for o in outputs if isinstance(o, kind)]


def tokens(take: int, first: int, count: int, speed: float = 4.0) -> engine.TakeTokens:
    return engine.TakeTokens(take, first, codes_of(count, first), 800, 50 * speed)


def block(take: int, first: int = 0, frames: int = 50, last: bool = False) -> engine.PcmBlock:
    return engine.PcmBlock(take, take, first * 640, pcm_of(frames), last)


@pytest.fixture
def session() -> Session:
    return Session()


# ---------------------------------------------------------------- generate


def test_generate_asks_the_engine_for_bars_at_the_tempo(session: Session) -> None:
    session.do(ask.SetParameter("tempo", 87.0), ask.SetParameter("bars", 4.0))
    session.do(ask.Generate("funk", ME))
    start = session.one(engine.StartTake)
    assert start.frames == round(50 * 4 * 4 * 60 / 87)
    assert start.prompt.text == "funk, 87 bpm"
    assert session.one(engine.Credit).frames == start.frames
    accepted = [e for e in of(events.Accepted, session.out) if e.take]
    assert accepted == [events.Accepted(1, ME)]


def test_zero_bars_is_endless_on_credit(session: Session) -> None:
    session.do(ask.SetParameter("bars", 0.0), ask.Generate())
    assert session.one(engine.StartTake).frames is None
    assert session.one(engine.Credit).frames == 500
    session.do(block(1), audio.TakeHeard(1, session.now))
    came = session.do(audio.Played(1, 1, 5 * 32_000, 1.0, 0), after=5)
    assert session.one(engine.Credit, came).frames == 750


def test_a_fixed_seed_stays_and_a_drawn_one_changes(session: Session) -> None:
    session.do(ask.Generate(), ask.Generate())
    drawn = [s.sampling.seed for s in of(engine.StartTake, session.out)]
    assert len(set(drawn)) == 2
    came = session.do(ask.SetParameter("seed", 42.0), ask.Generate(), ask.Generate())
    assert [s.sampling.seed for s in of(engine.StartTake, came)] == [42, 42]


def test_the_same_inputs_give_the_same_outputs() -> None:
    def seeds() -> list[int]:
        session = Session()
        session.do(ask.Generate(), ask.Generate())
        return [s.sampling.seed for s in of(engine.StartTake, session.out)]

    assert seeds() == seeds()


def test_audio_follows_its_begin_and_first_audio_counts_from_the_command(session: Session) -> None:
    session.do(ask.Generate(origin=ME))
    came = session.do(block(1), after=0.3)
    kinds = [type(o) for o in came if isinstance(o, audio.BeginTake | PlayBlock)]
    assert kinds == [audio.BeginTake, PlayBlock]
    came = session.do(audio.TakeHeard(1, session.now + 0.04))
    assert session.one(events.FirstAudio, came).milliseconds == pytest.approx(340)
    assert session.one(events.FirstAudio, came).origin == ME


def test_the_old_take_sounds_until_the_new_one_begins(session: Session) -> None:
    session.do(ask.Generate(), block(1), audio.TakeHeard(1, session.now))
    came = session.do(ask.Generate())
    assert session.one(engine.CancelTake, came).take == 1
    assert not of(audio.BeginTake, came)
    late = session.do(block(1, 50))
    assert session.one(PlayBlock, late).block.take == 1, "what was on its way is heard"
    came = session.do(engine.TakeDone(1, 100, True), block(2))
    assert session.one(audio.BeginTake, came).epoch == 2
    assert not of(PlayBlock, session.do(block(1, 100))), "the old one is over"


def test_an_engine_slower_than_the_ear_gets_a_head_start(session: Session) -> None:
    session.do(ask.SetParameter("bars", 8.0), ask.Generate())  # 16 s
    came = session.do(tokens(1, 0, 50, speed=0.5), block(1, 0, 50))
    assert not of(audio.BeginTake, came), "it would run dry"
    came = session.do(tokens(1, 50, 350, speed=0.5), block(1, 50, 350))
    assert not of(audio.BeginTake, came), "half is made, but the speed may fall a little"
    came = session.do(tokens(1, 400, 80, speed=0.5), block(1, 400, 80))
    assert of(audio.BeginTake, came), "the rest comes in time"


def test_a_take_starts_with_a_little_in_hand(session: Session) -> None:
    """The first blocks are of 25 to 80 ms and do not come evenly."""
    came = session.do(ask.Generate(), block(1, 0, 4))
    assert not of(audio.BeginTake, came)
    came = session.do(block(1, 4, 3))
    assert of(audio.BeginTake, came)


def test_a_take_that_is_done_is_closed_and_saved(session: Session) -> None:
    session.do(ask.Generate(origin=ME), tokens(1, 0, 50), block(1, 0, 50, last=True))
    came = session.do(engine.TakeDone(1, 50, False))
    record = session.one(disk.CloseTake, came).record
    assert (record.frames, record.complete, record.digest) == (50, True, "0123456789abcdef")
    came = session.do(disk.TakeWritten(record))
    assert session.one(events.TakeSaved, came).origin == ME


def test_a_problem_of_a_take_keeps_what_was_made(session: Session) -> None:
    session.do(ask.Generate(origin=ME), tokens(1, 0, 50), block(1, 0, 50))
    came = session.do(engine.EngineProblem(1, "memory", "out of memory"))
    assert session.one(disk.CloseTake, came).record.frames == 50
    assert session.one(PlayBlock, came).block.last, "the ear learns of the end"
    problem = session.one(events.Problem, came)
    assert (problem.code, problem.origin) == ("memory", ME)
    assert not of(disk.CloseTake, session.do(engine.TakeDone(1, 50, True))), "only once"


def test_a_restarted_engine_goes_on(session: Session) -> None:
    session.do(ask.Generate(), block(1))
    came = session.do(engine.EngineProblem(1, "engine", "the engine was started again"))
    assert not of(disk.CloseTake, came)
    assert of(PlayBlock, session.do(block(1, 50)))


# ---------------------------------------------------------------- bars


def test_a_take_starts_on_the_next_bar(session: Session) -> None:
    session.roll(beat=1.0)
    came = session.do(ask.Generate())
    scheduled = session.one(events.Scheduled, came)
    assert (scheduled.bar, scheduled.slipped) == (2, 0)
    assert scheduled.seconds == pytest.approx(1.5)
    assert not of(audio.BeginTake, session.do(block(1), after=0.2)), "not yet"
    begin = session.one(audio.BeginTake, session.pass_time(1.0))
    assert begin.sent_at + begin.start_in == pytest.approx(101.5, abs=1e-6)


def test_late_audio_slips_a_whole_bar_and_says_so(session: Session) -> None:
    session.roll(beat=1.0)
    session.do(ask.Generate())
    came = session.pass_time(2.0)
    slip = session.one(events.Scheduled, came)
    assert (slip.bar, slip.slipped) == (3, 1)
    came = session.do(block(1)) + session.pass_time(1.6)
    begin = session.one(audio.BeginTake, came)
    assert begin.sent_at + begin.start_in == pytest.approx(103.5, abs=1e-6)


def test_time_for_the_first_audio_is_left(session: Session) -> None:
    session.roll(beat=3.0)  # the bar line is half a second away, first audio takes one
    scheduled = session.one(events.Scheduled, session.do(ask.Generate()))
    assert (scheduled.bar, scheduled.slipped) == (3, 1)
    assert scheduled.seconds == pytest.approx(2.5)


def test_quantize_waits_for_the_nth_bar_and_zero_for_none(session: Session) -> None:
    session.do(ask.SetParameter("quantize", 4.0))
    session.roll(beat=5.0)
    assert session.one(events.Scheduled, session.do(ask.Generate())).bar == 5
    session.do(ask.SetParameter("quantize", 0.0))
    came = session.do(ask.Generate(), block(2))
    assert session.one(audio.BeginTake, came).start_in == 0


def test_a_clock_that_stops_lets_the_take_start(session: Session) -> None:
    session.roll()
    session.do(ask.Generate(), block(1))
    session.do(ask.ClockRolling(ask.ClockSource.MIDI, False, session.now))
    assert session.one(audio.BeginTake, session.pass_time(0.1)).start_in == 0


def test_the_tempo_may_move_while_a_take_waits(session: Session) -> None:
    session.roll(beat=0.0, bpm=120)
    session.do(ask.Generate(), block(1))  # bar 2 at 102.0
    session.do(ask.ClockTempo(ask.ClockSource.MIDI, 100.0), after=1.0)  # two beats left: 1.2 s
    begin = session.one(audio.BeginTake, session.pass_time(1.2))
    assert begin.sent_at + begin.start_in == pytest.approx(102.2, abs=1e-6)


# ---------------------------------------------------------------- stop


def test_stop_waits_for_the_bar(session: Session) -> None:
    session.do(ask.Generate(), block(1), audio.TakeHeard(1, session.now))
    session.roll(beat=2.0)
    came = session.do(ask.Stop(ME))
    end = session.one(audio.EndTake, came)
    assert end.stop_in == pytest.approx(1.0)
    assert not of(engine.CancelTake, came)
    assert session.one(engine.CancelTake, session.pass_time(1.1)).take == 1


def test_stop_without_a_clock_is_at_once(session: Session) -> None:
    session.do(ask.Generate(), block(1), audio.TakeHeard(1, session.now))
    came = session.do(ask.Stop())
    assert session.one(audio.EndTake, came).stop_in == 0
    assert session.one(engine.CancelTake, came).take == 1
    came = session.do(engine.TakeDone(1, 50, True))
    assert session.one(disk.CloseTake, came).record.frames == 50
    assert session.state.shown.state == "idle"


def test_panic_is_silent_at_once_and_stays_so(session: Session) -> None:
    session.roll()
    session.do(ask.SetParameter("quantize", 0.0))
    session.do(ask.Generate(), block(1), audio.TakeHeard(1, session.now))
    came = session.do(ask.Panic())
    assert session.one(audio.Silence, came)
    assert session.one(engine.CancelTake, came)
    assert not of(PlayBlock, session.do(block(1, 50)))


def test_a_transport_that_stops_ends_the_sound_but_not_the_file(session: Session) -> None:
    session.roll()
    session.do(ask.SetParameter("quantize", 0.0))
    session.do(ask.Generate(), block(1), audio.TakeHeard(1, session.now))
    came = session.do(ask.ClockRolling(ask.ClockSource.MIDI, False, session.now))
    assert session.one(audio.EndTake, came).stop_in == 0
    assert not of(engine.CancelTake, came)
    came = session.do(block(1, 50, last=True), engine.TakeDone(1, 100, False))
    assert session.one(disk.CloseTake, came).record.complete
    assert session.state.flights == ()


# ---------------------------------------------------------------- live changes


def test_a_prompt_takes_over_live_and_is_noted(session: Session) -> None:
    session.do(ask.Generate("one"), tokens(1, 0, 50), block(1))
    came = session.do(ask.SetPrompt("two", ME))
    assert session.one(engine.ChangePrompt, came).prompt.text == "two"
    assert session.one(events.PromptChanged, came) == events.PromptChanged("two", ME)
    sampling = session.one(engine.StartTake).sampling
    session.do(engine.TakeSteered(1, 1, 50, 32_000, Prompt("two"), sampling))
    came = session.do(engine.TakeDone(1, 50, False))
    assert session.one(disk.CloseTake, came).record.prompts == ((0, "one"), (50, "two"))


def test_live_parameters_change_the_take_in_flight(session: Session) -> None:
    session.do(ask.Generate())
    came = session.do(ask.SetParameter("temperature", 1.5))
    assert session.one(engine.ChangeSampling, came).sampling.temperature == 1.5
    assert not of(engine.ChangeSampling, session.do(ask.SetParameter("bars", 2.0)))
    assert session.one(audio.SetGain, session.do(ask.SetParameter("gain", 0.5))).gain == 0.5


def test_a_preset_sets_prompt_and_parameters(session: Session) -> None:
    came = session.do(ask.RecallPreset(0, ME))
    assert session.state.prompt == "funky"
    assert session.state.values["bars"] == 2
    assert session.one(events.Accepted, came).origin == ME
    came = session.do(ask.RecallPreset("polka", ME))
    assert "funk" in session.one(events.Problem, came).text


# ---------------------------------------------------------------- continue


def test_retry_is_the_same_with_another_seed(session: Session) -> None:
    session.do(ask.SetParameter("seed", 5.0), ask.Generate("one"), ask.SetPrompt("two"))
    session.do(ask.SetParameter("bars", 1.0), ask.Retry())
    first, again = of(engine.StartTake, session.out)
    assert (first.frames, first.prompt) == (again.frames, again.prompt)
    assert first.sampling.seed != again.sampling.seed
    assert session.state.prompt == "two"


def test_a_file_is_read_then_continued(session: Session) -> None:
    came = session.do(ask.ContinueFile("/a.wav", "more", ME))
    question = session.one(disk.ReadClip, came)
    came = session.do(disk.ClipRead(question.token, pcm_of(100), 44_100, "/a.wav"), after=0.5)
    start = session.one(engine.StartTake, came)
    assert start.clip is not None
    assert (start.clip_rate, start.prompt.text) == (44_100, "more")
    came = session.do(block(1), audio.TakeHeard(1, session.now + 0.1))
    assert session.one(events.FirstAudio, came).milliseconds == pytest.approx(600)


@pytest.mark.parametrize("path", ["a.wav", "../a.wav", ""])
def test_only_whole_paths_are_taken(session: Session, path: str) -> None:
    came = session.do(ask.ContinueFile(path, None, ME))
    problem = session.one(events.Problem, came)
    assert (problem.code, problem.origin) == ("bad_clip", ME)
    assert not session.state.pending


def test_a_clip_that_cannot_be_read_is_answered(session: Session) -> None:
    token = session.one(disk.ReadClip, session.do(ask.ContinueFile("/a.wav", None, ME))).token
    came = session.do(disk.DiskProblem("bad_clip", "/a.wav does not exist", token))
    assert session.one(events.Problem, came).origin == ME


def test_the_last_bars_of_the_input_are_continued(session: Session) -> None:
    assert session.one(events.Problem, session.do(ask.ContinueInput(None, ME))).origin == ME
    session.do(audio.InputOpened("mic", 48_000, 1), ask.SetParameter("context", 2.0))
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME)))
    assert capture.seconds == pytest.approx(4.0)
    came = session.do(audio.Captured(capture.token, pcm_of(200), 48_000))
    assert session.one(engine.StartTake, came).clip_rate == 48_000


def test_a_silent_or_dead_input_is_said(session: Session) -> None:
    session.do(audio.InputOpened("mic", 48_000, 1))
    capture = session.one(audio.Capture, session.do(ask.ContinueInput(None, ME)))
    silence = np.zeros((48_000, 1), np.float32)
    came = session.do(audio.Captured(capture.token, silence, 48_000))
    assert session.one(events.Problem, came).code == "bad_clip"
    session.do(ask.ContinueInput(None, ME))
    assert session.one(events.Problem, session.pass_time(5.2)).origin == ME


def test_a_recording_is_what_is_continued_next(session: Session) -> None:
    session.do(audio.InputOpened("mic", 48_000, 1), ask.Record(True))
    assert session.state.shown.recording
    capture = session.one(audio.Capture, session.do(ask.Record(False), after=3.0))
    assert capture.seconds == pytest.approx(3.0)
    session.do(audio.Captured(capture.token, pcm_of(150), 48_000))
    came = session.do(ask.ContinueInput())
    assert session.one(engine.StartTake, came).clip is not None


def test_a_take_is_continued_from_its_tokens(session: Session) -> None:
    session.do(ask.Generate(), tokens(1, 0, 50), block(1, 0, 50, last=True))
    session.do(engine.TakeDone(1, 50, False))
    recall = session.one(disk.RecallTake, session.do(ask.ContinueTake(1, 0.5, None, ME)))
    assert (recall.take, recall.frame) == (1, 25)
    record = TakeRecord(1)
    came = session.do(disk.TakeRecalled(recall.token, record, codes_of(25), 25))
    start = session.one(engine.StartTake, came)
    assert start.codes is not None
    assert start.codes.shape == (4, 25)
    opened = session.one(disk.OpenTake, came).record
    assert (opened.parent, opened.at) == (1, 25)


def test_tokens_of_another_kind_of_model_are_refused(session: Session) -> None:
    session.do(ask.Generate(), block(1), engine.TakeDone(1, 50, False))
    recall = session.one(disk.RecallTake, session.do(ask.ContinueTake(1, None, None, ME)))
    stereo = codes_of(25, codebooks=8)
    came = session.do(disk.TakeRecalled(recall.token, TakeRecord(1), stereo, 25))
    assert session.one(events.Problem, came).code == "other_model"


def test_a_continuation_of_what_sounds_waits_for_its_end(session: Session) -> None:
    session.do(ask.Generate(), block(1, 0, 100, last=True), engine.TakeDone(1, 100, False))
    session.do(audio.TakeHeard(1, session.now), audio.Played(1, 1, 32_000, 1.0, 0), after=1.0)
    recall = session.one(disk.RecallTake, session.do(ask.ContinueTake(1)))
    session.do(disk.TakeRecalled(recall.token, TakeRecord(1), codes_of(100), 100))
    begin = session.one(audio.BeginTake, session.do(block(2)) + session.pass_time(0.6))
    assert begin.sent_at + begin.start_in == pytest.approx(102.02, abs=1e-6)


# ---------------------------------------------------------------- the rest


def test_bad_commands_are_answered_and_change_nothing(session: Session) -> None:
    before = session.state
    for command in (
        ask.SetParameter("bars", 1000.0, ME),
        ask.SetParameter("nonsense", 1.0, ME),
        ask.AskParameter("nonsense", ME),
        ask.ContinueTake(9, None, None, ME),
        ask.Retry(ME),
        ask.SetPrompt("x" * 3000, ME),
        ask.Refused("unknown_address", "no", ME),
    ):
        assert session.one(events.Problem, session.do(command)).origin == ME
        assert session.state.values == before.values


def test_no_model_is_said_with_the_reason() -> None:
    session = Session()
    session.state = SessionState()
    session.do(engine.ModelLoading("starter", 0.1, "reading"))
    session.do(engine.EngineProblem(None, "bad_checkpoint", "starter is no checkpoint"))
    assert session.state.shown.state == "error"
    came = session.do(ask.Generate(origin=ME))
    assert "starter is no checkpoint" in session.one(events.Problem, came).text


def test_a_model_that_is_gone_at_the_start_makes_way_for_the_starter() -> None:
    session = Session()
    session.state = SessionState()
    session.do(engine.ModelLoading("moved away", 0.0, "starting"))
    came = session.do(engine.EngineProblem(None, "bad_checkpoint", "no such folder"))
    assert "the starter model is loaded instead" in session.one(events.Problem, came).text
    assert session.one(engine.LoadModel, came).model == "starter"
    session.do(loaded())
    assert session.state.shown.state == "idle"


def test_status_tells_words_at_once_and_numbers_at_leisure(session: Session) -> None:
    came = session.do(ask.Generate())
    assert session.one(events.StatusChanged, came).status.state == "generating"
    session.do(block(1), audio.TakeHeard(1, session.now))
    assert session.state.shown.state == "playing"
    many = [o for i in range(100) for o in session.do(tokens(1, i, 1), after=0.005)]
    assert len(of(events.StatusChanged, many)) <= 6


def test_the_value_asked_for_is_the_one_set(session: Session) -> None:
    session.do(ask.SetParameter("guidance", 4.5))
    came = session.do(ask.AskParameter("guidance", ME))
    assert session.one(events.ParameterChanged, came) == events.ParameterChanged(
        "guidance", 4.5, ME, answer=True
    )


def test_waveform_peaks_are_fifty_a_second(session: Session) -> None:
    session.do(ask.Generate())
    shape = session.one(events.TakeWaveform, session.do(block(1, 50, 25)))
    assert (shape.first, shape.peaks.shape) == (50, (25, 2))
    assert shape.peaks[:, 1].max() == pytest.approx(0.5, abs=1e-3)


def test_a_device_that_goes_is_said(session: Session) -> None:
    came = session.do(audio.DeviceLost("output", "the interface was unplugged", True))
    assert session.one(events.Problem, came).text == "the interface was unplugged"
    assert session.state.shown.output == ""


# ---------------------------------------------------------------- what cannot be had


def test_who_asked_for_a_model_hears_that_it_cannot_be_loaded(session: Session) -> None:
    came = session.do(ask.UseModel("nowhere", ME), engine.ModelLoading("nowhere", 0.0, "starting"))
    came += session.do(engine.EngineProblem(None, "bad_checkpoint", "no such"))
    assert session.one(events.Problem, came).origin == ME
    came += session.do(loaded())  # the engine still has it
    assert session.state.model.loaded is not None
    assert session.state.model.loaded.model == "starter"
    assert not of(disk.KeepSettings, came), "a model is remembered when it has been loaded"


def test_a_model_that_was_chosen_is_remembered(session: Session) -> None:
    came = session.do(ask.UseModel("other", ME), loaded())
    assert not of(disk.KeepSettings, came), "that was still the one before"
    came = session.do(engine.ModelLoading("other", 0.0, "starting"), loaded("other"))
    assert session.one(disk.KeepSettings, came).values == {"model": "other"}


@pytest.mark.parametrize("kind", ["output", "input"])
def test_who_asked_for_a_device_hears_that_there_is_none(session: Session, kind: str) -> None:
    command = ask.UseOutput("x", ME) if kind == "output" else ask.UseInput("x", ME)
    came = session.do(command, audio.DeviceLost(kind, "no such device", True))
    assert session.one(events.Problem, came).origin == ME
    came = session.do(audio.DeviceLost(kind, "went away", True))
    assert session.one(events.Problem, came).origin.source == "audio"


def test_a_device_that_is_back_is_no_problem_any_more(session: Session) -> None:
    session.do(audio.DeviceLost("output", "went away", True))
    assert session.state.problem == "went away"
    session.do(audio.OutputOpened("out", 48_000, 2, 0.02))
    assert session.state.problem == ""


def test_a_model_that_is_ready_does_not_make_a_missing_device_forgotten(session: Session) -> None:
    session.do(audio.DeviceLost("output", "no audio device", True), loaded())
    assert session.state.shown.problem == "no audio device"


def test_a_take_that_is_not_there_cannot_be_kept(session: Session) -> None:
    came = session.do(ask.KeepTake(99, ME))
    assert session.one(events.Problem, came).origin == ME
    assert not of(events.Accepted, came)
