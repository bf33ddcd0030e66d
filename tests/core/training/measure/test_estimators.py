"""Tempo, key and levels, on sound whose truth is known."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.training.composer.compose import compose, plan
from core.training.composer.render import render
from core.training.measure import key, levels
from core.training.measure.prompts import has_beat
from core.training.measure.tempo import estimate_tempo, within, within_octaves
from core.types import MODEL_RATE

SECONDS = 10


def clicks(tempo: float, seconds: float = SECONDS, seed: int = 0) -> np.ndarray:
    """Short bursts of noise on beats and, softer, on half-beats, float32."""
    out = np.zeros(int(seconds * MODEL_RATE), np.float32)
    burst = np.random.default_rng(seed).normal(size=1_600) * np.exp(-np.arange(1_600) / 300)
    step = 30 / tempo * MODEL_RATE
    for i in range(int(len(out) / step)):
        at = int(i * step)
        out[at : at + 1_600] += (0.3 if i % 2 else 0.6) * burst[: len(out) - at].astype(np.float32)
    return out


def triads(*chords: tuple[int, ...]) -> np.ndarray:
    """Chords of MIDI pitches, two seconds each, with three partials, float32."""
    time = np.arange(2 * MODEL_RATE) / MODEL_RATE
    parts = [
        sum(
            np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * h * time) / h**2
            for p in chord
            for h in (1, 2, 3)
        )
        for chord in chords
    ]
    return (0.1 * np.concatenate(parts)).astype(np.float32)


@given(tempo=st.floats(62, 178))
@settings(max_examples=12, deadline=None)
def test_tempo_of_clicks(tempo: float) -> None:
    assert within_octaves(estimate_tempo(clicks(tempo)), tempo, 0.005)


@given(tempo=st.floats(80, 130), stretch=st.floats(0.85, 1.15))
@settings(max_examples=3, deadline=None)
def test_time_stretch_moves_the_tempo_by_as_much(tempo: float, stretch: float) -> None:
    assume(abs(stretch - 1) > 0.03)
    clip = clicks(tempo, 6)
    stretched = librosa.effects.time_stretch(clip, rate=stretch)
    assert within_octaves(estimate_tempo(stretched), tempo * stretch, 0.01)
    assert not within(estimate_tempo(stretched), estimate_tempo(clip) or 0, 0.02)


@pytest.mark.parametrize("pcm", [np.zeros(64_000, np.float32), np.full(64_000, 0.5, np.float32)])
def test_nothing_that_starts_has_no_tempo(pcm: np.ndarray) -> None:
    assert estimate_tempo(pcm) is None


def test_within_accepts_two_percent_and_octaves_only_where_said() -> None:
    assert within(121.9, 120)
    assert not any(within(found, 120) for found in (122.5, 60, None))
    assert all(within_octaves(found, 120) for found in (60.5, 121, 240))
    assert not within_octaves(180, 120)


@pytest.mark.usefixtures("fluidsynth")
def test_tempo_and_key_of_composed_pieces() -> None:
    """Pieces of the composer through FluidSynth; the command itself calibrates on many more."""
    pieces = [compose(*plan(4_321, index)) for index in range(12)]
    beating = [piece for piece in pieces if has_beat(piece, SECONDS)]
    clips = {piece.seed: render(piece)[: SECONDS * MODEL_RATE] for piece in beating}
    right = [within_octaves(estimate_tempo(clips[p.seed]), p.tempo) for p in beating]
    assert len(beating) >= 8
    assert np.mean(right) >= 0.9
    tonal = [p for p in beating if p.subset in ("full", "piano")]
    scores = [key.key_score(key.estimate_key(clips[p.seed]), key.parse_key(p.key)) for p in tonal]
    assert np.mean(scores) > 0.4  # chance is about 0.11


@pytest.mark.parametrize("up", [0, 3, 8])
def test_key_of_cadences(up: int) -> None:
    major = [(48, 64, 67, 72), (53, 65, 69, 72), (55, 62, 67, 71), (48, 64, 67, 72)]
    minor = [(57, 60, 64, 69), (50, 62, 65, 69), (52, 59, 64, 68), (57, 60, 64, 69)]
    assert key.estimate_key(triads(*(tuple(p + up for p in c) for c in major))) == (up, False)
    assert key.estimate_key(triads(*(tuple(p + up for p in c) for c in minor))) == (
        (9 + up) % 12,
        True,
    )


def test_silence_has_no_key() -> None:
    assert key.estimate_key(np.zeros(64_000, np.float32)) is None


def test_keys_as_written_and_their_neighbours() -> None:
    assert key.parse_key("F# minor") == (6, True)
    assert key.parse_key("Cb major") == (11, False)
    with pytest.raises(ValueError):
        key.parse_key("H moll")
    c, a_minor = (0, False), (9, True)
    assert key.key_score(c, c) == 1
    assert key.key_score((7, False), c) == key.key_score((5, False), c) == 0.5
    assert key.key_score(a_minor, c) == key.key_score(c, a_minor) == 0.3
    assert key.key_score((0, True), c) == 0.2
    assert key.key_score((1, False), c) == key.key_score(None, c) == 0


@given(st.text())
def test_any_text_is_a_key_or_a_value_error(text: str) -> None:
    try:
        tonic, minor = key.parse_key(text)
    except ValueError:
        return
    assert 0 <= tonic < 12
    assert minor in (True, False)


def test_silent_is_a_half_without_sound() -> None:
    sound = clicks(120)
    assert not levels.is_silent(sound)
    assert levels.is_silent(np.zeros_like(sound))
    assert levels.is_silent(np.concatenate((sound, np.zeros_like(sound))))
    assert levels.is_silent(sound * 1e-3)


def test_clipped_is_more_than_a_thousandth_beyond_full_scale() -> None:
    tone = np.sin(np.arange(32_000) * 0.05).astype(np.float32)
    assert not levels.is_clipped(0.99 * tone)
    assert levels.is_clipped(1.5 * tone)
    spike = 0.5 * tone
    spike[7] = 1.2
    assert levels.over_full_scale(spike) > 0
    assert not levels.is_clipped(spike)


def test_end_level_is_the_last_beat_against_the_rest() -> None:
    tone = np.sin(np.arange(4 * MODEL_RATE) * 0.05).astype(np.float32)
    assert levels.end_level(tone, 120) == pytest.approx(0, abs=0.1)
    faded = tone.copy()
    faded[-MODEL_RATE // 2 :] *= 0.1
    assert levels.end_level(faded, 120) == pytest.approx(-20, abs=0.2)
