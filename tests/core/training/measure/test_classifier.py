"""The classifier, chance and the Fréchet distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.composer.compose import compose
from core.training.composer.render import render
from core.training.measure.classifier import Classifier, accuracy, chance, frechet_distance
from core.training.measure.features import features
from core.types import MODEL_RATE

CASTS = ("drums", "bass", "full")


@pytest.mark.usefixtures("fluidsynth")
def test_beats_chance_on_a_tiny_set() -> None:
    def some(first: int, count: int) -> tuple[np.ndarray, list[str]]:
        casts = [CASTS[i % 3] for i in range(count)]
        pieces = [compose(first + i, "house", cast) for i, cast in enumerate(casts)]
        clips = [render(piece)[: 6 * MODEL_RATE] for piece in pieces]
        return np.stack([features(clip) for clip in clips]), casts

    rows, casts = some(100, 9)
    classifier = Classifier(rows, ["house", "rock", "funk"] * 3, casts)
    unseen, true = some(500, 3)
    assert accuracy(classifier.players(unseen), true) > chance(true) + 0.3
    assert classifier.embed(unseen).shape[0] == 3


def test_features_are_finite_and_know_nothing_of_level() -> None:
    noise = np.random.default_rng(0).normal(size=4 * MODEL_RATE).astype(np.float32)
    loud, soft = features(0.3 * noise), features(0.003 * noise)
    np.testing.assert_allclose(loud, soft, rtol=1e-3, atol=1e-3)
    assert np.isfinite(features(np.zeros(2 * MODEL_RATE, np.float32))).all()


def test_accuracy_and_chance() -> None:
    assert accuracy(["a", "b"], ["a", "a"]) == 0.5
    assert accuracy([], []) == 0
    assert chance(["a", "b", "c", "d"]) == pytest.approx(0.25)
    assert chance(["a"] * 9) == 1


@given(shift=st.floats(-5, 5), scale=st.floats(0.5, 2))
def test_frechet_distance_of_normal_sets(shift: float, scale: float) -> None:
    """For one set and its scaled, shifted copy the formula has a closed form."""
    rows = np.random.default_rng(0).normal(size=(200, 3))
    mean, spread = rows.mean(axis=0), np.trace(np.cov(rows, rowvar=False))
    moved = (scale - 1) * mean + shift
    expected = moved @ moved + (scale - 1) ** 2 * spread
    assert frechet_distance(rows, scale * rows + shift) == pytest.approx(expected, abs=1e-6)
