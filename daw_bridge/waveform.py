"""Waveforms for people: the peaks of new audio, fifty a second."""

from __future__ import annotations

import numpy as np

from core.generation.messages import PcmBlock
from core.types import SAMPLES_PER_FRAME
from daw_bridge.events import TakeWaveform


def waveform(block: PcmBlock) -> TakeWaveform:
    """Minimum and maximum of each codec frame; a last, shorter frame counts as one."""
    samples, channels = block.pcm.shape
    missing = -samples % SAMPLES_PER_FRAME
    pcm = np.pad(block.pcm, ((0, missing), (0, 0)), mode="edge") if missing else block.pcm
    frames = pcm.reshape(-1, SAMPLES_PER_FRAME * channels)
    peaks = np.stack((frames.min(axis=1), frames.max(axis=1)), axis=1).astype(np.float32)
    return TakeWaveform(block.take, block.first_sample // SAMPLES_PER_FRAME, peaks)
