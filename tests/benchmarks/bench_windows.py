"""A long take of the starter, where a window of the model ends: is that heard?

windows_level, windows_spectrum: between the second before the moment at which the context is made
anew and the second after it, dB of level and mean dB of the log-mel spectrum; the median over all
such moments. baseline: the same at all other bar lines of the same takes (the context is made anew
on one). A ratio near 1 says that it is a bar line like any other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.generation.context_window import first_frame_seen
from core.generation.generator import Generator
from core.generation.params import BarGrid, Prompt, SamplingParams
from core.training.measure.spectra import log_mel
from core.types import FRAME_RATE, MODEL_RATE

SECONDS, TEMPO = 140, 112
TAKES = (("funky drums and bass", 5), ("techno with a driving kick", 6))
BAR = 4 * 60 / TEMPO  # seconds
LATE = 0.06  # seconds: the delay of the last codebook, which is when the new context is heard


def figures() -> dict[str, Any]:
    generator = Generator.load("starter", "cpu")
    grid = BarGrid(FRAME_RATE * BAR)
    at_ends: list[tuple[float, float]] = []
    elsewhere: list[tuple[float, float]] = []
    for text, seed in TAKES:
        stream = generator.open(
            Prompt(f"{text}, {TEMPO} bpm"), SamplingParams(seed=seed), SECONDS * FRAME_RATE,
            bars=grid, open_end=True,
        )  # fmt: skip
        blocks = []
        while not stream.ended:
            if (block := stream.step()) is not None:
                blocks.append(block.pcm[:, 0])
        sound = np.concatenate(blocks)
        seen = [
            first_frame_seen(step, generator.window_frames, 3, grid)
            for step in range(1, SECONDS * FRAME_RATE)
        ]
        ends = [step / FRAME_RATE for step, (a, b) in enumerate(pairwise(seen), 1) if a != b]
        lines = [bar * BAR + LATE for bar in range(1, int(SECONDS / BAR))]
        at_ends += [change(sound, at) for at in ends]
        elsewhere += [change(sound, at) for at in lines if min(abs(at - end) for end in ends) > 1]
    found, usual = np.nanmedian(at_ends, axis=0), np.nanmedian(elsewhere, axis=0)
    return {
        f"windows_{name}": {
            "value": float(found[i]),
            "unit": "dB",
            "baseline": float(usual[i]),
            "ratio": float(found[i] / usual[i]),
        }
        for i, name in enumerate(("level", "spectrum"))
    }


def change(sound: NDArray[np.float32], at: float) -> tuple[float, float]:
    """Of level and spectrum, dB, from the second before to the second after; NaN at the ends."""
    middle = int(at * MODEL_RATE)
    before, after = sound[middle - MODEL_RATE : middle], sound[middle : middle + MODEL_RATE]
    if not len(before) == len(after) == MODEL_RATE:
        return float("nan"), float("nan")
    one, other = (10 * np.log10(np.mean(part.astype(np.float64) ** 2) + 1e-10)
                  for part in (before, after))  # fmt: skip
    spectra = log_mel(before).mean(axis=1), log_mel(after).mean(axis=1)
    return float(abs(one - other)), float(np.abs(spectra[0] - spectra[1]).mean())
