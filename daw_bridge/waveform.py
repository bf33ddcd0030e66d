"""Waveforms for people: the peaks of new audio, fifty a second."""

from __future__ import annotations

import numpy as np

from core.generation.messages import PcmBlock
from core.types import SAMPLES_PER_FRAME
from daw_bridge.events import TakeWaveform


def waveform(block: PcmBlock, lead: int = 0) -> TakeWaveform:
    """Minimum and maximum of each codec frame's length; a last, shorter one counts as one.

    lead: samples of the take before its first frame, which are shown as the first of it.
    """
    samples, channels = block.pcm.shape
    missing = -samples % SAMPLES_PER_FRAME
    pcm = np.pad(block.pcm, ((0, missing), (0, 0)), mode="edge") if missing else block.pcm
    frames = pcm.reshape(-1, SAMPLES_PER_FRAME * channels)
    peaks = np.stack((frames.min(axis=1), frames.max(axis=1)), axis=1).astype(np.float32)
    first = (block.first_sample + lead) // SAMPLES_PER_FRAME
    return TakeWaveform(block.take, first, peaks)
