"""Rendering: exact length, fair level, the same bytes; and what is said when a part is missing."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import MissingProgram
from core.training.composer.compose import compose
from core.training.composer.render import (
    LEAST_RMS,
    PEAK,
    RATE,
    TARGET_RMS,
    find_sound_font,
    level,
    load_fluidsynth,
    render,
)
from core.training.composer.score import Piece


def _first_bars(piece: Piece, bars: int) -> Piece:
    return replace(piece, bars=bars)


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


@pytest.mark.usefixtures("fluidsynth")
@pytest.mark.parametrize(("style", "seed"), [("lo-fi", 3), ("drum and bass", 4), ("ambient", 5)])
def test_length_is_exact_to_the_sample_and_the_level_is_fair(style: str, seed: int):
    piece = _first_bars(compose(seed, style, "full"), 3)
    audio = render(piece)
    assert audio.dtype == np.float32
    assert audio.shape == (round(3 * 4 * 60 / piece.tempo * RATE),)
    assert LEAST_RMS * 0.99 <= _rms(audio) <= TARGET_RMS * 1.001
    assert np.abs(audio).max() <= PEAK + 1e-4
    assert abs(audio.mean()) < 1e-3


@pytest.mark.usefixtures("fluidsynth")
def test_the_same_piece_gives_the_same_samples_whatever_came_before():
    piece = _first_bars(compose(6, "techno", "full"), 2)
    first = render(piece)
    render(_first_bars(compose(7, "rock", "full"), 1))
    assert np.array_equal(first, render(piece))


@pytest.mark.usefixtures("fluidsynth")
def test_two_channels_have_the_same_length_and_differ():
    piece = _first_bars(compose(8, "house", "full"), 2)
    stereo = render(piece, channels=2)
    assert stereo.shape == (2, piece.samples(RATE))
    assert not np.allclose(stereo[0], stereo[1])


@pytest.mark.usefixtures("fluidsynth")
def test_drums_are_heard_on_the_first_sample_and_on_the_beat():
    piece = _first_bars(compose(9, "house", "drums"), 4)
    audio = np.abs(render(piece))
    beat = round(60 / piece.tempo * RATE)
    for at in range(0, 8 * beat, beat):  # four on the floor
        before = audio[max(at - 1600, 0) : max(at - 160, 1)].max()
        assert audio[at : at + 1600].max() > max(1.3 * before, 0.2)


def test_level_bends_lone_peaks_instead_of_making_music_quiet():
    rng = np.random.default_rng(0)
    clicks = 0.01 * rng.standard_normal(RATE)
    clicks[::4000] = 1.0
    levelled = level(clicks)
    assert np.abs(levelled).max() <= PEAK
    plain = level(0.5 * clicks)  # only the shape matters
    assert np.allclose(levelled, plain)
    tone = np.sin(np.arange(RATE) * 0.05)
    assert _rms(level(tone)) == pytest.approx(TARGET_RMS)
    assert np.array_equal(level(np.zeros(10)), np.zeros(10))


def test_a_missing_sound_font_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("DAW_BRIDGE_SOUND_FONT", str(tmp_path / "none.sf2"))
    with pytest.raises(MissingProgram, match=r"none\.sf2"):
        find_sound_font()
    monkeypatch.delenv("DAW_BRIDGE_SOUND_FONT")
    monkeypatch.setattr("core.training.composer.render._FOLDERS", (str(tmp_path),))
    with pytest.raises(MissingProgram, match="apt install fluid-soundfont-gm"):
        find_sound_font()


def test_a_missing_fluidsynth_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(MissingProgram, match=r"libfluidsynth3.*brew install fluid-synth"):
        load_fluidsynth()
