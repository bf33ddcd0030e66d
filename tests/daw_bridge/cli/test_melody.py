"""`generate` and `continue` on each kind of checkpoint, `--melody` and `--style`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from core.errors import BadClip, BadInput
from daw_bridge.__main__ import app
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_timeline import timeline
from tests.core.audiocraft_layout import write_audiocraft
from tests.core.generation.test_melody import tune
from tests.core.model.test_style import FIGURES
from tests.core.style_layout import music, write_style
from tests.core.tiny_checkpoints import make_checkpoint, tiny_model

SHORT = ["--seconds", "0.4", "--seed", "1", "--device", "cpu", "--greedy"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("tune.wav", tune(), 32_000)


def take(model: Path, *words: str, command: str = "generate") -> tuple[np.ndarray, int]:
    """Its tokens and the channels of its file."""
    words = (command, *words, *SHORT, "-o", "a.wav", "--tokens", "a.npy", "--model", str(model))
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return np.load("a.npy"), soundfile.info("a.wav").channels


@pytest.mark.parametrize("stereo", [False, True], ids=["mono", "stereo"])
@pytest.mark.parametrize("melody", [False, True], ids=["text", "melody"])
def test_every_kind_plays_from_both_layouts(stereo: bool, melody: bool) -> None:
    model = tiny_model(stereo=stereo, melody=melody)
    sung = ["--melody", "tune.wav"] if melody else []
    codes, channels = take(make_checkpoint(Path("hf"), model=model), "pads", *sung)
    assert (codes.shape, channels) == ((8 if stereo else 4, 20), 2 if stereo else 1)
    again, _ = take(write_audiocraft(Path("craft"), model), "pads", *sung)
    np.testing.assert_array_equal(again, codes)


def test_a_melody_is_followed_and_kept_with_the_take() -> None:
    model = make_checkpoint(Path("model"), melody=True)
    plain, _ = take(model, "pads")
    sung, _ = take(model, "pads", "--melody", "tune.wav")
    assert not np.array_equal(plain, sung)
    kept = read_take_file(Path("a.wav"))
    assert kept is not None
    melody = timeline(kept.record)[0].prompt.melody
    assert len(melody) == 24
    assert melody[1] == "0"  # it begins with a C
    assert "melody of tune.wav" in str(soundfile.SoundFile("a.wav").copy_metadata()["comment"])
    without_words, _ = take(model, "", "--melody", "tune.wav")
    assert not np.array_equal(sung, without_words)
    take(model, "tune.wav", "pads", "--melody", "tune.wav", command="continue")


def test_a_style_is_followed_as_closely_as_is_wanted_and_kept_with_the_take() -> None:
    model = write_style(Path("model"))
    soundfile.write("clip.wav", music(), 32_000, subtype="FLOAT")
    told = ["--style", "clip.wav"]
    plain, _ = take(model, "pads")
    closely, _ = take(model, "pads", *told, "--style-detail", "6", "--style-seconds", "4.5")
    kept = read_take_file(Path("a.wav"))
    assert kept is not None
    assert timeline(kept.record)[0].prompt.style == FIGURES["6 4.5"]["style"]
    assert "style of clip.wav" in str(soundfile.SoundFile("a.wav").copy_metadata()["comment"])
    loosely, _ = take(model, "pads", *told)
    assert len({one.tobytes() for one in (plain, closely, loosely)}) == 3
    take(model, "clip.wav", "", *told, command="continue")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--style", "tune.wav"], "follows no style"),
        (["--style", "tune.wav", "--style-seconds", "5"], "use 1.5 to 4.5"),
        (["--style", "tune.wav", "--style-detail", "7"], "use 1 to 6"),
        (["--style", "nothing.wav"], "does not exist"),
        (["--text-push", "0"], "use 1 (off) to 10"),
    ],
)
def test_a_style_that_cannot_be_followed_is_one_line(
    words: list[str], line: str, tiny_text_model: Path
) -> None:
    words = ["generate", "x", "-o", "a.wav", *words, "--model", str(tiny_text_model)]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, BadInput)
    assert line in str(error)
    assert not Path("a.wav").exists()


@pytest.mark.parametrize(
    ("melody", "kind", "line"),
    [
        ("tune.wav", BadInput, "follows no melody"),
        ("nothing.wav", BadClip, "does not exist"),
        ("silence.wav", BadClip, "silent"),
    ],
)
def test_what_cannot_be_followed_is_one_line(
    melody: str, kind: type[BadInput], line: str, tiny_text_model: Path
) -> None:
    soundfile.write("silence.wav", np.zeros((32_000, 1)), 32_000)
    model = tiny_text_model
    if melody == "silence.wav":
        model = make_checkpoint(Path("melody"), melody=True)
    words = ["generate", "x", "-o", "a.wav", "--melody", melody, "--model", str(model)]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, kind)
    assert line in str(error)
    assert not Path("a.wav").exists()


@pytest.fixture(scope="module")
def tiny_text_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("text"))
