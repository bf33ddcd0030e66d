"""The codec on held-out clips: distortion, distance of spectra, and how its codebooks are used.

Both baselines keep nothing of a clip but its mean magnitude spectrum. `frame_baseline` compares
the spectra directly: every frame is the mean frame. `noise_baseline` makes sound of it: white
noise in the shape of that spectrum (fixed seed, the clip's own level). The first is nearer to the
original, because noise also fluctuates, and is the one that the target is held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from core.training.codec.losses import log_mel_distance
from core.training.measure.spectra import Clip
from core.types import MODEL_RATE

_WINDOW, _HOP, _BANDS, _FLOOR = 2_048, 512, 128, 1e-4  # those of `log_mel_distance`


def sdr_db(made: Clip, real: Clip) -> float:
    """Signal to distortion of the waveform, dB."""
    error = np.sum(np.square(made - real, dtype=np.float64))
    return float(10 * np.log10(np.sum(np.square(real, dtype=np.float64)) / max(error, 1e-12)))


def distance(made: Clip, real: Clip) -> float:
    """Mean difference of natural-log mel magnitudes (`codec_losses.log_mel_distance`)."""
    return log_mel_distance(*(torch.from_numpy(np.array(one))[None, None] for one in (made, real)))


def frame_baseline(real: Clip) -> float:
    """The same distance where each frame is the clip's mean mel magnitude."""
    with torch.inference_mode():
        mel = _mel()(torch.from_numpy(np.array(real)))
    mean = mel.mean(dim=1, keepdim=True)
    return float((mel.clamp_min(_FLOOR).log() - mean.clamp_min(_FLOOR).log()).abs().mean())


def noise_baseline(real: Clip) -> float:
    """The same distance to noise with the clip's mean magnitude spectrum and RMS."""
    noise = np.random.default_rng(0).normal(size=len(real)).astype(np.float32)
    window = torch.hann_window(_WINDOW)
    with torch.inference_mode():
        shape, white = (
            torch.stft(
                torch.from_numpy(np.array(one)), _WINDOW, _HOP, window=window, return_complex=True
            )
            for one in (real, noise)
        )
        mean = shape.abs().mean(dim=1, keepdim=True)
        made = torch.istft(white * mean, _WINDOW, _HOP, window=window, length=len(real)).numpy()
    made *= np.sqrt(np.mean(real**2) / max(float(np.mean(made**2)), 1e-12))
    return distance(made, real)


def share_used(codes: Sequence[NDArray[np.int64]], vocab: int) -> list[float]:
    """Of each codebook, the share of entries that occur at all in codes [codebooks, frames]."""
    return [float(np.mean(np.bincount(b, minlength=vocab) > 0)) for b in np.hstack(codes)]


def perplexity(codes: Sequence[NDArray[np.int64]]) -> list[float]:
    """Of each codebook, the exponential of the entropy of its entries' frequencies."""
    out = []
    for book in np.hstack(codes):
        share = np.bincount(book) / len(book)
        share = share[share > 0]
        out.append(float(np.exp(-(share * np.log(share)).sum())))
    return out


@cache
def _mel() -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        MODEL_RATE,
        n_fft=_WINDOW,
        hop_length=_HOP,
        n_mels=_BANDS,
        power=1.0,
        norm="slaney",
        mel_scale="slaney",
    )
