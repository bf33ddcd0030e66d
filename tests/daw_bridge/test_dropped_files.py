"""A WAV of ours that is dropped is that take again; an edited one is a recording."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import events
from daw_bridge.controller import Controller
from daw_bridge.settings import SettingsFile
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.fakes import FakeAudio, FakeEngine, Listener, codes_of, pcm_of

ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/continue", 7)


class Rig:
    def __init__(self, folder: Path) -> None:
        self.engine, self.heard = FakeEngine(), Listener()
        self.library = TakeLibrary(folder / "takes")
        self.settings = SettingsFile(folder / "settings.json")
        self.controller = Controller(self.engine, FakeAudio(), self.library, self.settings)
        self.controller.subscribe(self.heard)
        self.controller.start()

    def made(self, command: ask.Command, take: int) -> TakeRecord:
        self.controller.submit(command)
        self.heard.wait(events.TakeSaved, lambda e: e.take == take)  # type: ignore[union-attr]
        return next(r for r in self.library.records() if r.take == take)

    def started(self) -> engine.StartTake:
        return self.engine.of(engine.StartTake)[-1]  # type: ignore[return-value]


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[Callable[[str], Rig]]:
    made: list[Rig] = []

    def make(name: str) -> Rig:
        made.append(Rig(tmp_path / name))
        made[-1].controller.submit(ask.SetParameter("bars", 1.0))
        return made[-1]

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    yield make
    for rig in made:
        rig.controller.stop()


def test_a_take_of_this_folder_is_continued_as_itself(rigs: Callable[[str], Rig]) -> None:
    rig = rigs("a")
    first = rig.made(ask.Generate("funk"), 1)
    rig.controller.submit(ask.SetPrompt("something else"))
    second = rig.made(ask.ContinueFile(first.path, None, ME), 2)
    assert (second.parent, second.at, second.prompt) == (1, 100, "funk")
    assert second.seed == first.seed
    start = rig.started()
    assert start.clip is None, "no pass through the encoder"
    assert start.codes is not None
    assert np.array_equal(start.codes, codes_of(100))


def test_a_take_of_another_folder_gets_a_place_here(rigs: Callable[[str], Rig]) -> None:
    there = rigs("a")
    there.controller.submit(ask.SetParameter("tempo", 100.0))
    there.made(ask.Generate("funk"), 1)
    middle = there.made(ask.ContinueTake(), 2)
    last = there.made(ask.ContinueTake(), 3)
    here = rigs("b")
    restored = here.made(ask.ContinueFile(last.path, None, ME), 1)
    assert (restored.parent, restored.uid, restored.seed) == (None, last.uid, last.seed)
    assert (restored.tempo, restored.prompt) == (100.0, "funk, 100 bpm")
    child = here.made(ask.SetPrompt("funk"), 2)
    assert (child.parent, child.at, child.tempo) == (1, last.frames, 100.0)
    start = here.started()
    assert start.codes is not None
    assert start.codes.shape[1] == 3 * last.frames, "what went before is in the file too"
    assert np.array_equal(start.codes, np.tile(codes_of(last.frames), 3))
    # its parent is found again where that is here
    here.made(ask.ContinueFile(middle.path, None, ME), 3)
    elsewhere = here.library.take_of(Path(last.path))
    assert elsewhere == 1, "it is here now"


def test_a_retry_of_a_restored_take_has_the_same_context(rigs: Callable[[str], Rig]) -> None:
    there = rigs("a")
    there.made(ask.Generate("funk"), 1)
    last = there.made(ask.ContinueTake(), 2)
    here = rigs("b")
    here.made(ask.ContinueFile(last.path, None, ME), 2)
    here.controller.submit(ask.Undo(ME))
    here.heard.wait(events.CurrentTake, lambda e: e.take == 1)  # type: ignore[union-attr]
    retried = here.made(ask.Retry(ME), 3)
    assert (retried.before, retried.parent) == (1, None)
    start = here.started()
    assert start.codes is not None
    assert np.array_equal(start.codes, codes_of(100))
    assert start.sampling.seed != last.seed
    codes, _ = here.library.codes_before(3)
    assert np.array_equal(codes, codes_of(100)), "so it can be retried in turn"


def test_an_edited_take_is_a_recording_and_that_is_said(
    rigs: Callable[[str], Rig], tmp_path: Path
) -> None:
    rig = rigs("a")
    first = rig.made(ask.Generate("funk"), 1)
    edited = tmp_path / "edited.wav"
    shutil.copy(first.path, edited)
    with edited.open("r+b") as file:
        data = file.read().index(b"data")
        file.seek(data + 5_000)
        file.write(b"\x11\x22\x33" * 50)
    second = rig.made(ask.ContinueFile(str(edited), None, ME), 2)
    assert (second.parent, second.source) == (None, str(edited))
    assert rig.started().clip is not None
    problem = rig.heard.wait(events.Problem)
    assert isinstance(problem, events.Problem)
    assert "edited" in problem.text
    assert problem.origin == ME


def test_a_damaged_description_is_a_recording_too(
    rigs: Callable[[str], Rig], tmp_path: Path
) -> None:
    rig = rigs("a")
    first = rig.made(ask.Generate("funk"), 1)
    damaged = tmp_path / "damaged.wav"
    damaged.write_bytes(Path(first.path).read_bytes().replace(b'"seed"', b'"se\xffd"'))
    rig.made(ask.ContinueFile(str(damaged), None, ME), 2)
    assert rig.started().clip is not None
    problem = rig.heard.wait(events.Problem)
    assert isinstance(problem, events.Problem)
    assert "damaged" in problem.text


def test_any_other_sound_is_a_recording(rigs: Callable[[str], Rig], tmp_path: Path) -> None:
    rig = rigs("a")
    soundfile.write(tmp_path / "clip.flac", pcm_of(100), 32_000)
    rig.made(ask.ContinueFile(str(tmp_path / "clip.flac"), None, ME), 1)
    assert rig.started().clip is not None
    assert not any(isinstance(e, events.Problem) for e in rig.heard.events)


@pytest.mark.parametrize("name", ["nowhere.wav", "", "x" * 5_000, "a\0b", "dev/../../dev"])
def test_paths_that_lead_nowhere_are_one_line(
    rigs: Callable[[str], Rig], tmp_path: Path, name: str
) -> None:
    rig = rigs("a")
    rig.controller.submit(ask.ContinueFile(f"{tmp_path}/{name}", None, ME))
    problem = rig.heard.wait(events.Problem)
    assert isinstance(problem, events.Problem)
    assert problem.code == "bad_clip"
    assert "\n" not in problem.text


def test_the_tree_is_there_after_a_restart(rigs: Callable[[str], Rig]) -> None:
    rig = rigs("a")
    rig.made(ask.Generate("funk"), 1)
    rig.made(ask.ContinueTake(), 2)
    rig.controller.submit(ask.Undo(ME))
    rig.heard.wait(events.CurrentTake, lambda e: e.take == 1)  # type: ignore[union-attr]
    rig.controller.stop()
    again = rigs("a")
    assert again.controller.state.tree.current == 1
    retried = again.made(ask.Retry(ME), 3)
    assert (retried.before, retried.prompt, retried.frames) == (1, "funk", 100)
    assert again.library.children(1) == (again.library.records()[1],)


def test_a_branch_past_the_end_is_one_line(rigs: Callable[[str], Rig]) -> None:
    rig = rigs("a")
    rig.made(ask.Generate("funk"), 1)
    rig.controller.submit(ask.ContinueTake(1, 2.5, None, ME))
    problem = rig.heard.wait(events.Problem)
    assert isinstance(problem, events.Problem)
    assert problem.text == "take 1 is 2 s long; branch at 2 or before"
