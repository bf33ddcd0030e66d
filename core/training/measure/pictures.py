"""Clips as pictures: mel spectrograms, one by one and on sheets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torchaudio

from core.training.measure.spectra import Clip, Matrix
from core.types import MODEL_RATE

matplotlib.use("Agg")
import matplotlib.pyplot as plt

_HOP, _BANDS, _RANGE_DB = 512, 128, 75.0
_COLOURS = "magma"


def spectrogram(pcm: Clip) -> Matrix:
    """[128, columns] in dB, 0 at the loudest bin, -75 at the least; mel bands up to 16 kHz."""
    with torch.inference_mode():
        power = _mel()(torch.from_numpy(np.ascontiguousarray(pcm, np.float32))).double().numpy()
    decibels = 10 * np.log10(power + 1e-12)
    return np.clip(decibels - decibels.max(), -_RANGE_DB, 0.0)


def picture(pcm: Clip, path: Path) -> None:
    """One clip's spectrogram and nothing else, low notes at the bottom."""
    plt.imsave(path, spectrogram(pcm)[::-1], cmap=_COLOURS, vmin=-_RANGE_DB, vmax=0.0)


def sheet(clips: Sequence[Clip], titles: Sequence[str], columns: int, path: Path) -> None:
    """Spectrograms side by side, each under its title. PNG or JPEG, by the path's suffix."""
    rows = -(-len(clips) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.6 * columns, 1.35 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, clip, title in zip(axes.flat, clips, titles, strict=False):
        axis.imshow(
            spectrogram(clip), origin="lower", aspect="auto", cmap=_COLOURS, vmin=-_RANGE_DB, vmax=0
        )
        axis.set_title(title if len(title) <= 46 else title[:45] + "…", fontsize=6)
    quality = {"pil_kwargs": {"quality": 72}} if path.suffix == ".jpg" else {}
    figure.savefig(path, dpi=100, **quality)
    plt.close(figure)


@cache
def _mel() -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        MODEL_RATE, n_fft=2_048, hop_length=_HOP, n_mels=_BANDS
    )
