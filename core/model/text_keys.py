"""Cross-attention's keys and values of prompts: one text, several blended, one for each row.

A blend attends to each text by itself and adds up what comes of it, weighted. So the shares
are exact, weights may change from step to step, and what past positions computed stays valid.
Two other places to blend were measured with the starter model (docs/prompts.md): one guided
row for each text (Liu et al. 2022, *Compositional Visual Generation with Composable Diffusion
Models*) costs a row of the whole Transformer a text; one attention over all texts, with the
logarithms of the weights as a bias, gives the share to whichever text shouts louder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class TextMix:
    """How the n texts of each row are weighted, where there is more than plain attention.

    there: [rows, n, T], which places hold text; weights: [rows, n]. A text without a single
    place has zeros for values: it may be attended to, and adds nothing.
    """

    there: Tensor
    weights: Tensor

    @property
    def bias(self) -> Tensor:
        """[rows, n, T], added to the scores: 0 where there is text, else minus infinity."""
        return torch.zeros_like(self.there, dtype=self.weights.dtype).masked_fill_(
            ~self.there, float("-inf")
        )


@dataclass(frozen=True, slots=True)
class TextKeys:
    """A (keys, values) pair a layer, each [rows·heads, n·T, head_dim]; n is 1 without a mix.

    Fewer rows than the state has: the others are null branches, which see no text.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    rows: int = 1
    mix: TextMix | None = None


def blended(keys: Sequence[TextKeys]) -> TextKeys:
    """Plain keys of one row each as one row that sees them all, in equal shares."""
    longest = max(one.layers[0][0].shape[1] for one in keys)
    layers = tuple(
        (
            torch.cat([_padded(k, longest) for k, _ in pairs], 1),
            torch.cat([_padded(v, longest) for _, v in pairs], 1),
        )
        for pairs in zip(*(one.layers for one in keys), strict=True)
    )
    sample = layers[0][0]
    there = torch.zeros(1, len(keys), longest, dtype=torch.bool, device=sample.device)
    for place, one in enumerate(keys):
        there[0, place, : one.layers[0][0].shape[1]] = True
    weights = sample.new_full((1, len(keys)), 1 / len(keys))
    return TextKeys(layers, 1, TextMix(there, weights))


def weighted(keys: TextKeys, weights: Sequence[float]) -> TextKeys:
    """The same blend with other weights; the keys and values are shared."""
    assert keys.mix is not None
    new = keys.mix.weights.new_tensor([weights])
    return replace(keys, mix=replace(keys.mix, weights=new))


def stacked(told: TextKeys | None, null: TextKeys | None) -> TextKeys | None:
    """Guidance's two branches as two rows: what is told, and what replaces the null branch.

    Without the second the keys are those of the first: the other row sees no text.
    """
    if null is None or told is null:
        return told if null is None else _twice(null)
    if told is None:
        told = replace(null, mix=_silent(_mix_of(null)))
    one, two = _mix_of(told), _mix_of(null)
    texts = max(one.there.shape[1], two.there.shape[1])
    places = max(one.there.shape[2], two.there.shape[2])
    layers = tuple(
        (
            torch.cat((_fitted(a, one, texts, places), _fitted(c, two, texts, places))),
            torch.cat((_fitted(b, one, texts, places), _fitted(d, two, texts, places))),
        )
        for (a, b), (c, d) in zip(told.layers, null.layers, strict=True)
    )
    mixes = [_mix_fitted(mix, texts, places) for mix in (one, two)]
    there = torch.cat([mix.there for mix in mixes])
    return TextKeys(layers, 2, TextMix(there, torch.cat([mix.weights for mix in mixes])))


def repeated(keys: TextKeys, count: int) -> TextKeys:
    """Each row `count` times, one after the other: `count` sequences told the same."""
    if count == 1:
        return keys

    def many(x: Tensor) -> Tensor:
        return x.unflatten(0, (keys.rows, -1)).repeat_interleave(count, 0).flatten(0, 1)

    layers = tuple((many(k), many(v)) for k, v in keys.layers)
    mix = keys.mix
    if mix is not None:
        mix = TextMix(many(mix.there), many(mix.weights))
    return TextKeys(layers, keys.rows * count, mix)


def _twice(keys: TextKeys) -> TextKeys:
    layers = tuple((k.repeat(2, 1, 1), v.repeat(2, 1, 1)) for k, v in keys.layers)
    mix = keys.mix
    if mix is not None:
        mix = TextMix(mix.there.repeat(2, 1, 1), mix.weights.repeat(2, 1))
    return TextKeys(layers, 2, mix)


def _mix_of(keys: TextKeys) -> TextMix:
    """The mix of one row, also of plain keys."""
    if keys.mix is not None:
        return keys.mix
    sample = keys.layers[0][0]
    there = torch.ones(1, 1, sample.shape[1], dtype=torch.bool, device=sample.device)
    return TextMix(there, sample.new_ones(1, 1))


def _silent(mix: TextMix) -> TextMix:
    return replace(mix, weights=torch.zeros_like(mix.weights))


def _padded(x: Tensor, places: int) -> Tensor:
    """x [N, T, d] → [N, places, d], zeros at the end."""
    return F.pad(x, (0, 0, 0, places - x.shape[1]))


def _fitted(x: Tensor, mix: TextMix, texts: int, places: int) -> Tensor:
    """x [N, n·T, d] → [N, texts·places, d], zeros where there was nothing."""
    split = x.unflatten(1, mix.there.shape[1:])
    more = (0, 0, 0, places - split.shape[2], 0, texts - split.shape[1])
    return F.pad(split, more).flatten(1, 2)


def _mix_fitted(mix: TextMix, texts: int, places: int) -> TextMix:
    """there, weights → [1, texts, places], [1, texts]; texts that were added are all zeros."""
    more = texts - mix.there.shape[1]
    there = F.pad(mix.there, (0, places - mix.there.shape[2]))
    there = F.pad(there, (0, 0, 0, more), value=True)  # zeros for values: see `TextMix`
    return TextMix(there, F.pad(mix.weights, (0, more)))
