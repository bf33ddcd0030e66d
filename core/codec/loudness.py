"""Loudness of a recording after ITU-R BS.1770-4, measured block by block.

torchaudio has the K-weighting filters and a function for a whole clip; this feeds the
filters a stretch at a time, so that memory does not grow with the recording.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torchaudio.functional import highpass_biquad, treble_biquad

from core.codec.resampler import Pcm
from core.types import MODEL_RATE

HOP = MODEL_RATE // 10  # 100 ms: gating blocks of 400 ms overlap by three quarters
STRETCH = 20 * MODEL_RATE  # filtered at a time
RUN_IN = MODEL_RATE // 2  # filtered again before each stretch: torchaudio's filters keep no state
QUIETER = 0.25  # torchaudio cuts what its filters give at ±1
ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU

DEFAULT_TARGET = -18.0  # LUFS: the median of the composer's pieces, whose RMS is 0.14
CEILING = 0.89  # -1 dBFS; a clip's peak after the gain
MOST_GAIN = 30.0  # dB; beyond it is mostly hiss that would be raised


class LoudnessMeter:
    """Feed 32 kHz blocks float32 [samples, channels]; then ask.

    `hops` are K-weighted powers, one every 100 ms (the channels' sum); `peak` is the largest
    sample.
    """

    def __init__(self) -> None:
        self.peak = 0.0
        self._hops: list[NDArray[np.float32]] = []
        self._waiting: list[Pcm] = []
        self._waits = 0
        self._before: Pcm | None = None

    def feed(self, pcm: Pcm) -> None:
        if not len(pcm):
            return
        self.peak = max(self.peak, float(np.abs(pcm).max()))
        self._waiting.append(pcm)
        self._waits += len(pcm)
        if self._waits >= STRETCH:
            self._measure()

    def _measure(self, last: bool = False) -> None:
        pcm = np.concatenate(self._waiting)
        whole = len(pcm) - len(pcm) % HOP
        if last and (whole == 0 or len(pcm) - whole >= HOP // 2):
            whole += HOP  # the end counts as a hop of its own, from half a hop
            pcm = np.pad(pcm, ((0, max(0, whole - len(pcm))), (0, 0)))
        self._waiting, self._waits = [pcm[whole:]], len(pcm) - whole
        pcm = pcm[:whole]
        lead = 0 if self._before is None else len(self._before)
        heard = pcm if self._before is None else np.concatenate([self._before, pcm])
        self._before = heard[-RUN_IN:]
        power = _k_weighted(heard)[lead:] ** 2
        self._hops.append(power.sum(axis=1).reshape(-1, HOP).mean(axis=1))

    @property
    def hops(self) -> NDArray[np.float32]:
        """Power a hop, float32 [hops]; includes what was fed last, so ask at the end."""
        if self._waits:
            self._measure(last=True)
            self._waiting, self._waits = [], 0
        return np.concatenate(self._hops) if self._hops else np.zeros(0, np.float32)

    @property
    def integrated(self) -> float:
        """LUFS over the whole recording with both gates; -inf for silence."""
        hops = self.hops.astype(np.float64)
        if not len(hops):
            return -math.inf
        width = min(4, len(hops))  # a hit shorter than 400 ms is one block
        powers = np.convolve(hops, np.full(width, 1 / width), "valid")
        loud = powers[level(powers) > ABSOLUTE_GATE]
        if not len(loud):
            return -math.inf
        gate = float(level(loud.mean())) + RELATIVE_GATE
        return float(level(loud[level(loud) > gate].mean()))


def level(power: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """K-weighted power → LUFS."""
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-12))


def gain_to(target: float, meter: LoudnessMeter) -> float:
    """The factor that brings a recording to `target` LUFS, its peak staying below -1 dBFS."""
    wanted = 10 ** (min(target - meter.integrated, MOST_GAIN) / 20)
    return min(wanted, CEILING / max(meter.peak, 1e-9))


@torch.inference_mode()
def _k_weighted(pcm: Pcm) -> NDArray[np.float32]:
    wave = torch.from_numpy(np.ascontiguousarray(pcm.T)) * QUIETER
    wave = treble_biquad(wave, MODEL_RATE, 4.0, 1500.0, 1 / math.sqrt(2))
    wave = highpass_biquad(wave, MODEL_RATE, 38.0, 0.5)
    return wave.numpy().T / QUIETER
