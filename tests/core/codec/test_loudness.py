from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchaudio.functional import loudness

from core.codec.loudness import CEILING, LoudnessMeter, gain_to
from tests.core.training.sounds import tone


def measured(pcm: np.ndarray, block: int = 50_000) -> LoudnessMeter:
    meter = LoudnessMeter()
    pcm = pcm.astype(np.float32)
    for start in range(0, len(pcm), block):
        meter.feed(pcm[start : start + block])
    return meter


def test_a_sine_reads_what_the_standard_says() -> None:
    """BS.1770: 0 dBFS at 997 Hz in one channel reads -3.01 LUFS."""
    time = np.arange(5 * 32_000) / 32_000
    sine = np.sin(2 * np.pi * 997 * time)[:, None]
    assert measured(sine).integrated == pytest.approx(-3.01, abs=0.1)


def test_block_by_block_equals_torchaudio_at_once() -> None:
    random = np.random.default_rng(0)
    # loud and quiet stretches, so that both gates have something to do; longer than a stretch
    steps = np.repeat(random.choice([0.0, 0.001, 0.05, 0.2], 50), 32_000)
    pcm = (random.standard_normal((len(steps), 2)) * steps[:, None] * 0.3).astype(np.float32)
    whole = float(loudness(torch.from_numpy(pcm.T.copy()), 32_000))
    assert measured(pcm, block=7_001).integrated == pytest.approx(whole, abs=0.02)


def test_silence_is_minus_infinity_and_a_hit_shorter_than_a_block_counts() -> None:
    assert measured(np.zeros((64_000, 1))).integrated == -math.inf
    assert measured(np.zeros((0, 1))).integrated == -math.inf
    assert -30 < measured(tone(0.25)).integrated < -10


def test_the_gain_reaches_the_target_and_no_peak_passes_the_ceiling() -> None:
    pcm = tone(3, level=0.05)
    louder = pcm * gain_to(-18.0, measured(pcm))
    assert measured(louder).integrated == pytest.approx(-18.0, abs=0.05)
    click = tone(3, level=0.05)
    click[1_000] = 0.8
    gain = gain_to(-18.0, measured(click))
    assert np.abs(click * gain).max() == pytest.approx(CEILING, abs=1e-3)
    hiss = tone(3, level=2e-4)
    assert gain_to(-18.0, measured(hiss)) == pytest.approx(10**1.5, rel=1e-3)
