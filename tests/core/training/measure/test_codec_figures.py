"""The codec's figures and the Transformer's, on signals and codes whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.generation.delay_pattern import DelayedCodes
from core.model.checkpoint import load_checkpoint
from core.training.measure import codec_figures as codec
from core.training.measure.cross_entropy import cross_entropy, unigram_entropy
from core.types import MODEL_RATE


def plucked(seconds: int = 2) -> np.ndarray:
    time = np.arange(seconds * MODEL_RATE) / MODEL_RATE
    tone = np.sin(2 * np.pi * 220 * time) + 0.5 * np.sin(2 * np.pi * 1_760 * time)
    return (0.3 * tone * np.exp(-6 * (time % 0.5))).astype(np.float32)


def test_distance_is_nothing_for_the_same_and_less_than_either_baseline_s_when_near() -> None:
    clip = plucked()
    assert codec.distance(clip, clip) == 0
    near = clip + 1e-4 * np.random.default_rng(0).normal(size=len(clip)).astype(np.float32)
    assert codec.distance(near, clip) < codec.frame_baseline(clip)


def test_baselines_know_the_spectrum_and_nothing_else() -> None:
    clip = plucked()
    noise = np.random.default_rng(0).normal(size=len(clip)).astype(np.float32)
    pumping = noise * np.exp(-6 * (np.arange(len(clip)) / MODEL_RATE % 0.5)).astype(np.float32)
    assert codec.frame_baseline(noise) < 0.5 * codec.frame_baseline(pumping)
    # noise also fluctuates, so it is never nearer than the mean frame
    assert codec.noise_baseline(clip) > codec.frame_baseline(clip)
    # and of noise it makes noise as loud
    assert codec.noise_baseline(noise) < 0.5 * codec.distance(np.zeros_like(noise), noise)


def test_sdr() -> None:
    clip = plucked()
    assert codec.sdr_db(0.9 * clip, clip) == pytest.approx(20, abs=0.01)


def test_use_and_perplexity_of_codebooks() -> None:
    codes = [np.array([[0, 1, 2, 3], [5, 5, 5, 5]]), np.array([[0, 1, 2, 3], [5, 5, 5, 5]])]
    assert codec.share_used(codes, 8) == [0.5, 0.125]
    assert codec.perplexity(codes) == pytest.approx([4.0, 1.0])


def test_unigram_entropy_is_that_of_the_other_codes() -> None:
    rng = np.random.default_rng(0)
    uniform = rng.integers(0, 16, (2, 20_000))
    assert unigram_entropy([uniform], [uniform], 16) == pytest.approx([np.log(16)] * 2, abs=0.01)
    constant = np.zeros((2, 5_000), np.int64)
    assert max(unigram_entropy([constant], [constant], 16)) < 0.01
    assert min(unigram_entropy([constant], [uniform], 16)) > np.log(16)


def test_cross_entropy_is_the_step_loop_s_own(tiny_mono: Path) -> None:
    """Teacher forcing gives what the logits of one step after the other give."""
    loaded = load_checkpoint(str(tiny_mono))
    config = loaded.config
    codes = np.random.default_rng(0).integers(0, config.vocab, (config.codebooks, 6))

    delayed = DelayedCodes(config.delays, config.special_token, codes, 6)
    with torch.inference_mode():
        state = loaded.lm.new_state(1, 9)
        first, count = 0.0, 0
        for step in range(1, 7):
            column = torch.from_numpy(delayed.column(step - 1))[None]
            logits = loaded.lm.step(column, state)[0]
            first -= float(torch.log_softmax(logits[0].float(), -1)[codes[0, step - 1]])
            count += 1
    assert cross_entropy(loaded, codes, "")[0] == pytest.approx(first / count, rel=1e-3)
    assert cross_entropy(loaded, codes, "funk") != cross_entropy(loaded, codes, "")
