"""Steps that are drawn before they are asked for, where a device can go on by itself.

What is drawn ahead is what would be drawn, so it is only kept early; a change drops it. While the
host reads one flight of steps, the next is under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.generation.delay_pattern import DelayedCodes
from core.generation.device_loop import MOST_STEPS, DeviceLoop, DeviceLoops, Flight
from core.generation.params import SamplingParams
from core.generation.sampling import race_into, seed_of_step
from core.model.language_model import LMState

WAIT = 0.02  # seconds that a flight may take: so long a cancelled take goes on at most


@dataclass(frozen=True, slots=True)
class Lane:
    """What one stream's steps are drawn from."""

    codes: DelayedCodes
    sampling: SamplingParams
    generator: torch.Generator

    def noise(self, step: int, out: Tensor) -> None:
        if self.sampling.greedy:
            out.fill_(1)
        else:
            self.generator.manual_seed(seed_of_step(self.sampling.seed, step))
            race_into(out, self.generator)


class StepsAhead:
    """Of one stream, or of several side by side. One thread."""

    def __init__(self, loops: DeviceLoops) -> None:
        self.loops = loops
        self._flights: deque[Flight] = deque()
        self._pace = MOST_STEPS  # steps to a flight

    def drop(self) -> None:
        """What was launched and not read is not wanted any more."""
        self._flights.clear()

    def draw(
        self,
        lanes: Sequence[Lane],
        state: LMState,
        branches: int,
        first: int,
        step: int,
        alike: Callable[[int], int],
        most: int,
    ) -> Iterator[NDArray[np.int64]]:
        """Tokens [n,K] of `step` and of some after it, in order; the state moves on with them.

        first: the frame that the state was made from. alike: from a step on, how many draw from
        one state, with one prompt and one sampling. most: positions that the state may reach.
        """
        loop = self.loops.loop(branches, len(lanes), most)

        def launch(at: int) -> None:
            count = min(alike(at), self._pace)
            if count:
                self._flights.append(_launched(loop, lanes, state, first, at, count))

        if not self._flights:
            launch(step)
        flight = self._flights[0]
        if len(self._flights) == 1 and loop.latest is flight:
            launch(flight.step + flight.steps)
        tokens = flight.read()
        self._flights.popleft()
        self._pace = max(1, min(MOST_STEPS, int(WAIT / max(flight.seconds_a_step, 1e-6))))
        state.cut(flight.step + flight.steps - 1 - first)
        return iter(tokens)


def _launched(
    loop: DeviceLoop, lanes: Sequence[Lane], state: LMState, first: int, step: int, count: int
) -> Flight:
    config = loop.model.config
    columns = [  # the column of `step - 1` is what `step` is drawn from
        np.stack([lane.codes.column(at - 1, first) for lane in lanes])
        for at in range(step, step + count + 1)
    ]
    params, noise = [lane.sampling for lane in lanes], None
    if not all(one.greedy for one in params):
        shape = (count, len(lanes), config.codebooks, config.vocab)
        noise = torch.empty(shape, pin_memory=loop.pins)
        for at in range(count):
            for place, lane in enumerate(lanes):
                lane.noise(step + at, noise[at, place])
    position = state.prefix_length + step - 1 - first
    return loop.launch(state, position, step, np.stack(columns), noise, params)
