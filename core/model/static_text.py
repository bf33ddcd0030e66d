"""Cross-attention's keys and values in buffers of a few sizes, so that a prompt is only a copy.

A graph that was captured with a buffer plays any prompt that is copied into it. Places that a
text does not fill are masked, and texts and rows that are not there have zeros for values: they
may be attended to and add nothing, as in core/model/text_keys.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.model.config import ModelConfig
from core.model.text_keys import TextKeys

PLACES = (32, 128, 512)  # T5 tokens of one text; 512 is the most
TEXTS = (1, 2, 4, 8)  # blended


@dataclass(frozen=True, slots=True)
class TextShape:
    """texts, places: at least what a prompt has."""

    texts: int
    places: int

    @classmethod
    def of(cls, keys: TextKeys) -> TextShape:
        """The smallest that these fit into."""
        length = keys.layers[0][0].shape[1]
        texts = 1 if keys.mix is None else keys.mix.there.shape[1]
        return cls(_at_least(texts, TEXTS), _at_least(length // texts, PLACES))


class StaticText:
    """keys, values: [layers, rows·heads, texts·places, d]. bias: [rows, texts, places], added to
    the scores; weights: [rows, texts]."""

    def __init__(
        self,
        config: ModelConfig,
        rows: int,
        shape: TextShape,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.texts, self.places, self.rows = shape.texts, shape.places, rows
        self._heads = config.heads
        room = (config.layers, rows * config.heads, self.texts * self.places, config.head_dim)
        self.keys = torch.zeros(room, device=device, dtype=dtype)
        self.values = torch.zeros(room, device=device, dtype=dtype)
        self.bias = torch.zeros((rows, *self._shape), device=device, dtype=dtype)
        self.weights = torch.zeros((rows, self.texts), device=device, dtype=dtype)
        self._held: TextKeys | None = None

    @property
    def _shape(self) -> tuple[int, int]:
        return self.texts, self.places

    def hold(self, keys: TextKeys) -> None:
        """Copy a prompt's keys and values in, unless they are in. Fewer rows than there are
        leaves the others without a text."""
        if keys is self._held:
            return
        told = keys.rows * self._heads
        mix = keys.mix
        texts = 1 if mix is None else mix.there.shape[1]
        places = keys.layers[0][0].shape[1] // texts
        if self._held is None or keys.layers is not self._held.layers:  # a blend's weights alone
            for buffer, kind in ((self.keys, 0), (self.values, 1)):
                buffer.zero_()
                room = buffer.unflatten(2, self._shape)[:, :told, :texts, :places]
                for layer, pair in enumerate(keys.layers):
                    room[layer] = pair[kind].unflatten(1, (texts, places))
        self.bias.zero_()
        self.weights.zero_()
        if mix is None:
            self.bias[: keys.rows, 0, places:] = float("-inf")
            self.weights[: keys.rows, 0] = 1
        else:
            self.bias[: keys.rows, :texts, places:] = float("-inf")
            self.bias[: keys.rows, :texts, :places] = mix.bias
            self.weights[: keys.rows, :texts] = mix.weights
        self._held = keys


def _at_least(wanted: int, sizes: tuple[int, ...]) -> int:
    """The smallest size that is enough; `wanted` itself where none is."""
    return next((size for size in sizes if size >= wanted), wanted)
