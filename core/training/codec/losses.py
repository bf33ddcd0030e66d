"""What the codec's decoder is asked to match: spectra at several resolutions.

Mel windows and bins follow the Descript Audio Codec (Kumar et al., 2023, arXiv:2306.06546,
section 3.4); the linear term keeps loud partials right, the log term quiet ones.
"""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn

from core.types import MODEL_RATE


class MultiScaleMel(nn.Module):
    """L1 between mel spectra of two signals [batch, 1, samples], averaged over resolutions."""

    def __init__(
        self,
        windows: tuple[int, ...] = (128, 512, 1024, 2048),
        bins: tuple[int, ...] = (20, 64, 96, 160),
    ) -> None:
        super().__init__()
        self.mels = nn.ModuleList(
            torchaudio.transforms.MelSpectrogram(
                sample_rate=MODEL_RATE,
                n_fft=window,
                hop_length=window // 4,
                n_mels=n,
                power=1.0,
                norm="slaney",
                mel_scale="slaney",
            )
            for window, n in zip(windows, bins, strict=True)
        )

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        total = made.new_zeros(())
        for mel in self.mels:
            a, b = mel(made.squeeze(1)), mel(real.squeeze(1))
            log = (a.clamp_min(1e-5).log() - b.clamp_min(1e-5).log()).abs().mean()
            # per-signal scale, so that a quiet clip counts as much as a loud one
            linear = ((a - b).abs().mean((1, 2)) / (b.mean((1, 2)) + 1e-5)).mean()
            total = total + log + linear
        return total / len(self.mels)


class ComplexSpectrum(nn.Module):
    """L1 between complex spectra with their magnitudes to a power, relative to the original's.

    Mel spectra do not see phase, and a waveform's error is that of its bass. Compression makes the
    partials of a note count as well as its fundamental, and only what is in phase from frame
    to frame sounds like a note instead of like noise. (Compressed complex spectra: Ephrat et
    al., 2018, arXiv:1804.03619, section 4; Wilson et al., 2018, arXiv:1811.07030.)
    """

    def __init__(self, windows: tuple[int, ...] = (2048,), power: float = 0.5) -> None:
        super().__init__()
        self.power = power
        self.spectra = nn.ModuleList(
            torchaudio.transforms.Spectrogram(
                n_fft=window, hop_length=window // 4, power=None, normalized=True
            )
            for window in windows
        )

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """Signals [batch, 1, samples], longer than half the longest window."""
        total = made.new_zeros(())
        for spectrum in self.spectra:
            a, b = (self._compressed(spectrum(x.squeeze(1))) for x in (made, real))
            distance = (a - b).abs().mean((1, 2)) / b.abs().mean((1, 2)).clamp_min(1e-8)
            total = total + distance.mean()
        return total / len(self.spectra)

    def _compressed(self, spectrum: Tensor) -> Tensor:
        return spectrum * spectrum.abs().clamp_min(1e-4) ** (self.power - 1)


class FineSpectrum(nn.Module):
    """L1 between log magnitudes at every bin of long windows, where partials and gaps show.

    Log magnitude as in Parallel WaveGAN (Yamamoto et al., 2020, arXiv:1910.11480, section 2.2).
    """

    def __init__(self, windows: tuple[int, ...] = (4096,)) -> None:
        super().__init__()
        self.spectra = nn.ModuleList(
            torchaudio.transforms.Spectrogram(
                n_fft=window, hop_length=window // 4, power=1.0, normalized=True
            )
            for window in windows
        )

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """Signals [batch, 1, samples], no shorter than the longest window."""
        total = made.new_zeros(())
        for spectrum in self.spectra:
            a, b = spectrum(made.squeeze(1)), spectrum(real.squeeze(1))
            total = total + (a.clamp_min(1e-4).log() - b.clamp_min(1e-4).log()).abs().mean()
        return total / len(self.spectra)


@torch.no_grad()
def log_mel_distance(made: Tensor, real: Tensor) -> float:
    """Mean absolute difference of natural-log mel magnitudes (2048 window, 128 bins)."""
    mel = torchaudio.transforms.MelSpectrogram(
        MODEL_RATE,
        n_fft=2048,
        hop_length=512,
        n_mels=128,
        power=1.0,
        norm="slaney",
        mel_scale="slaney",
    )
    a, b = mel(made.flatten(0, 1)), mel(real.flatten(0, 1))
    return float((a.clamp_min(1e-4).log() - b.clamp_min(1e-4).log()).abs().mean())
