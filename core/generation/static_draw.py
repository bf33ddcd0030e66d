"""Logits → tokens where the parameters are tensors too: nothing waits for the host.

The same draw as core/generation/sampling.py from the same noise, for several sequences at once:
what top-k and top-p keep is found by rank, so that both may change without another kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.generation.params import SamplingParams


@dataclass(slots=True)
class StaticSampling:
    """How n sequences are drawn, each its own way: tensors [n,1,1] that are written in place."""

    guidance: Tensor
    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    greedy: Tensor
    text_push: Tensor

    @classmethod
    def made(cls, count: int, device: torch.device) -> StaticSampling:
        def one(dtype: torch.dtype) -> Tensor:
            return torch.ones(count, 1, 1, dtype=dtype, device=device)

        real = torch.float32
        return cls(one(real), one(real), one(torch.int64), one(real), one(torch.bool), one(real))

    def hold(self, params: Sequence[SamplingParams], entries: int) -> None:
        """entries: of a codebook; what top-k 0 stands for."""
        for place, one in enumerate(params):
            self.guidance[place].fill_(one.guidance)
            self.temperature[place].fill_(one.temperature)
            self.top_k[place].fill_(one.top_k or entries)
            self.top_p[place].fill_(one.top_p)
            self.greedy[place].fill_(one.greedy)
            self.text_push[place].fill_(one.text_push)


def guided(logits: Tensor, sampling: StaticSampling) -> Tensor:
    """logits [branches·n,K,V], branch after branch → float32 [n,K,V] (core/generation/guidance)."""
    count = sampling.guidance.shape[0]
    told, *others = logits.float().split(count)
    if not others:
        return told
    for alone in others[:-1]:
        told = alone + (told - alone) * sampling.text_push
    return others[-1] + (told - others[-1]) * sampling.guidance


def drawn(logits: Tensor, noise: Tensor, sampling: StaticSampling) -> Tensor:
    """logits, noise [n,K,V] → tokens [n,K] int64. noise: exponential, one number for each token."""
    values, tokens = logits.sort(stable=True, dim=-1, descending=True)
    rank = torch.arange(values.shape[-1], device=values.device)
    values = (values / sampling.temperature).masked_fill(rank >= sampling.top_k, float("-inf"))
    probabilities = torch.softmax(values, -1)
    before = probabilities.cumsum(-1) - probabilities
    beyond = (before >= sampling.top_p) & (sampling.top_p < 1)
    probabilities = probabilities.masked_fill(beyond, 0)  # a race needs no sum of 1
    winner = (probabilities / noise.gather(-1, tokens)).argmax(-1, keepdim=True)
    chosen = tokens.gather(-1, winner).squeeze(-1)
    return torch.where(sampling.greedy.squeeze(-1), logits.argmax(-1), chosen)
