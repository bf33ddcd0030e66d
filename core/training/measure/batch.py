"""Many clips at once: what the application would draw for each, several times as fast.

A step of one guided clip reads every weight for two rows. For twenty rows it reads them no more
often. Clips whose prompts have the same number of text tokens share a batch, so that no padding
changes what they attend to; each draws with its own seed as `TokenStream` does, and gets its
codes, to rounding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import BadInput
from core.generation.delay_pattern import DelayedCodes
from core.generation.guidance import guide
from core.generation.params import SamplingParams
from core.generation.sampling import draw, seed_of_step
from core.model.checkpoint import LoadedModel

ROWS = 16  # clips to a batch: beyond it a CPU gains little


@dataclass(frozen=True, slots=True)
class Wanted:
    """One clip: its prompt, which must not be empty, and the seed of its draw."""

    text: str
    seed: int


@torch.inference_mode()
def generate_codes(
    loaded: LoadedModel,
    wanted: Sequence[Wanted],
    frames: int,
    sampling: SamplingParams | None = None,
) -> list[NDArray[np.int64]]:
    """Codes [codebooks, frames] of each clip, in the order asked for.

    sampling: of all clips, but for the seed; the application's defaults where not given.
    Raises BadInput for an empty prompt and for more frames than the model's window.
    """
    if any(not one.text.strip() for one in wanted):
        raise BadInput("a clip in a batch needs a prompt; give it one")
    if frames > loaded.window_frames:
        raise BadInput(f"{frames} frames pass the window of {loaded.window_frames}; ask for less")
    sampling = sampling or SamplingParams()
    made: dict[int, NDArray[np.int64]] = {}
    for places in batches(loaded, wanted):
        codes = _generate(loaded, [wanted[place] for place in places], frames, sampling)
        made |= dict(zip(places, codes, strict=True))
    return [made[place] for place in range(len(wanted))]


def batches(loaded: LoadedModel, wanted: Sequence[Wanted]) -> list[list[int]]:
    """How `generate_codes` goes about it: places in `wanted`, texts of equal length together."""
    _, mask = loaded.conditioner.text_states([one.text for one in wanted])
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, length in enumerate(mask.sum(dim=1).tolist()):
        by_length[int(length)].append(place)
    return [
        places[first : first + ROWS]
        for _, places in sorted(by_length.items())
        for first in range(0, len(places), ROWS)
    ]


def _generate(
    loaded: LoadedModel, wanted: list[Wanted], frames: int, sampling: SamplingParams
) -> list[NDArray[np.int64]]:
    model, config = loaded.lm, loaded.config
    states, _ = loaded.conditioner.text_states([one.text for one in wanted])
    keys = model.text_keys(model.project_text(states.to(model.dtype)))
    guided = sampling.guidance != 1
    branches = 2 if guided else 1  # all rows with text, then all without
    steps = frames + config.max_delay
    state = model.new_state(branches * len(wanted), steps, keys)
    rows = [
        DelayedCodes(config.delays, config.special_token, None, frames) for _ in range(len(wanted))
    ]
    generator = torch.Generator(model.device)
    for step in range(1, steps + 1):
        column = torch.from_numpy(np.stack([row.column(step - 1) for row in rows]))
        logits = model.step(column.repeat(branches, 1).to(model.device), state)
        if guided:
            logits = guide(logits.unflatten(0, (2, -1)), sampling.guidance)
        for row, one, own in zip(rows, wanted, logits, strict=True):
            row.write(step, _drawn(own, replace(sampling, seed=one.seed), step, generator))
    return [row.frames(0, frames) for row in rows]


def _drawn(
    logits: Tensor, sampling: SamplingParams, step: int, generator: torch.Generator
) -> NDArray[np.int64]:
    generator.manual_seed(seed_of_step(sampling.seed, step))
    return draw(logits, sampling, generator).cpu().numpy()
