"""Captions as people write them."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.training.transformer.crops import STRANGE_SHARE, spelled

CAPTION = "funky drums only, 112.5 bpm, in A minor"


@given(st.integers(0, 10_000))
def test_every_word_of_the_caption_stays_in_its_place(seed: int) -> None:
    words = spelled(CAPTION, np.random.default_rng(seed)).lower().split(" ")
    asked = CAPTION.lower().split(" ")
    left = iter(words)
    assert all(word in left for word in asked)  # in this order
    assert all(re.fullmatch("[a-z]+", word) for word in words if word not in asked)
    assert len(words) <= len(asked) + 6


def test_share_of_captions_with_strange_words() -> None:
    random = np.random.default_rng(0)
    made = [spelled(CAPTION, random) for _ in range(2_000)]
    longer = sum(len(text.split(" ")) > len(CAPTION.split(" ")) for text in made)
    assert abs(longer / 2_000 - STRANGE_SHARE) < 0.05
    assert sum(text == CAPTION for text in made) > 500
