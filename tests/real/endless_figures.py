"""What a long take is measured by: level and spectrum a second, gaps, memory; and the picture."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import matplotlib as mpl
import numpy as np
import soxr
from numpy.typing import NDArray

from core.training.measure.spectra import log_mel

mpl.use("Agg")
import matplotlib.pyplot as plt

Curve = NDArray[np.float64]
SAMPLED = 2.0  # seconds between two looks at the memory
OFF = 2e-3  # of full scale, beyond which what was heard is not the take: -54 dB
SPLICE = (0.03, 0.2)  # seconds before and after a change's first sound, where the old sound is
# faded into the new: somewhat later than planned, where the machine is busy, and no beat moves


def levels(pcm: NDArray[np.float32], rate: int) -> Curve:
    """RMS of each whole second of mono sound, in dB."""
    seconds = pcm[: len(pcm) // rate * rate].reshape(-1, rate).astype(np.float64)
    return 10 * np.log10(np.maximum((seconds**2).mean(axis=1), 1e-10))


def spectral_steps(pcm: NDArray[np.float32]) -> Curve:
    """From each second of 32 kHz mono sound to the next: mean distance of their mean log-mel
    spectra, in dB. Each second is taken below its own loudest bin, so that level is left out."""
    seconds = pcm[: len(pcm) // 32_000 * 32_000].reshape(-1, 32_000)
    spectra = np.stack([log_mel(second).mean(axis=1) for second in seconds])
    return np.abs(np.diff(spectra, axis=0)).mean(axis=1)


def departures(
    heard: NDArray[np.float32], take: NDArray[np.float32], rate: int, splices: list[float]
) -> list[float]:
    """Seconds of the take at which what was heard is not the take: gaps, lost or doubled sound.

    heard: mono at `rate`, from before the take's first sample on. take: mono at 32 kHz.
    splices: seconds where it was made anew on its way.
    """
    # Between the take's samples a peak may pass full scale (1.013 once in ten minutes): PortAudio
    # cuts it there.
    expected = np.clip(soxr.resample(take, 32_000, rate, quality="HQ"), -1.0, 1.0)
    about = int(np.flatnonzero(np.abs(heard) > 1e-6)[0])
    probe = expected[rate : 2 * rate]
    area = heard[max(0, about - 200) + rate :][: 2 * rate]
    at = max(0, about - 200) + int(np.argmax(np.correlate(area, probe, "valid")))
    sounding = int(np.flatnonzero(heard)[-1]) - at  # it was stopped, with a fade
    length = min(sounding, len(expected)) - rate // 10
    off = np.abs(heard[at : at + length] - expected[:length]) > OFF
    off[: rate // 50] = False  # it fades in
    for splice in splices:
        off[int((splice - SPLICE[0]) * rate) : int((splice + SPLICE[1]) * rate)] = False
    places = np.flatnonzero(off)
    apart = places[np.diff(places, prepend=-rate) > rate // 20]
    return [float(place / rate) for place in apart]


def silences(heard: NDArray[np.float32], rate: int) -> int:
    """Runs of digital silence of a millisecond or more, between the first sound and the last."""
    sounding = np.flatnonzero(heard)
    return int((np.diff(sounding) > rate // 1000).sum())


class MemoryWatch:
    """Resident memory of a process and all that it started, from now until `stop`."""

    def __init__(self, pid: int) -> None:
        self._pid, self._stop = pid, threading.Event()
        self.seen: dict[int, list[tuple[float, float]]] = {}  # by process: (seconds, MB)
        self.names: dict[int, str] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def growth(self, pid: int) -> float:
        """MB a minute, by a line through the second half: the first one warms up."""
        times, sizes = np.array(self.seen[pid]).T
        late = times > times[-1] / 2
        return float(np.polyfit(times[late], sizes[late], 1)[0] * 60)

    def _watch(self) -> None:
        seconds = 0.0
        while not self._stop.wait(SAMPLED):
            seconds += SAMPLED
            for pid in _family(self._pid):
                try:
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                self.names.setdefault(pid, " ".join(w.decode() for w in words)[-60:])
                self.seen.setdefault(pid, []).append((seconds, pages * 4096 / 2**20))


def _family(pid: int) -> list[int]:
    """The process and all that its threads have started."""
    children: list[str] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has just ended
            children += thread.read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def draw(
    path: Path, take: NDArray[np.float32], marks: dict[str, list[float]], watch: MemoryWatch
) -> None:
    """marks: seconds of what happened on the way, by what it was."""
    figure, (loud, spectrum, memory) = plt.subplots(3, 1, figsize=(11, 7), sharex=True)
    loud.plot(levels(take, 32_000), color="black", linewidth=0.8)
    loud.set_ylabel("level, dB")
    spectrum.plot(np.arange(1, len(take) // 32_000), spectral_steps(take), "k", linewidth=0.8)
    spectrum.set_ylabel("spectral step\nto the next second, dB")
    colours = ("tab:blue", "tab:orange", "tab:green")
    for (what, places), colour in zip(marks.items(), colours, strict=False):
        for axis in (loud, spectrum):
            for place in places:
                axis.axvline(place, color=colour, linewidth=0.6, alpha=0.6)
        loud.plot([], [], color=colour, label=what)
    loud.legend(loc="lower right", fontsize=8)
    for samples in watch.seen.values():
        memory.plot(*np.array(samples).T, linewidth=0.8)
    memory.set_ylabel("memory of each\nprocess, MB")
    memory.set_ylim(bottom=0)
    memory.set_xlabel("seconds")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
