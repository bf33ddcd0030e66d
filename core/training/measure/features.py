"""A clip as numbers: what a classifier sees of it. Level does not count, timbre and rhythm do.

Mel statistics say which instruments sound, onset spectra in four regions of frequency what they
play (kick, bass, chords, cymbals), the chroma how many notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.training.measure.spectra import MEL_RATE, Clip, Matrix, chroma, log_mel
from core.training.measure.tempo import onset_strength

_REGIONS = ((0, 8), (8, 20), (20, 40), (40, 64))  # bands: below 0.25, 0.8, 2.6 and 14 kHz
_PULSES = np.geomspace(0.7, 16.0, 28)  # onsets a second
_TRANSFORM = 1 << 13


def features(pcm: Clip) -> NDArray[np.float64]:
    """[512] for any clip of two seconds or more."""
    mel = log_mel(pcm)
    rise = np.maximum(np.diff(mel, axis=1), 0.0)
    low, middle, high = np.percentile(mel, (10, 50, 90), axis=1)
    timbre = [mel.mean(axis=1), mel.std(axis=1), low, middle, high, rise.mean(axis=1)]
    rhythm = [_pulses(mel[first:stop]) for first, stop in _REGIONS]
    return np.concatenate([*timbre, *rhythm, _notes(pcm)])


def _pulses(mel: Matrix) -> NDArray[np.float64]:
    """[28]: how strongly a region pulses at each rate, of its own strongest."""
    strength = onset_strength(mel)
    spectrum = np.abs(np.fft.rfft(strength * np.hanning(len(strength)), _TRANSFORM))
    bins = _PULSES / MEL_RATE * _TRANSFORM
    # the loudest within a twelfth of an octave either way: rates lie between the grid's
    found = [spectrum[int(b / 1.06) : int(b * 1.06) + 2].max() for b in bins]
    return np.asarray(found) / max(max(found), 1e-9)


def _notes(pcm: Clip) -> NDArray[np.float64]:
    """[16]: pitch classes, strongest first, and how much their profile moves, tonal or not."""
    columns = chroma(pcm)
    share = columns / np.maximum(columns.sum(axis=0), 1e-9)
    mean = np.sort(share.mean(axis=1))[::-1]
    within = np.sort(share, axis=0)[::-1].mean(axis=1)[:2]
    moving = np.abs(np.diff(share, axis=1)).sum(axis=0)
    return np.concatenate([mean, within, [moving.mean(), moving.std()]])
