"""musicgen-small's sizes on this CPU: steps a second over 30 s, against transformers.

Random weights, guided, drawn; each side in a process of its own, from the same checkpoint, through
its own public loop (ours `TokenStream`, theirs `generate`), T5 and the codec's decode left out of
the steps. Ours are timed one by one over a whole window of 1,500 frames, from nothing. Theirs take
minutes for that, so they are timed at four lengths of context and joined by straight lines.

lm_small_cpu_*: steps a second on average; 50 are real time.
*_bandwidth: bytes that those steps read (weights, and the cache that is there on average) a second,
    against what the machine's cores read together of a large array.
*_memory: the process at its largest, from start to end.
*_first_sound: from a prompt that is new to the first block of sound, T5 and decode included;
    theirs: `generate` of as many frames.
*_pause: the longest step where a window ends, and its last 12 s are read again for the next.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.figures import Figures
from core.model.config import ModelConfig
from core.model.cpu_precision import weights_a_step
from core.model.int4_linear import can_quantise as can_int4
from core.model.int8_linear import can_quantise as can_int8
from core.model.memory import CACHE_BYTES, WEIGHT_BYTES
from tests.benchmarks.sides import FRAMES, THEIRS, Side, measured
from tests.benchmarks.small_checkpoint import make

NAMES = {
    "lm_small_cpu_full": "float32",
    "lm_small_cpu_bfloat16": "bfloat16",
    "lm_small_cpu_quantised": "int8",
    "lm_small_cpu_int4": "int4",
}
READ = 512 * 2**20  # bytes: no cache holds them


def figures() -> Figures:
    wanted = dict(NAMES)
    if not can_int8():
        del wanted["lm_small_cpu_quantised"]
    if not can_int4():
        del wanted["lm_small_cpu_int4"]
    speed = bandwidth()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make(Path(folder))
        theirs = measured(checkpoint, THEIRS)
        sides = {name: measured(checkpoint, precision) for name, precision in wanted.items()}
    found: Figures = {"cpu_bandwidth": figure(speed / 1e9, "GB/s")}
    for name, side in sides.items():
        found |= compared(name, side, theirs, wanted[name], max(speed, bandwidth()))
    return found


def compared(name: str, side: Side, theirs: Side, precision: str, speed: float) -> Figures:
    steps = steps_a_second(side)
    rate = steps * bytes_a_step(ModelConfig(), precision)
    return {
        name: figure(steps, "steps/s", steps_a_second(theirs)),
        f"{name}_bandwidth": figure(rate / 1e9, "GB/s", speed / 1e9),
        f"{name}_memory": figure(side.peak / 1e9, "GB", theirs.peak / 1e9),
        f"{name}_first_sound": figure(1e3 * side.first_sound, "ms", 1e3 * theirs.first_sound),
        f"{name}_pause": figure(1e3 * side.pause, "ms"),
    }


def steps_a_second(side: Side) -> float:
    """Over a whole window: what was not timed lies on the straight line between its neighbours.

    Of steps at one length of context the median counts, so that a hiccup does not.
    """
    places = np.round(np.array(side.contexts) / 50)  # a second of music
    at = [np.mean(np.array(side.contexts)[places == place]) for place in np.unique(places)]
    took = [np.median(np.array(side.seconds)[places == place]) for place in np.unique(places)]
    return float(1 / np.interp(np.arange(FRAMES), at, took).mean())


def bytes_a_step(config: ModelConfig, precision: str) -> float:
    """Weights, and keys and values of two rows at half a window."""
    heads = config.codebooks * config.vocab * config.hidden
    bits = WEIGHT_BYTES[precision]
    weights = (weights_a_step(config) - heads) * bits + heads * (bits if bits > 1 else 4)
    cached = 2 * 2 * config.layers * config.hidden * FRAMES / 2
    return weights + cached * CACHE_BYTES.get(precision, 2)


def bandwidth() -> float:
    """Bytes a second that all threads read of a large array, the best of ten."""
    array = torch.ones(READ // 4, dtype=torch.int32)
    best = float("inf")
    for _ in range(10):
        begun = time.perf_counter()
        array.max()
        best = min(best, time.perf_counter() - begun)
    return READ / best


def figure(value: float, unit: str, baseline: float | None = None) -> dict[str, Any]:
    ratio = None if baseline is None else value / baseline
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": ratio}
