"""How far the partials of held notes stand out of what lies between them.

A codec that blurs partials into noise keeps the mel spectrum, so that log-mel distance and ear
disagree. This figure looks where the ear does: it finds the partials of the original between 1 and
6 kHz and asks how far the same places of the output rise above their surroundings, in decibels.
White noise gives about 3 dB there, clean notes about 30.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from core.types import MODEL_RATE

WINDOW, HOP = 4096, 1024  # 128 ms: bins of 7.8 Hz, a partial is four bins wide
LOWEST, HIGHEST = 1000.0, 6000.0  # Hz
AROUND = 41  # bins (320 Hz) whose median is a partial's floor
FOURTH = 4
STANDS_OUT = 20.0  # dB above its floor: a partial
AUDIBLE = 60.0  # dB below the clip's loudest bin: too quiet to count


class Partials(NamedTuple):
    """Mean rise of partials above their floor, in dB, and how many were found."""

    original: float
    output: float
    count: int


@torch.no_grad()
def partials(made: Tensor, real: Tensor) -> Partials:
    """Of two signals [batch, 1, samples] at 32 kHz. NaN for both where there are no partials.

    A partial is a local maximum of the original's spectrum that lasts for three frames (192 ms).
    The output may miss it by one bin.
    """
    low, high = (int(hz * WINDOW / MODEL_RATE) for hz in (LOWEST, HIGHEST))
    level = _decibels(real)
    loudest = level.amax((1, 2), keepdim=True)
    rise = _rise(level, low, high)
    level = level[:, low:high]
    peak = (level == _over_bins(level, 5)) & (rise > STANDS_OUT) & (level > loudest - AUDIBLE)
    near = _over_bins(peak.float(), 3) > 0
    held = peak.clone()
    held[..., 0] = held[..., -1] = False
    held[..., 1:-1] &= near[..., :-2] & near[..., 2:]
    found = _over_bins(_rise(_decibels(made), low, high), 3)
    return Partials(float(rise[held].mean()), float(found[held].mean()), int(held.sum()))


def _decibels(audio: Tensor) -> Tensor:
    window = torch.hann_window(WINDOW, device=audio.device)
    spectrum = torch.stft(audio[:, 0], WINDOW, HOP, window=window, return_complex=True)
    return 20 * spectrum.abs().clamp_min(1e-7).log10()


def _rise(level: Tensor, low: int, high: int) -> Tensor:
    """Bins low … high above the median of the bins around each (around each fourth, to save)."""
    half = AROUND // 2
    floor = level[:, low - half : high + half].unfold(1, AROUND, FOURTH).median(-1).values
    return level[:, low:high] - floor.repeat_interleave(FOURTH, dim=1)[:, : high - low]


def _over_bins(level: Tensor, size: int) -> Tensor:
    """The greatest of `size` neighbouring bins."""
    across = level.transpose(1, 2)
    return functional.max_pool1d(across, size, stride=1, padding=size // 2).transpose(1, 2)
