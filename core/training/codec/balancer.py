"""Losses of very different size, weighed by what they do instead of by their value.

The balancer of EnCodec (Défossez et al., 2022, arXiv:2210.13438, section 3.4), which the
released encodec package leaves out. Each loss's gradient at the decoder's output is scaled to
a set share, whatever the loss's own unit. Two things differ. The paper gives all gradients
together a norm of one; here the first loss keeps its own and the others follow it, so that
terms that never reach the output (commitment) keep their weight beside it. And the moving
average is corrected for its start, so that the first steps are balanced too.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from core.errors import BadInput


class LossBalancer:
    """Scales gradients so that each has `weights[name]` times the reference's norm."""

    def __init__(self, reference: str, decay: float = 0.99) -> None:
        """reference: the loss whose gradient keeps its size. decay: of the norms' average."""
        if not 0 <= decay < 1:
            raise BadInput(f"a balancer's decay is {decay}; choose one from 0 to below 1")
        self.reference, self.decay = reference, decay
        self.totals: dict[str, float] = {}
        self.counts: dict[str, float] = {}

    def gradient(
        self, losses: Mapping[str, Tensor], weights: Mapping[str, float], output: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """The balanced gradient at `output` [batch, 1, samples], a leaf that the losses see.

        A loss without weight (0) is left out. With it come the norms before balancing, averaged.
        Raises KeyError where the reference is not among the losses.
        """
        wanted = [name for name in losses if weights[name] > 0]
        gradients = {name: torch.autograd.grad(losses[name], output)[0] for name in wanted}
        norms = {name: self._average(name, gradients[name]) for name in wanted}
        total = torch.zeros_like(output)
        for name in wanted:
            scale = weights[name] * norms[self.reference] / max(norms[name], 1e-12)
            total += scale * gradients[name]
        return total, norms

    def _average(self, name: str, gradient: Tensor) -> float:
        """Moving average of the items' mean norm."""
        norm = float(gradient.flatten(1).norm(dim=1).mean())
        self.totals[name] = self.decay * self.totals.get(name, 0.0) + (1 - self.decay) * norm
        self.counts[name] = self.decay * self.counts.get(name, 0.0) + (1 - self.decay)
        return self.totals[name] / self.counts[name]

    def state_dict(self) -> dict[str, dict[str, float]]:
        return {"totals": dict(self.totals), "counts": dict(self.counts)}

    def load_state_dict(self, state: Mapping[str, Mapping[str, float]]) -> None:
        self.totals, self.counts = dict(state["totals"]), dict(state["counts"])
