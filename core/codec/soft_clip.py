"""Peaks above full scale bent below it, instead of cut off by the file or the sound card."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KNEE = 0.9


def soft_clip(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples up to ±0.9 stay as they are to the bit; beyond, a tanh nears ±1.

    Without memory, so that blocks of any size give what the whole gives.
    """
    size = np.abs(pcm)
    loud = size > KNEE
    if not loud.any():
        return pcm
    bent = KNEE + (1 - KNEE) * np.tanh((size[loud] - KNEE) / (1 - KNEE))
    out = pcm.copy()
    # just below 1: a 24-bit file holds nothing larger
    out[loud] = np.sign(pcm[loud]) * np.minimum(bent, 1 - 2.0**-16)
    return out
