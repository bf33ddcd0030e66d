"""Keys and values of past positions, allocated before the loop and written in place.

Layout: one tensor [layers, rows · heads, capacity, head_dim] for keys and one for values.
Rows and heads share a dimension, so that one query row is a plain `bmm` over a slice
`[:, :length]`: no copy, no transpose, and on a CPU much faster than the general
attention kernel, which is made for many query rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.model.config import ModelConfig


@dataclass(slots=True)
class KVCache:
    """keys, values [layers, rows·heads, capacity, head_dim]; `length` positions are valid.

    One owner: the state of one generation. Not thread-safe.
    """

    keys: Tensor
    values: Tensor
    rows: int
    length: int = 0

    @classmethod
    def allocate(
        cls,
        config: ModelConfig,
        rows: int,
        capacity: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> KVCache:
        """An empty cache of `capacity` positions for `rows` sequences.

        Memory is left unset: on a CPU, pages that are never reached cost nothing.
        """
        shape = (config.layers, rows * config.heads, max(1, capacity), config.head_dim)
        return cls(
            torch.empty(shape, device=device, dtype=dtype),
            torch.empty(shape, device=device, dtype=dtype),
            rows,
        )

    @property
    def capacity(self) -> int:
        return self.keys.shape[2]

    def reserve(self, positions: int) -> None:
        """Make room for `positions` in all; grows by half at least, so that growth stays rare."""
        if positions <= self.capacity:
            return
        capacity = max(positions, self.capacity + self.capacity // 2)
        self.keys = self._grown(self.keys, capacity)
        self.values = self._grown(self.values, capacity)

    def row(self, index: int) -> KVCache:
        """A copy with one of the sequences alone."""
        return self.picked([index])

    def joined(self, other: KVCache) -> KVCache:
        """A copy with the sequences of both, which must have the same length."""
        if other.length != self.length:
            raise ValueError(f"cannot join caches of {self.length} and {other.length} positions")
        made = self._blank(self.rows + other.rows, max(self.capacity, other.capacity))
        split = self.keys.shape[1]
        for target, first, second in (
            (made.keys, self.keys, other.keys),
            (made.values, self.values, other.values),
        ):
            target[:, :split, : self.length] = first[:, :, : self.length]
            target[:, split:, : self.length] = second[:, :, : self.length]
        return made

    @classmethod
    def woven(cls, caches: Sequence[KVCache]) -> KVCache:
        """A copy with the sequences of several alike: their first ones, then their second ones."""
        count, sample = len(caches), caches[0]
        if any((one.length, one.rows) != (sample.length, sample.rows) for one in caches):
            raise ValueError("caches that are woven must have as many rows and positions")
        made = sample._blank(sample.rows * count, max(one.capacity for one in caches))
        heads, length = sample.keys.shape[1] // sample.rows, sample.length
        for place, one in enumerate(caches):
            for target, source in ((made.keys, one.keys), (made.values, one.values)):
                rows = target.unflatten(1, (sample.rows, count, heads))[:, :, place]
                rows[..., :length, :] = source.unflatten(1, (sample.rows, heads))[..., :length, :]
        return made

    def picked(self, indices: Sequence[int]) -> KVCache:
        """A copy with these of the sequences, in this order."""
        made = self._blank(len(indices), self.capacity)
        heads = self.keys.shape[1] // self.rows
        for place, index in enumerate(indices):
            to = slice(place * heads, (place + 1) * heads)
            of = slice(index * heads, (index + 1) * heads)
            made.keys[:, to, : self.length] = self.keys[:, of, : self.length]
            made.values[:, to, : self.length] = self.values[:, of, : self.length]
        return made

    def _blank(self, rows: int, capacity: int) -> KVCache:
        heads = self.keys.shape[1] // self.rows
        shape = (self.keys.shape[0], rows * heads, capacity, self.keys.shape[3])
        return KVCache(self.keys.new_empty(shape), self.values.new_empty(shape), rows, self.length)

    def _grown(self, old: Tensor, capacity: int) -> Tensor:
        new = old.new_empty((*old.shape[:2], capacity, old.shape[3]))
        new[:, :, : self.length] = old[:, :, : self.length]
        return new
