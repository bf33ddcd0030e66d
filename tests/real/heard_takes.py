"""Where a take begins and ends in a recording, to the sample, and whether it is all there.

A threshold would not do: a take fades in within 2 ms, music may begin softly, and it may end
in silence. So the take's own WAV is laid over the recording where the two agree best. What
was heard is that take, whole, if nothing but rounding is left of their difference.
"""

from __future__ import annotations

import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tests.real.conftest import JackServer, wait_for
from tests.real.serving import OscClient

FADES = 480  # samples at 48 kHz: both ends of a take, and more
SLACK = 4  # samples around the peak of the correlation

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class HeardTake:
    """Samples of the recording."""

    start: int  # where the take's first sample is
    sound: int  # the first that is not silence: the fade-in begins with a zero
    end: int  # one past the last that is not silence
    length: int  # of the take's WAV, resampled
    off: float  # the largest difference from the WAV, fades apart, linear

    @property
    def heard(self) -> int:
        return self.end - self.start


def ask_for_takes(osc: OscClient, count: int) -> None:
    """At random moments, each when the one before has been heard."""
    moments = random.Random(1)
    for seed in range(1, count + 1):
        osc.send("/musicgen/seed", seed)
        time.sleep(moments.uniform(0.0, 2.5))
        osc.send("/musicgen/generate")
        osc.wait_for("/musicgen/first_audio", 100)
        wait_for(lambda: osc.status()["state"] == "idle", 100, "it has been heard")


def find_take(
    recording: Samples, path: str | Path, after: int = 0, rate: int = 48_000
) -> HeardTake:
    """The take whose WAV is `path` in `recording` [samples], from sample `after` on."""
    own, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    take = soxr.resample(own[:, 0], own_rate, rate)
    track = recording[after:]
    start, off = find_sound(track, take)
    loud = np.flatnonzero(track[max(0, start - FADES) : start + len(take) + FADES])
    assert len(loud), "nothing but silence"
    first = after + max(0, start - FADES)
    return HeardTake(
        after + start, first + int(loud[0]), first + int(loud[-1]) + 1, len(take),
        off,
    )  # fmt: skip


def find_sound(track: Samples, sound: Samples) -> tuple[int, float]:
    """Where `sound` begins in `track`, and the largest difference, both ends apart."""
    peak = _peak(track, sound)
    inside = slice(FADES, len(sound) - FADES)
    differences = {
        at: float(np.abs(track[at : at + len(sound)][inside] - sound[inside]).max())
        for at in range(max(0, peak - SLACK), peak + SLACK + 1)
        if at + len(sound) - FADES <= len(track)
    }
    assert differences, "the recording ends before the sound does"
    start = min(differences, key=lambda at: differences[at])
    return start, differences[start]


def _peak(track: Samples, take: Samples) -> int:
    """The lag at which the two correlate best, by FFT."""
    size = 1 << (len(track) + len(take) - 1).bit_length()
    spectrum = np.fft.rfft(track, size) * np.conj(np.fft.rfft(take, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(track)]))


def tell(folder: Path, leader: str, late: list[float], takes: list[HeardTake],
         server: JackServer, **more: list[float]) -> str:  # fmt: skip
    """The figures in one line, for whoever reads the report; also in a file."""
    figures = {
        "leader": leader,
        "takes": len(takes),
        "ms late": [round(ms, 3) for ms in late],
        "mean": round(float(np.abs(late).mean()), 3),
        "worst": round(float(np.abs(late).max()), 3),
        "samples": [take.heard for take in takes],
        "off their files": max(take.off for take in takes),
        "cycles that jackd was late": server.xruns(),
        **{name: np.round(values, 3).tolist() for name, values in more.items()},
    }
    line = json.dumps(figures)
    (folder / "figures.json").write_text(line + "\n")
    sys.stderr.write(line + "\n")
    return line
