"""What every measure of a clip starts from: a log-mel spectrogram and its chroma.

pcm is mono float32 [samples] at 32 kHz throughout this package.
"""

from __future__ import annotations

from functools import cache

import librosa
import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from core.types import MODEL_RATE

HOP = 256
MEL_RATE = MODEL_RATE / HOP  # 125 columns a second
BANDS = 64
RANGE_DB = 70.0  # below a clip's loudest bin nothing counts

_CHROMA_WINDOW, _CHROMA_HOP = 8_192, 2_048

Clip = NDArray[np.float32]
Matrix = NDArray[np.float64]


def log_mel(pcm: Clip) -> Matrix:
    """[64, columns] in dB below the clip's loudest bin, no lower than -70; silence is all -70."""
    with torch.inference_mode():
        power = _mel()(torch.from_numpy(np.ascontiguousarray(pcm, np.float32))).double().numpy()
    loudest = power.max(initial=0.0)
    if loudest <= 1e-10:
        return np.full(power.shape, -RANGE_DB)
    return np.maximum(10 * np.log10(np.maximum(power, 1e-20) / loudest), -RANGE_DB)


def chroma(pcm: Clip) -> Matrix:
    """[12, columns]: magnitude of each pitch class from C up, 65 Hz to 2 kHz; equal temperament.

    Above 2 kHz overtones and cymbals outweigh the notes.
    """
    short = max(0, _CHROMA_WINDOW - len(pcm))
    magnitude = np.abs(
        librosa.stft(np.pad(pcm, (0, short)), n_fft=_CHROMA_WINDOW, hop_length=_CHROMA_HOP)
    )
    return _chroma_filters() @ magnitude


@cache
def _mel() -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        MODEL_RATE, n_fft=1_024, hop_length=HOP, n_mels=BANDS, f_max=14_000.0
    )


@cache
def _chroma_filters() -> Matrix:
    filters = librosa.filters.chroma(sr=MODEL_RATE, n_fft=_CHROMA_WINDOW, ctroct=4.0, octwidth=2.0)
    hertz = librosa.fft_frequencies(sr=MODEL_RATE, n_fft=_CHROMA_WINDOW)
    return filters * ((hertz > 65) & (hertz < 2_000))
