"""Sound for the tests of tokenizing: tones with a beat, and a codec with few channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from transformers import EncodecModel

from tests.core.tiny_checkpoints import tiny_codec_config


def tone(
    seconds: float, rate: int = 32_000, channels: int = 1, level: float = 0.2, hz: float = 220.0
) -> NDArray[np.float64]:
    """float64 [samples, channels]: a sine that pulses twice a second."""
    time = np.arange(round(seconds * rate)) / rate
    wave = level * np.sin(2 * np.pi * hz * time) * (0.6 + 0.4 * np.cos(4 * np.pi * time))
    return np.repeat(wave[:, None], channels, axis=1)


def silence(seconds: float, rate: int = 32_000) -> NDArray[np.float64]:
    return np.zeros((round(seconds * rate), 1))


def write(path: Path, pcm: NDArray[np.float64], rate: int = 32_000, **how: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, pcm, rate, **how)
    return path


def small_codec(seed: int = 0) -> EncodecModel:
    """The real frames, four codebooks of 256; encodes some hundred times faster than it plays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EncodecModel(tiny_codec_config(filters=2)).eval().requires_grad_(False)
        for layer in model.quantizer.layers:
            layer.codebook.embed.normal_()
    return model
