"""A codec measured on music it does not train on: figures, and a picture and sound to judge."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import soundfile
import torch
from encodec.quantization import ResidualVectorQuantizer
from torch import Tensor, nn

from core.training.codec.losses import log_mel_distance
from core.training.codec.partials import partials
from core.types import MODEL_RATE

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHOWN = 4  # segments in the picture and the sound
AT_ONCE = 4


class Validator:
    """Holds the held-out segments [segments, 1, samples] and where pictures go."""

    def __init__(self, segments: Tensor, out: Path) -> None:
        self.segments, self.out = segments, out

    @torch.no_grad()
    def __call__(
        self,
        encoder: nn.Module,
        quantizer: ResidualVectorQuantizer | None,
        decoder: nn.Module,
        title: str,
    ) -> dict[str, float]:
        """Figures of the codec as given; writes spectrogram.png and samples.wav.

        quantizer: None while there is none yet. It is left in evaluation mode.
        """
        real = self.segments
        latents = torch.cat([encoder(part) for part in real.split(AT_ONCE)])
        figures = {"z_time_std": float(latents.std(dim=2).mean())}
        if quantizer is not None:
            quantizer.eval()
            codes = quantizer.encode(latents, 50)
            latents = quantizer.decode(codes)
            figures |= codebook_use(codes, quantizer.bins)
        made = torch.cat([decoder(part) for part in latents.split(AT_ONCE)])
        made = made[..., : real.shape[-1]]
        figures["sdr_db"] = signal_to_distortion(made, real)
        figures["log_mel"] = log_mel_distance(made.cpu(), real.cpu())
        figures["log_mel_of_silence"] = log_mel_distance(torch.zeros_like(real).cpu(), real.cpu())
        tonal = partials(made, real)
        if tonal.count:  # drums alone have none
            figures |= {"partials_db": tonal.output, "partials_db_original": tonal.original}
        draw(self.out / "spectrogram.png", title, real[:SHOWN].cpu(), made[:SHOWN].cpu())
        both = torch.cat([real[:SHOWN], made[:SHOWN]], dim=2).reshape(-1).cpu().numpy()
        soundfile.write(self.out / "samples.wav", np.clip(both, -1, 1), MODEL_RATE)
        return figures


def signal_to_distortion(made: Tensor, real: Tensor) -> float:
    """Mean over signals [batch, 1, samples] of 10·log10(power / power of the error), in dB."""
    error = (made - real).pow(2).sum((1, 2)).clamp_min(1e-12)
    return float((10 * (real.pow(2).sum((1, 2)) / error).log10()).mean())


def codebook_use(codes: Tensor, entries: int) -> dict[str, float]:
    """Perplexity of each codebook's entries. codes: [codebooks, batch, frames]."""
    found = {}
    for q, book in enumerate(codes):
        share = torch.bincount(book.flatten(), minlength=entries).float()
        share = share[share > 0] / share.sum()
        found[f"perplexity_{q}"] = float((-(share * share.log()).sum()).exp())
    return found


def draw(path: Path, title: str, real: Tensor, made: Tensor) -> None:
    """Spectrograms of signals [n, 1, samples], the original above, what was decoded below."""
    fig, axes = plt.subplots(2, len(real), figsize=(4 * len(real), 6), squeeze=False)
    for row, signals in enumerate((real, made)):
        for axis, signal in zip(axes[row], signals[:, 0].numpy(), strict=True):
            axis.specgram(
                signal + 1e-7, NFFT=1024, noverlap=768, Fs=MODEL_RATE, vmin=-120, vmax=-20
            )
            axis.label_outer()
    fig.suptitle(f"{title}: above the original, below decoded")
    fig.savefig(path, dpi=60)
    plt.close(fig)
