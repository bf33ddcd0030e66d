"""The clock's tempo in the prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.prompt_tempo import names_tempo, with_tempo


@pytest.mark.parametrize(
    "prompt",
    [
        "funky drums, 110 bpm",
        "techno at 128BPM",
        "house 124.5 bpm, dark",
        "90-100 bpm lo-fi",
        "tempo 96, piano",
        "Tempo: 96",
        "bpm=174 dnb",
        "a waltz at 80 beats per minute",
        "70 B.P.M. dub",
    ],
)
def test_a_tempo_that_is_named_stays(prompt: str) -> None:
    assert names_tempo(prompt)
    assert with_tempo(prompt, 112.5) == prompt


@pytest.mark.parametrize(
    "prompt",
    ["808 drums", "80s synth pop", "slow piano", "a 303 line, 16 bars", "up-tempo ska", "bpm"],
)
def test_other_numbers_are_no_tempo(prompt: str) -> None:
    assert with_tempo(prompt, 112.5) == f"{prompt}, 112.5 bpm"


def test_the_tempo_is_told_to_a_tenth() -> None:
    assert with_tempo("drums,", 112.98) == "drums, 113 bpm"
    assert with_tempo("drums", 120.04) == "drums, 120 bpm"


def test_an_empty_prompt_stays_empty() -> None:
    assert with_tempo("", 120) == ""
    assert with_tempo("  ", 120) == "  "


@given(st.text(max_size=200), st.floats(20, 400))
def test_it_is_told_once(prompt: str, bpm: float) -> None:
    told = with_tempo(prompt, bpm)
    assert with_tempo(told, bpm) == told
    assert told.startswith(prompt.rstrip().rstrip(",;"))


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("funky drums, 110 bpm", "funky drums, 112.5 bpm"),
        ("techno at 128BPM, 16 bars", "techno at 112.5BPM, 16 bars"),
        ("90-100 bpm lo-fi", "112.5 bpm lo-fi"),
        ("Tempo: 96, piano", "Tempo: 112.5, piano"),
        ("808 drums", "808 drums, 112.5 bpm"),
        ("", ""),
    ],
)
def test_a_clock_that_leads_has_the_last_word(prompt: str, told: str) -> None:
    assert with_tempo(prompt, 112.5, leads=True) == told
