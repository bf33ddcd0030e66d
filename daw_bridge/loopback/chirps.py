"""The sound of the loopback doctor: one falling sweep, then rising ones without a pause. Pure.

Linear sweeps are known by cross-correlation, also where they come back quiet, filtered or beside
noise (Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
technique", AES 108, 2000). The falling one says where the sound begins, whatever the delay; each
rising one says what the delay is by then, so that clocks that drift and sound that is lost show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 300.0, 7_000.0  # Hz: what small loudspeakers and narrow converters still pass
LEVEL = 0.1  # linear: −20 dBFS, for it may be heard
EDGE = 0.003  # seconds of fade at both ends of a sweep
MARK = 0.25  # seconds of the falling sweep
PAUSE = 0.10
SWEEP = 0.08  # seconds of a rising one

Wave = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChirpTrain:
    """A mark and `count` sweeps. All times are seconds from its first sample."""

    count: int = 50

    @property
    def seconds(self) -> float:
        return self.sweep_at(self.count)

    def sweep_at(self, number: int) -> float:
        """When sweep `number` begins, from 0."""
        return MARK + PAUSE + number * SWEEP

    def sampled(self, rate: int) -> NDArray[np.float32]:
        """All of it as float32 [samples, 1], to be played."""
        time = np.arange(round(self.seconds * rate)) / rate
        sound = falling(time) + rising((time - self.sweep_at(0)) % SWEEP) * (time >= MARK + PAUSE)
        return (LEVEL * sound).astype(np.float32)[:, None]


def falling(time: Wave) -> Wave:
    """The mark at `time` seconds from its beginning, of level 1; 0 outside."""
    return _sweep(time, MARK, HIGH, LOW)


def rising(time: Wave) -> Wave:
    """One sweep of the train, likewise."""
    return _sweep(time, SWEEP, LOW, HIGH)


def _sweep(time: Wave, length: float, first: float, last: float) -> Wave:
    phase = 2 * np.pi * (first * time + (last - first) * time**2 / (2 * length))
    edges = np.clip(np.minimum(time, length - time) / EDGE, 0, 1)
    return np.sin(phase) * np.sin(np.pi / 2 * edges) ** 2
