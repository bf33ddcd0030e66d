"""A take and its tail → a loop of exactly its bars, with its beats on the grid. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.types import FRAME_RATE, MODEL_RATE
from daw_bridge.looping.beat_drift import Drift, beat_drift
from daw_bridge.looping.loop_point import (
    LoopPoint,
    Pcm,
    Tokens,
    closed_loop,
    find_loop_point,
)
from daw_bridge.looping.micro_stretch import shifted, stretched

LEAST_DRIFT = 0.003  # seconds over the loop that are worth a stretch
LEAST_OFFSET = 0.005  # … and a shift of all beats
MENDED = 0.6  # share of what was off that may be found again after mending


@dataclass(frozen=True, slots=True, eq=False)
class LoopMade:
    """pcm: float32 [round(32000 · length), channels]. drift: as measured, before it was mended.

    speed, shift: how it was mended: played so much faster, begun so many seconds later.
    """

    pcm: Pcm
    drift: Drift
    speed: float
    shift: float
    point: LoopPoint | None


def make_loop(
    pcm: Pcm, length: float, beat: float, codes: Tokens | None = None, lead: int = 0
) -> LoopMade:
    """pcm: the take [samples, channels] at 32 kHz, with what was generated past its end.

    length: of the loop, in seconds; beat: of one. lead: samples of `pcm` before the first of
    `codes`. Beats that lie beside the grid, or drift from it, are brought onto it, unless nothing
    tells for sure where they are.
    """
    samples = round(length * MODEL_RATE)
    drift = beat_drift(pcm, beat)
    speed, shift, laid = 1.0, 0.0, pcm
    if drift.certain:
        speed = drift.ratio if abs(drift.after(length)) >= LEAST_DRIFT else 1.0
        shift = drift.offset if abs(drift.offset) >= LEAST_OFFSET else 0.0
        laid = _laid(pcm, speed, shift)
    point = _point(laid, samples, codes, speed, shift, lead)
    if laid is not pcm and (point is None or not _better(laid, beat, length, drift)):
        speed, shift, laid = 1.0, 0.0, pcm
        point = _point(laid, samples, codes, speed, shift, lead)
    return LoopMade(closed_loop(laid, samples, point), drift, speed, shift, point)


def at_tempo(loop: Pcm, samples: int) -> Pcm:
    """A loop played in `samples` samples, pitch kept; its end still meets its beginning."""
    if samples == len(loop):
        return loop
    speed = len(loop) / samples
    lap = min(len(loop), MODEL_RATE // 2)  # what is before and after it, for the stretch's windows
    around = np.concatenate([loop[-lap:], loop, loop[:lap]])
    out = stretched(around, speed)
    start = round(lap / speed)
    middle = out[start : start + samples]
    # Windows of the two ends met other neighbours: cross from what follows into the beginning.
    fade = min(640, samples // 4, len(out) - start - samples)
    rise = ((np.arange(fade, dtype=np.float32) + 0.5) / fade)[:, None]
    made = middle.copy()
    made[:fade] = rise * middle[:fade] + (1 - rise) * out[start + samples : start + samples + fade]
    return made


def _better(mended: Pcm, beat: float, length: float, before: Drift) -> bool:
    """Whether a second look finds the beats nearer to the grid, as they should be now."""
    after = beat_drift(mended, beat)
    was = abs(before.after(length)) + abs(before.offset)
    return after.certain and abs(after.after(length)) + abs(after.offset) < MENDED * was


def _laid(pcm: Pcm, speed: float, shift: float) -> Pcm:
    return shifted(stretched(pcm, speed), round(shift / speed * MODEL_RATE))


def _point(
    laid: NDArray[np.float32],
    samples: int,
    codes: Tokens | None,
    speed: float,
    shift: float,
    lead: int,
) -> LoopPoint | None:
    def frame_of(sample: float) -> float:
        return ((sample * speed - lead) / MODEL_RATE + shift) * FRAME_RATE

    earliest = max(0, round(-shift / speed * MODEL_RATE))
    return find_loop_point(laid, samples, codes, frame_of, earliest)
