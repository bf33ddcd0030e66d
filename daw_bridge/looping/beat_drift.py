"""Where the beats of a take lie against the grid: too early, too late, too slow. Pure.

A model is told a tempo and keeps it about as well as a drummer does. Here the onsets are laid on
a comb of beats whose tempo and phase are varied a little; the comb that catches most of them
says by how much the music strays. Spectral flux as in S. Dixon, "Onset detection revisited",
DAFx 2006; the comb as in E. Scheirer, "Tempo and beat analysis", JASA 103, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.types import MODEL_RATE

WINDOW, HOP = 512, 64  # samples: 16 ms, a value every 2 ms
STEP = HOP / MODEL_RATE
BANDS = 24
FAINTEST = 0.03  # rise against the loudest sound: below that it is no onset
BLUR = 0.004  # seconds by which an onset may miss the comb
NEAR = 0.03  # share by which the tempo may be off and still be meant as this one
FAR = 0.3  # … and within which another one is looked for that fits better
FIRST_LOOK = 10.0  # seconds in which the tempo is found; then the look is lengthened and refined
TEETH_APART = 0.5  # of `BLUR`: as far as the last tooth moves from one tempo tried to the next
LATEST = 0.06  # seconds by which all beats may lie beside the grid and still be meant as on it
SURE = 2.5  # times an average comb that the best one catches; a comb of another tempo reaches 2
HELD = 0.1  # of the strongest onset: what counts as one, of which half the beats need one
ONSET_LEAD = 0.0038  # seconds by which the flux of a sharp attack peaks before the attack


@dataclass(frozen=True, slots=True)
class Drift:
    """The take's beat k is heard at `offset` + k · beat · `ratio` seconds.

    sure: how much of the onsets that comb catches, against the average of all combs.
    """

    offset: float = 0.0
    ratio: float = 1.0
    sure: float = 0.0

    @property
    def certain(self) -> bool:
        """There is a beat, and it is near the grid."""
        return self.sure >= SURE

    def after(self, seconds: float) -> float:
        """How many seconds behind the grid the beat is after so long, against its start."""
        return (self.ratio - 1) * seconds


def beat_drift(pcm: NDArray[np.float32], beat: float) -> Drift:
    """pcm: float32 [samples, channels] at 32 kHz whose beat 0 should lie at sample 0.

    beat: seconds of one. At least four beats are needed to tell anything.
    """
    curve = onset_curve(pcm)
    whole = len(curve) * STEP
    if whole < 4 * beat * (1 + NEAR) or not curve.any():
        return Drift()
    look = min(whole, max(FIRST_LOOK, 8 * beat))
    offsets = np.arange(-beat / 4, beat / 4, STEP)  # a comb of half beats repeats after that
    meant = np.abs(offsets) <= min(LATEST, beat / 8)
    found = _best(curve, beat, offsets, meant, look, 1.0, FAR)
    while found is not None and look < whole:
        look = min(2 * look, whole)
        reach = 6 * TEETH_APART * BLUR / look
        found = _best(curve, beat, offsets[meant], meant[meant], look, found.ratio, reach)
    return found or Drift()


def onset_curve(pcm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Onsets: one value every `HOP` samples, at the attack's own time; 0 where nothing begins."""
    mono = pcm.mean(axis=1, dtype=np.float64) if pcm.ndim == 2 else pcm.astype(np.float64)
    before = np.zeros(WINDOW // 2 + round(ONSET_LEAD * MODEL_RATE))
    padded = np.concatenate([before, mono, np.zeros(WINDOW)])
    frames = sliding_window_view(padded, WINDOW)[: -(-len(mono) // HOP) * HOP : HOP]
    edges = np.unique(np.geomspace(1, WINDOW // 2 + 1, BANDS + 1).round().astype(int))
    rows = []
    for part in np.array_split(frames, max(1, len(frames) // 4096)):  # bounded memory
        spectrum = np.abs(np.fft.rfft(part * np.hanning(WINDOW), axis=1))
        rows.append(np.add.reduceat(spectrum, edges[:-1], axis=1))
    bands = np.concatenate(rows)
    loudness = np.sqrt(bands)  # between a band's power, which hears drums alone, and its log
    loudest = float(loudness.sum(axis=1).max(initial=0.0))
    if loudest == 0:
        return np.zeros(len(bands))
    rise = np.maximum(loudness[4:] - loudness[:-4], 0).sum(axis=1)  # over 8 ms, half a window
    rise = np.concatenate([np.zeros(2), rise, np.zeros(2)]) / loudest
    rise[rise < FAINTEST] = 0.0
    local = np.convolve(rise, np.full(101, 1 / 101), mode="same")
    curve = np.maximum(rise - local, 0)
    reach = np.arange(-6, 7) * STEP
    blur = np.exp(-0.5 * (reach / BLUR) ** 2)
    return np.convolve(curve, blur / blur.sum(), mode="same")


def _best(
    curve: NDArray[np.float64],
    beat: float,
    offsets: NDArray[np.float64],
    meant: NDArray[np.bool_],
    look: float,
    middle: float,
    reach: float,
) -> Drift | None:
    """The comb that catches most of the first `look` seconds, of tempos within `reach` of
    `middle`. None where it is not near the grid, and where it lies at the edge of the search."""
    count = int(look / beat / (1 + NEAR))
    step = TEETH_APART * BLUR / look
    many = round(reach / step)
    ratios = middle + step * np.arange(-many, many + 1)
    curve = curve[: round(look / STEP)]
    score = np.stack([_caught(curve, beat * ratio, offsets, count) for ratio in ratios])
    score /= max(float(curve.mean()) * 2 * count, 1e-12)
    usable = meant[None, :] & (np.abs(ratios - 1) <= NEAR)[:, None]
    row, column = divmod(int(np.where(usable, score, -1.0).argmax()), len(offsets))
    best = float(score[row, column])
    if best < 0.999 * score.max() or row in (0, len(ratios) - 1):
        return None
    teeth = curve[_teeth(beat * ratios[row], offsets[column : column + 1], count, len(curve) - 1)]
    if np.count_nonzero(teeth > HELD * teeth.max()) < max(4, count / 2):  # a hit or two, no beat
        return None
    ratio = ratios[row] + step * _summit(score[:, column], row)
    offset = offsets[column] + STEP * _summit(score[row], column)
    return Drift(float(offset), float(ratio), best)


def _caught(
    curve: NDArray[np.float64], beat: float, offsets: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """How much of the onsets a comb of half beats catches, by offset."""
    padded = np.append(curve, 0.0)
    return padded[_teeth(beat, offsets, count, len(curve))].sum(axis=0)


def _teeth(
    beat: float, offsets: NDArray[np.float64], count: int, outside: int
) -> NDArray[np.int64]:
    """Where the teeth are on the curve, by offset; `outside` for those that are not."""
    times = np.arange(2 * count)[:, None] * (beat / 2) + offsets[None, :]
    at = np.rint(times * (1 / STEP)).astype(np.int64)
    at[(at < 0) | (at > outside)] = outside
    return at


def _summit(values: NDArray[np.float64], index: int) -> float:
    """Where between the neighbours of a maximum the parabola through them is highest."""
    if not 0 < index < len(values) - 1:
        return 0.0
    before, here, after = values[index - 1 : index + 2]
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
