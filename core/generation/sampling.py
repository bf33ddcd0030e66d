"""Logits → tokens. Pure but for the generator that is handed in."""

from __future__ import annotations

import torch
from torch import Tensor

from core.generation.params import SamplingParams


def generator_for(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own: nothing else in the process can disturb its sequence."""
    return torch.Generator(device).manual_seed(seed)


def candidates(logits: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """What may be drawn: probabilities [...,C], most likely first, and their tokens [...,C].

    logits: [...,V]. Order of the filters as in transformers: temperature, top-k, top-p.
    top-p keeps the fewest tokens whose sum reaches p, so the most likely one always stays.
    The probabilities of what is left sum to 1; what top-p removed is 0.
    """
    entries = logits.shape[-1]
    count = min(params.top_k or entries, entries)
    values, tokens = torch.topk(logits.float(), count, dim=-1)
    probabilities = torch.softmax(values / params.temperature, dim=-1)
    if params.top_p < 1:
        before = probabilities.cumsum(-1) - probabilities
        probabilities = probabilities.masked_fill(before >= params.top_p, 0)
        probabilities = probabilities / probabilities.sum(-1, keepdim=True)
    return probabilities, tokens


def draw(logits: Tensor, params: SamplingParams, generator: torch.Generator) -> Tensor:
    """logits [...,V] → tokens [...] int64.

    generator: on the logits' device; a draw of the same shape always takes the same amount
    from it. Untouched when greedy.
    """
    if params.greedy:
        return logits.argmax(-1)
    probabilities, tokens = candidates(logits, params)
    # The largest of p/e with e exponential falls on each entry with probability p. Unlike
    # torch.multinomial it never makes a GPU wait for the host.
    race = torch.empty_like(probabilities).exponential_(generator=generator)
    winner = (probabilities / race).argmax(-1, keepdim=True)
    return tokens.gather(-1, winner).squeeze(-1)
