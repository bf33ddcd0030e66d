"""A moving average of a module's weights: what is validated, heard and exported."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average (Polyak and Juditsky, 1992) of the parameters of a module.

    After step n the share kept is min(decay, (1 + n) / (10 + n)), so that a short run is not
    an average of its random start. Only the device works: nothing is read back, so the host
    never waits. (torch's AveragedModel reads its counter from the device each time.)
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        """decay: 0 … 1; 0 keeps no average: `module` is then the plain weights' own."""
        self.decay = decay
        self.module = module
        if decay:
            self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self._averages = list(self.module.parameters())
        self._weights = list(module.parameters())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After optimizer step number `step`, counted from 0."""
        if self.decay:
            share = 1 - min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self._averages, self._weights, share)

    @torch.no_grad()
    def restart(self) -> None:
        """The weights as they are now, for when they were set from elsewhere."""
        if self.decay:
            torch._foreach_copy_(self._averages, self._weights)
