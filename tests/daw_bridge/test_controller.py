"""The controller with a fake engine and fake audio, on its real threads and real files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.controller import Controller
from daw_bridge.presets import load_presets
from daw_bridge.settings import SettingsFile
from daw_bridge.takes import TakeLibrary
from tests.fakes import FakeAudio, FakeEngine, Listener, pcm_of

ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/generate", 7)


class Rig:
    def __init__(self, folder: Path, speed: float = 200.0) -> None:
        self.engine, self.audio, self.heard = FakeEngine(speed), FakeAudio(), Listener()
        self.settings = SettingsFile(folder / "settings.json")
        presets, broken = load_presets()
        assert not broken
        self.controller = Controller(
            self.engine, self.audio, TakeLibrary(folder / "takes"), self.settings, presets
        )
        self.controller.subscribe(self.heard)
        self.controller.start(input="mic")

    def say(self, command: ask.Command) -> None:
        self.controller.submit(command)


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**options: float) -> Rig:
        made.append(Rig(tmp_path, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.controller.stop()


@pytest.fixture
def rig(rigs: Callable[..., Rig]) -> Rig:
    return rigs()


def test_a_take_from_command_to_file(rig: Rig) -> None:
    rig.say(ask.SetParameter("bars", 1.0))
    rig.say(ask.Generate("funk", ME))
    first = rig.heard.wait(events.FirstAudio)
    assert isinstance(first, events.FirstAudio)
    assert 0 < first.milliseconds < 1000
    saved = rig.heard.wait(events.TakeSaved)
    assert isinstance(saved, events.TakeSaved)
    assert saved.origin == ME
    pcm, rate = soundfile.read(saved.path)
    assert (len(pcm), rate) == (64_000, 32_000)
    assert np.abs(pcm - np.tile(pcm_of(25)[:, 0], 4)).max() < 1e-6
    assert rig.controller.records()[0].prompt == "funk"


def test_many_takes_at_once_keep_their_order(rig: Rig) -> None:
    rig.say(ask.SetParameter("bars", 1.0))
    for _ in range(20):
        rig.say(ask.Generate())
    rig.heard.wait(events.TakeSaved, lambda e: e.take == 20)  # type: ignore[union-attr]
    begun = [b.take for b in rig.audio.of(audio.BeginTake)]  # type: ignore[union-attr]
    assert begun == sorted(begun)
    assert begun[-1] == 20


def test_continue_what_was_made(rig: Rig) -> None:
    rig.say(ask.SetParameter("bars", 1.0))
    rig.say(ask.Generate())
    rig.heard.wait(events.TakeSaved)
    rig.say(ask.ContinueTake(1, 0.5, None, ME))
    rig.heard.wait(events.TakeSaved, lambda e: e.take == 2)  # type: ignore[union-attr]
    start = rig.engine.of(engine.StartTake)[1]
    assert isinstance(start, engine.StartTake)
    assert start.codes is not None
    assert start.codes[0].tolist() == list(range(25))
    assert rig.controller.records()[1].parent == 1


def test_continue_a_file_and_the_input(rig: Rig, tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, np.repeat(pcm_of(100), 2, axis=1), 44_100)
    rig.say(ask.SetParameter("bars", 1.0))
    rig.say(ask.ContinueFile(str(clip), None, ME))
    rig.heard.wait(events.TakeSaved, lambda e: e.take == 1)  # type: ignore[union-attr]
    rig.say(ask.ContinueInput())
    rig.heard.wait(events.TakeSaved, lambda e: e.take == 2)  # type: ignore[union-attr]
    file, heard = rig.engine.of(engine.StartTake)
    assert isinstance(file, engine.StartTake)
    assert isinstance(heard, engine.StartTake)
    assert file.clip is not None
    assert (file.clip.shape[1], file.clip_rate) == (2, 44_100)
    assert heard.clip is not None


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("none.wav", None, "does not exist"),
        ("text.wav", b"hello", "cannot be read"),
        ("silent.wav", np.zeros(32_000), "silent"),
        ("short.wav", np.ones(100), "at least"),
        ("nan.wav", np.full(32_000, np.nan), "no sound"),
    ],
)
def test_a_bad_clip_is_answered(
    rig: Rig, tmp_path: Path, name: str, content: object, hint: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, np.ndarray):
        soundfile.write(path, content, 32_000, subtype="FLOAT")
    rig.say(ask.ContinueFile(str(path), None, ME))
    problem = rig.heard.wait(events.Problem)
    assert isinstance(problem, events.Problem)
    assert problem.code == "bad_clip"
    assert hint in problem.text
    assert problem.origin == ME


@pytest.mark.parametrize("path", ["~no-such-user/x.wav", "/" + "x" * 9000])
def test_a_path_that_cannot_be_is_answered_and_the_disk_goes_on(rig: Rig, path: str) -> None:
    rig.say(ask.ContinueFile(path, None, ME))
    problem = rig.heard.wait(events.Problem)
    assert isinstance(problem, events.Problem)
    assert problem.code == "bad_clip"
    assert len(problem.text) < 200
    rig.say(ask.Generate("funk", ME))
    assert isinstance(rig.heard.wait(events.TakeSaved), events.TakeSaved)


def test_stopping_keeps_an_endless_take(rigs: Callable[..., Rig]) -> None:
    rig = rigs(speed=4.0)
    rig.say(ask.SetParameter("bars", 0.0))
    rig.say(ask.Generate())
    rig.heard.wait(events.FirstAudio)
    rig.say(ask.Stop())
    saved = rig.heard.wait(events.TakeSaved)
    assert isinstance(saved, events.TakeSaved)
    assert saved.seconds > 0


def test_leaving_keeps_the_take_in_flight(rigs: Callable[..., Rig], tmp_path: Path) -> None:
    rig = rigs(speed=4.0)
    rig.say(ask.SetParameter("bars", 0.0))
    rig.say(ask.Generate())
    rig.heard.wait(events.FirstAudio)
    rig.controller.stop()
    (record,) = TakeLibrary(tmp_path / "takes").records()
    assert record.frames > 0
    assert not record.complete


def test_settings_outlive_the_program(rig: Rig, rigs: Callable[..., Rig]) -> None:
    rig.say(ask.SetParameter("tempo", 97.0))
    rig.say(ask.SetPrompt("dub"))
    rig.heard.wait(events.PromptChanged)
    rig.controller.stop()
    again = rigs()
    assert again.controller.state.prompt == "dub"
    assert again.controller.state.transport.tempo == 97.0


def test_a_subscriber_that_fails_does_not_silence_the_others(rig: Rig) -> None:
    def broken(event: events.Event) -> None:
        raise RuntimeError("no")

    unsubscribe = rig.controller.subscribe(broken)
    late = Listener()
    rig.controller.subscribe(late)
    rig.say(ask.Ping((1,), ME))
    late.wait(events.Pong)
    unsubscribe()


def test_a_preset_by_program_number(rig: Rig) -> None:
    rig.say(ask.RecallPreset(0))
    changed = rig.heard.wait(events.PromptChanged)
    assert isinstance(changed, events.PromptChanged)
    assert changed.text == rig.controller.state.presets[0].prompt
