"""The tempo of a clip, from the periodicity of its onsets.

A Fourier tempogram over the whole clip (Grosche and Müller, 2011, "Extracting Predominant Local
Pulse Information From Music Recordings", IEEE TASLP 19(6)): the spectrum of the onset strength,
read at a tempo's beat, half-beat and sixteenth rates at once. One transform of the whole clip,
zero-padded, resolves about 0.1 bpm, which a tracker that quantises lags to columns does not.

A periodicity does not say which of its multiples a listener taps. `within_octaves` therefore also
accepts the double and the half, as MIREX's second accuracy does (that one takes thirds too; we
do not).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from core.training.measure.spectra import MEL_RATE, Clip, Matrix, log_mel

SLOWEST, FASTEST = 57.0, 185.0  # bpm: what the composer writes, 60 to 180, and a little
TOLERANCE = 0.02
# Multiples of the beat's rate and what each adds. Triplets speak for another tempo.
_LEVELS = ((0.5, 0.3), (1.0, 1.0), (2.0, 1.0), (4.0, 0.7), (3.0, -0.3))
_CENTRE, _WIDTH = 115.0, 0.9  # of the listener's preference: bpm, octaves
_LOCAL_MEAN = 0.6  # s
_TRANSFORM = 1 << 16


def estimate_tempo(pcm: Clip) -> float | None:
    """bpm, or None for a clip without onsets."""
    return tempo_of(log_mel(pcm))


def tempo_of(mel: Matrix) -> float | None:
    """bpm from a `log_mel` spectrogram; None where nothing starts or all starts at once."""
    strength = onset_strength(mel)
    if strength.max(initial=0.0) < 1e-3:
        return None
    spectrum = np.abs(np.fft.rfft(strength * np.hanning(len(strength)), _TRANSFORM))
    candidates = np.geomspace(SLOWEST, FASTEST, 2_400)
    score = np.zeros_like(candidates)
    for level, weight in _LEVELS:
        bins = candidates * level / 60 / MEL_RATE * _TRANSFORM
        score += weight * np.interp(bins, np.arange(len(spectrum)), spectrum)
    preference = np.exp(-0.5 * (np.log2(candidates / _CENTRE) / _WIDTH) ** 2)
    return float(candidates[np.argmax(score * preference)])


def onset_strength(mel: Matrix) -> NDArray[np.float64]:
    """Rise in level summed over bands, its local mean taken away, zero mean [columns - 1]."""
    rise = np.maximum(np.diff(mel, axis=1), 0.0).mean(axis=0)
    rise = np.maximum(rise - uniform_filter1d(rise, int(_LOCAL_MEAN * MEL_RATE) | 1), 0.0)
    return rise - rise.mean()


def within(found: float | None, asked: float, tolerance: float = TOLERANCE) -> bool:
    """Whether a tempo is the one that was asked for, within 2 %."""
    return found is not None and abs(found / asked - 1) <= tolerance


def within_octaves(found: float | None, asked: float, tolerance: float = TOLERANCE) -> bool:
    """The same, where its double and its half are the same pulse counted otherwise."""
    return any(within(found, asked * factor, tolerance) for factor in (0.5, 1.0, 2.0))
