"""Two and three takes on one context as a batch, against one after the other: the starter model.

Both sides make the same takes (tokens and sound) through the engine's own parts, from a context
of ten seconds that the batch reads once. Processor time, not wall time, so that other work on the
machine counts little; alternating, best of two. `OMP_NUM_THREADS` sets the threads of both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from core.generation.audio_stream import AudioStream
from core.generation.generator import Generator
from core.generation.params import Prompt, SamplingParams

CONTEXT = 500  # frames: what the alternatives continue
FRAMES = 100
PROMPT = Prompt("funky drums and bass, 110 bpm")


def figures() -> dict[str, dict[str, Any]]:
    torch.set_num_threads(1)
    generator = Generator.load("starter", "cpu")
    first = generator.open(PROMPT, SamplingParams(seed=1), CONTEXT, open_end=True)
    make([first])
    context = first.tokens.codes()[:, :CONTEXT]

    def opened(count: int) -> list[AudioStream]:
        return [
            generator.open(PROMPT, SamplingParams(seed=n), FRAMES, context, open_end=True)
            for n in range(count)
        ]

    def together(count: int) -> None:
        streams = opened(count)
        generator.side_by_side(streams)
        make(streams)

    def in_turn(count: int) -> None:
        for stream in opened(count):
            make([stream])

    found = {}
    for count in (2, 3):
        pairs = [(seconds(together, count), seconds(in_turn, count)) for _ in range(2)]
        batch, alone = (min(side) for side in zip(*pairs, strict=True))
        found[f"alternatives_{count}_starter_cpu"] = {
            "value": count * FRAMES / batch,
            "unit": "frames/s of processor time",
            "baseline": count * FRAMES / alone,
            "ratio": alone / batch,
        }
    return found


def make(streams: list[AudioStream]) -> None:
    """All of them, a frame of each in turn, as the engine does."""
    while not streams[0].ended:
        for stream in streams:
            stream.step()


def seconds(work: Callable[[int], None], count: int) -> float:
    begun = time.process_time()
    work(count)
    return time.process_time() - begun
