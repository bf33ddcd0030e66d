"""The captions' own tokenizer: words whole, tempi whole, nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training.transformer.text import TEMPI, make_tokenizer, number_tokens

CAPTIONS = ["funky drums, 110 bpm", "solo piano, 93 bpm", "drums only, 128 bpm"] * 3


def test_a_tempo_is_one_token_whether_met_in_training_or_not():
    made = make_tokenizer(CAPTIONS)
    for text, tempo in (("Drums only, at 147 bpm", "▁147"), ("solo piano 93 bpm", "▁93")):
        assert [p for p in made.tokenize(text) if any(c.isdigit() for c in p)] == [tempo]
    # without a space the word after it stays whole
    assert made.tokenize("128bpm") == ["▁128", "bpm"]
    assert made.tokenize("112.5 bpm") == ["▁112", ".", "5", "▁bpm"]


def test_it_reads_the_same_after_saving(tmp_path: Path):
    made = make_tokenizer(CAPTIONS)
    made.save_pretrained(tmp_path)
    again = type(made).from_pretrained(tmp_path)
    text = "Drums only, at 147 bpm, tempo 93, xylophone!"
    assert again(text).input_ids == made(text).input_ids
    assert made.unk_token_id not in again(text).input_ids


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TEMPI))
def test_every_tempo_has_its_tokens(tempo: int):
    made = make_tokenizer(CAPTIONS)
    tokens = number_tokens(made)[tempo]
    assert len(tokens) == 2
    assert made(f"drums at {tempo} bpm").input_ids.count(tokens[0]) == 1


@pytest.mark.parametrize("text", ["drums, 12 bpm", "drums, 1000 bpm", "7/8"])
def test_other_numbers_are_read_too(text: str):
    made = make_tokenizer(CAPTIONS)
    assert made.unk_token_id not in made(text).input_ids
