"""Logits → tokens. Pure but for the generator that is handed in."""

from __future__ import annotations

import torch
from torch import Tensor

from core.generation.params import SamplingParams

_MASK = 2**64 - 1


def seed_of_step(seed: int, step: int) -> int:
    """One number out of two, for `torch.Generator.manual_seed` (splitmix64's mixing).

    Every step of a generation draws from a sequence of its own. So what a step draws depends
    on the seed and the step's place alone, and a take that goes on from its tokens draws what
    it would have drawn uninterrupted. Mixed, because torch looks at 32 bits of a seed on a
    CPU, and because neighbouring seeds should not be neighbours.
    """
    mixed = (seed + (step + 1) * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


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


def race_into(out: Tensor, generator: torch.Generator) -> Tensor:
    """What the tokens of a draw run against: exponential. out: float32 [...,V], on the host."""
    return out.exponential_(generator=generator)


def draw(logits: Tensor, params: SamplingParams, generator: torch.Generator) -> Tensor:
    """logits [...,V] → tokens [...] int64.

    generator: the host's, also where the logits are not: so a seed is the same take on every
    device. A draw of the same shape always takes the same amount from it; none when greedy.
    """
    if params.greedy:
        return logits.argmax(-1)
    probabilities, tokens = candidates(logits, params)
    # The largest of p/e with e exponential falls on each entry with probability p. Unlike
    # torch.multinomial it never makes a GPU wait for the host. Each token has an e of its own,
    # whatever its rank: a context is read in one pass and not in steps, which rounds otherwise,
    # and two unlikely tokens that change places must not change the draw.
    e = race_into(torch.empty(logits.shape), generator).to(logits.device)
    race = e.gather(-1, tokens)
    winner = (probabilities / race).argmax(-1, keepdim=True)
    return tokens.gather(-1, winner).squeeze(-1)
