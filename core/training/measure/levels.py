"""Levels of a clip: silence, clipping, and whether its end is as loud as its body."""

from __future__ import annotations

import numpy as np

from core.training.measure.spectra import Clip
from core.types import MODEL_RATE

SILENT_DBFS = -50.0
CLIPPED_SHARE = 0.001
FULL_SCALE = 1.0


def level_dbfs(pcm: Clip) -> float:
    """RMS in dB of full scale; -200 for digital silence."""
    power = float(np.mean(np.square(pcm, dtype=np.float64))) if len(pcm) else 0.0
    return 10 * float(np.log10(power + 1e-20))


def is_silent(pcm: Clip) -> bool:
    """Whether either half of a clip is below -50 dBFS: it never begins, or it dies away."""
    half = len(pcm) // 2
    return min(level_dbfs(pcm[:half]), level_dbfs(pcm[half:])) < SILENT_DBFS


def over_full_scale(pcm: Clip) -> float:
    """Share of the samples at or beyond full scale."""
    return float(np.mean(np.abs(pcm) >= FULL_SCALE)) if len(pcm) else 0.0


def is_clipped(pcm: Clip) -> bool:
    """Whether more than one sample in a thousand is beyond full scale.

    Taken of the decoder's own output: what is played after `soft_clip` never gets there, but
    what lay beyond full scale is flattened in it all the same.
    """
    return over_full_scale(pcm) > CLIPPED_SHARE


def end_level(pcm: Clip, tempo: float) -> float:
    """dB of the last beat against the rest: a clip that is to loop must not fade at its end."""
    beat = min(round(60 / tempo * MODEL_RATE), len(pcm) // 2)
    return level_dbfs(pcm[len(pcm) - beat :]) - level_dbfs(pcm[: len(pcm) - beat])
