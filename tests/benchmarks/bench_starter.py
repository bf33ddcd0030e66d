"""How much faster than real time the starter model plays: tokens and streaming decode together.

Guided (both branches), as a take is by default, after the engine's own warm-up, which also
chooses the number of threads.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from core.generation.generator import Generator
from core.generation.params import Prompt, SamplingParams
from core.types import frames_of

SECONDS = 10.0
RUNS = 3


def figures() -> dict[str, dict[str, Any]]:
    generator = Generator.load("starter")
    generator.warm_up()
    ratios = []
    for seed in range(RUNS):
        begun = time.perf_counter()
        stream = generator.open(
            Prompt("funky drums and bass, 110 bpm"), SamplingParams(seed=seed), frames_of(SECONDS)
        )
        while not stream.ended:
            stream.step()
        ratios.append(SECONDS / (time.perf_counter() - begun))
    value = statistics.median(ratios)
    return {
        "starter_realtime": {
            "value": value,
            "unit": "seconds of audio a second",
            "baseline": 1.0,
            "ratio": value,
        }
    }
