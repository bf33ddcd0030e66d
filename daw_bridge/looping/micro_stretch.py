"""A take a little faster or slower: as a resampling where that is not heard, else stretched."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from python_stretch.Signalsmith import Stretch

from core.types import MODEL_RATE

UNHEARD = 0.0025  # share of speed: 4 cents, less than an ear tells apart


def stretched(pcm: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """`pcm` [samples, channels] at 32 kHz played at `speed` > 0: round(samples / speed) samples.

    Within 4 cents the pitch goes along, which costs no quality; beyond, it is kept
    (Signalsmith Stretch).
    """
    length = round(len(pcm) / speed)
    if length == len(pcm) or not len(pcm):
        return pcm
    if abs(speed - 1) <= UNHEARD:
        out = soxr.resample(pcm, MODEL_RATE * speed, MODEL_RATE, quality="VHQ")
    else:
        stretch = Stretch()
        stretch.preset(pcm.shape[1], MODEL_RATE)
        stretch.setTimeFactor(speed)
        silence = np.zeros((stretch.blockSamples(), pcm.shape[1]), np.float32)
        out = np.asarray(stretch.process(np.ascontiguousarray(np.concatenate([pcm, silence]).T))).T
    if len(out) < length:
        out = np.pad(out, ((0, length - len(out)), (0, 0)))
    return np.ascontiguousarray(out[:length], np.float32)


def shifted(pcm: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Earlier by `samples` (the first are dropped), or later, after silence."""
    return pcm[samples:] if samples >= 0 else np.pad(pcm, ((-samples, 0), (0, 0)))
