"""What came back of a chirp train: latency, drift and dropouts by cross-correlation. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daw_bridge.loopback import chirps
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.report import Dropout, LoopbackReport, merged

EARLIEST, LATEST = -0.3, 1.5  # seconds: where the mark is looked for, beside where it should be
KNOWN = 0.35  # a correlation (0 to 1) from which on it is the signal
UNLIKE = 0.01  # a sweep that is by so much less like than the others was broken …
UNSTEADY = 6.0  # … or by so many times their usual difference
JUMP = 0.00025  # seconds: a delay that changes by more between two sweeps is no drift
FINER = 4  # steps within a sample
FEWEST = 8  # sweeps for a drift

Wave = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """pcm: float32 [frames, channels] at `rate`. begins: seconds from the moment at which the
    train should be heard to the first frame."""

    pcm: NDArray[np.float32]
    rate: int
    begins: float


def examine(
    heard: Heard, train: ChirpTrain, reported: float = 0.0, underruns: int = 0, buffer: int = 0
) -> LoopbackReport:
    """reported: seconds of latency that the drivers tell; the moments in `heard` allow for them."""
    sound = _loudest(heard.pcm)
    peak = float(np.abs(sound).max(initial=0.0))
    unknown = LoopbackReport(False, train.seconds, peak, underruns=underruns, buffer=buffer)
    mark = _mark(sound, heard)
    if mark is None:
        return unknown
    times, delays, alike = _sweeps(sound, heard, train, mark)
    if not len(times):
        return unknown
    usual = float(np.median(alike))
    if usual < KNOWN:
        return unknown
    spread = float(np.median(np.abs(alike - usual)))
    whole = alike >= usual - max(UNLIKE, UNSTEADY * spread)
    dropouts, runs = _dropouts(times, delays, whole)
    untold = _shortest(delays[whole], runs[whole])
    told = tuple(
        (float(at), 1000 * float(delay + reported))
        for at, delay in zip(times[whole], delays[whole], strict=True)
    )
    return LoopbackReport(
        True, train.seconds, peak, untold + reported, untold,
        _drift(times[whole], delays[whole], runs[whole]),
        merged(dropouts, 2.5 * chirps.SWEEP), told, underruns, buffer,
    )  # fmt: skip


def _loudest(pcm: NDArray[np.float32]) -> Wave:
    if not pcm.size:
        return np.zeros(0)
    finite = np.nan_to_num(pcm.astype(np.float64), posinf=0.0, neginf=0.0)
    return finite[:, int(np.argmax(np.square(finite).sum(axis=0)))]


def _mark(sound: Wave, heard: Heard) -> float | None:
    """Seconds by which the mark came later than it should have; None: it did not come."""
    shape = chirps.falling(np.arange(round(chirps.MARK * heard.rate)) / heard.rate)
    first = max(0, round((EARLIEST - heard.begins) * heard.rate))
    stop = round((LATEST + chirps.MARK - heard.begins) * heard.rate)
    found = _find(sound[first:stop], shape)
    if found is None or found[1] < KNOWN:
        return None
    return (first + found[0]) / heard.rate + heard.begins


def _sweeps(sound: Wave, heard: Heard, train: ChirpTrain, mark: float) -> tuple[Wave, Wave, Wave]:
    """Of each sweep that could be heard: seconds into the train, delay, likeness (0 to 1)."""
    rate = heard.rate
    shape = chirps.rising(np.arange(round(chirps.SWEEP * rate)) / rate)
    reach = round(chirps.SWEEP * rate / 2)
    rows, delay = [], mark
    for number in range(train.count):
        at = train.sweep_at(number)
        middle = round((at + delay - heard.begins) * rate)
        first, stop = max(0, middle - reach), middle + reach + len(shape)
        if stop > len(sound):
            break
        found = _find(sound[first:stop], shape)
        if found is None:
            rows.append((at, delay, 0.0))
            continue
        here = (first + found[0]) / rate + heard.begins - at
        rows.append((at, here, found[1]))
        delay = here if found[1] > KNOWN else delay
    times, delays, alike = np.array(rows, np.float64).reshape(-1, 3).T
    return times, delays, alike


def _find(sound: Wave, shape: Wave) -> tuple[float, float] | None:
    """Where in `sound` (frames, with fractions) `shape` is, and how like it is: 0 to 1."""
    places = len(sound) - len(shape) + 1
    if places < 1:
        return None
    size = 1 << (len(sound) - 1).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(shape, size).conj()
    fine = np.abs(np.fft.irfft(spectrum, FINER * size))[: FINER * (places - 1) + 1] * FINER
    power = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    energy = (power[len(shape) :] - power[: -len(shape)])[:places]
    norm = np.sqrt(np.square(shape).sum() * np.maximum(energy, 1e-12))
    alike = fine / np.interp(np.arange(len(fine)) / FINER, np.arange(places), norm)
    best = int(np.argmax(fine))
    return best / FINER + _between(fine, best) / FINER, min(1.0, float(alike[best]))


def _between(values: Wave, at: int) -> float:
    """How far from `at` the top of the parabola through three values lies, −0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2 * here + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _dropouts(
    times: Wave, delays: Wave, whole: NDArray[np.bool_]
) -> tuple[list[Dropout], NDArray[np.int64]]:
    """Where sound broke or time jumped, and of each sweep between how many jumps it lies."""
    found: list[Dropout] = []
    runs = np.zeros(len(times), np.int64)
    before: float | None = None
    for number, (at, delay) in enumerate(zip(times, delays, strict=True)):
        runs[number] = runs[number - 1] if number else 0
        if not whole[number]:
            found.append(Dropout(float(at), 0.0))
            continue
        if before is not None and abs(delay - before) > JUMP:
            found.append(Dropout(float(at), 1000 * float(before - delay)))
            runs[number] += 1
        before = float(delay)
    return found, runs


def _shortest(delays: Wave, runs: NDArray[np.int64]) -> float:
    """The delay in the stretch between jumps where it is least. The train's moment is known at its
    beginning and the capture's at its end: sound lost on the way in makes all before it seem late,
    sound held up on the way out makes all after it late."""
    return min(float(np.median(delays[runs == run])) for run in np.unique(runs))


def _drift(times: Wave, delays: Wave, runs: NDArray[np.int64]) -> float | None:
    """ppm: one slope through all stretches between jumps (least squares, each with its mean)."""
    if len(times) < FEWEST:
        return None
    at, by = times.copy(), delays.copy()
    for run in np.unique(runs):
        own = runs == run
        at[own] -= at[own].mean()
        by[own] -= by[own].mean()
    across = float(np.square(at).sum())
    return 1e6 * float((at * by).sum()) / across if across > 0 else None
