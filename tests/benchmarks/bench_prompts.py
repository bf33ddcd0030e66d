"""Is a prompt that changes in mid-take heard? The starter, told something else every 20 s.

change_heard: share of the changes after which the sound (from 5 s after the change on) is nearer
    to fresh takes of the new prompt than to fresh takes of the one before. Near: mean difference
    of mean log-mel spectra, level left out.
change_level: median dB by which it is louder than fresh takes of the new prompt; below 0 quieter.

value: a change leaves the last bar or two in sight (`core.generation.context_window`).
baseline: a whole window stays in sight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.generation.generator import Generator
from core.generation.messages import Codes
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.token_stream import TokenStream
from core.training.measure.spectra import log_mel
from core.types import FRAME_RATE, MODEL_RATE

PROMPTS = tuple(
    Prompt(f"{music}, 112 bpm")
    for music in ("funky drums and bass", "techno with a driving kick", "solo piano",
                  "latin percussion", "lo-fi hip hop beat", "mellow jazz trio")
)  # fmt: skip
BARS = BarGrid(FRAME_RATE * 240 / 112)
SPAN = 20 * FRAME_RATE  # frames from a change to the next
SETTLED = 5 * MODEL_RATE  # samples after a change that are not looked at
SEEDS = (5, 6)
FRESH = 12 * FRAME_RATE


def figures() -> dict[str, Any]:
    generator = Generator.load("starter", "cpu")
    fresh = [[heard(generator, drawn(generator, prompt, seed, None, FRESH)) for seed in SEEDS]
             for prompt in PROMPTS]  # fmt: skip
    near = [np.mean([spectrum for spectrum, _ in takes], axis=0) for takes in fresh]
    loud = [np.mean([level for _, level in takes]) for takes in fresh]
    found: dict[bool, list[tuple[bool, float]]] = {True: [], False: []}
    for whole in found:
        for seed in SEEDS:
            codes = drawn(generator, PROMPTS[0], seed, None, SPAN)
            for number in range(1, len(PROMPTS)):
                past = () if whole else told(number, seed, codes.shape[1])
                new = drawn(generator, PROMPTS[number], seed + number, codes, SPAN, past)
                codes = np.concatenate((codes, new), axis=1)
                spectrum, level = heard(generator, new, SETTLED)
                taken = distance(spectrum, near[number]) < distance(spectrum, near[number - 1])
                found[whole].append((taken, float(level - loud[number])))
    heard_now, level_now = np.array(found[False], float).T
    heard_whole, level_whole = np.array(found[True], float).T
    return {
        "change_heard": {
            "value": float(heard_now.mean()), "unit": "of the changes",
            "baseline": float(heard_whole.mean()), "ratio": None,
        },
        "change_level": {
            "value": float(np.median(level_now)), "unit": "dB",
            "baseline": float(np.median(level_whole)), "ratio": None,
        },
    }  # fmt: skip


def told(number: int, seed: int, frames: int) -> tuple[Steering, ...]:
    """What the `frames` before prompt `number` were told."""
    return tuple(
        Steering(place * SPAN - frames, PROMPTS[place], SamplingParams(seed=seed + place))
        for place in range(number)
    )


def drawn(
    generator: Generator, prompt: Prompt, seed: int, context: Codes | None, frames: int,
    changes: tuple[Steering, ...] = (),
) -> Codes:  # fmt: skip
    """The `frames` that come next. Without changes the context counts as told the same."""
    begun = 0 if context is None else context.shape[1]
    stream = TokenStream(
        generator.loaded.lm, generator.loaded.conditioner, prompt, SamplingParams(seed=seed),
        context, frames, closed=False, changes=changes, bars=BARS.moved(-begun),
    )  # fmt: skip
    while stream.next_frame() is not None:
        pass
    return stream.codes()


def heard(generator: Generator, codes: Codes, skip: int = 0) -> tuple[NDArray[np.float32], float]:
    """(mean log-mel spectrum, dB) of what the codes sound like, from sample `skip` on."""
    pcm = generator.codec.decode(codes)[skip:, 0]
    return log_mel(pcm).mean(axis=1), float(10 * np.log10((pcm.astype(float) ** 2).mean()))


def distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - one.mean() - other + other.mean()).mean())
