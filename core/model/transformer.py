"""MusicGen's decoder block: pre-norm self-attention, cross-attention, feed-forward.

Each layer has three ways in, one for each use: `forward` (a whole sequence, gradients
flow: training), `prefill` (a whole sequence, filling the cache) and `step` (one position).
Shapes: B rows, S positions, H hidden, h heads, d = H/h, T text tokens.
None of the linear layers has a bias, as in MusicGen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import BadCheckpoint
from core.model import attention
from core.model.config import ModelConfig

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
}


def _attend_one(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """One query row for each head: query [N,d] (scaled), keys and values [N,S,d] → [N,d]."""
    scores = torch.bmm(keys, query.unsqueeze(2)).squeeze(2)
    weights = torch.softmax(scores, dim=1)
    return torch.bmm(weights.unsqueeze(1), values).squeeze(1)


class SelfAttention(nn.Module):
    """Causal attention over the sequence itself; the three projections are one matrix."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.head_dim = config.heads, config.head_dim
        self.scale = config.head_dim**-0.5
        self.dropout = config.attention_dropout
        self.qkv_proj = nn.Linear(config.hidden, 3 * config.hidden, bias=False)
        self.out_proj = nn.Linear(config.hidden, config.hidden, bias=False)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B,S,H] → queries, keys, values, each [B,h,S,d]."""
        rows, length, _ = x.shape
        mixed = self.qkv_proj(x).view(rows, length, 3, self.heads, self.head_dim)
        query, key, value = mixed.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def _causal(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        mixed = attention.causal(query, key, value, self.scale, dropout)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor) -> Tensor:
        """x [B,S,H] → [B,S,H], each position seeing itself and what came before."""
        return self._causal(*self._split(x))

    def prefill(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """As `forward`, and writes the first S places of keys and values [B·h,capacity,d]."""
        query, key, value = self._split(x)
        length = x.shape[1]
        keys[:, :length] = key.reshape(-1, length, self.head_dim)
        values[:, :length] = value.reshape(-1, length, self.head_dim)
        return self._causal(query, key, value)

    def step(self, x: Tensor, keys: Tensor, values: Tensor, position: int) -> Tensor:
        """x [B,H] at `position` → [B,H]; writes that place of keys and values."""
        rows = x.shape[0]
        mixed = self.qkv_proj(x).view(rows, 3, self.heads, self.head_dim)
        query, key, value = mixed.transpose(0, 1).reshape(3, -1, self.head_dim).unbind(0)
        keys[:, position] = key
        values[:, position] = value
        stop = position + 1
        attended = _attend_one(query * self.scale, keys[:, :stop], values[:, :stop])
        return self.out_proj(attended.view(rows, -1))


class CrossAttention(nn.Module):
    """Attention to the text. Its keys and values depend on the prompt alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.head_dim = config.heads, config.head_dim
        self.scale = config.head_dim**-0.5
        self.dropout = config.attention_dropout
        self.q_proj = nn.Linear(config.hidden, config.hidden, bias=False)
        self.k_proj = nn.Linear(config.hidden, config.hidden, bias=False)
        self.v_proj = nn.Linear(config.hidden, config.hidden, bias=False)
        self.out_proj = nn.Linear(config.hidden, config.hidden, bias=False)

    def _heads(self, x: Tensor) -> Tensor:
        """[B,S,H] → [B,h,S,d]."""
        return x.unflatten(2, (self.heads, self.head_dim)).transpose(1, 2)

    def text_keys(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Projected text [B,T,H] → keys and values, each [B,h,T,d]."""
        return self._heads(self.k_proj(text)), self._heads(self.v_proj(text))

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """x [B,S,H]; keys, values [B,h,T,d]; mask [B,1,1,T], true where attended → [B,S,H]."""
        dropout = self.dropout if self.training else 0.0
        query = self._heads(self.q_proj(x))
        mixed = attention.masked(query, keys, values, mask, self.scale, dropout)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """x [B,H]; keys, values [B·h,T,d] → [B,H]."""
        query = self.q_proj(x).view(-1, self.head_dim) * self.scale
        return self.out_proj(_attend_one(query, keys, values).view(x.shape[0], -1))


class DecoderBlock(nn.Module):
    """One layer. Rows without text skip cross-attention.

    Skipping is exact, not an approximation: the null branch of guidance has zeros for
    text states after the projection, the value projection has no bias, so what it
    would add is zero.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.activation not in ACTIVATIONS:
            raise BadCheckpoint(
                f"config.json asks for the activation {config.activation!r}, which is unknown here;"
                f" known: {', '.join(ACTIVATIONS)}"
            )
        self.activation = ACTIVATIONS[config.activation]
        self.dropout, self.activation_dropout = config.dropout, config.activation_dropout
        self.self_attn_norm = nn.LayerNorm(config.hidden)
        self.self_attn = SelfAttention(config)
        self.cross_attn_norm = nn.LayerNorm(config.hidden)
        self.cross_attn = CrossAttention(config)
        self.ffn_norm = nn.LayerNorm(config.hidden)
        self.fc1 = nn.Linear(config.hidden, config.ffn, bias=False)
        self.fc2 = nn.Linear(config.ffn, config.hidden, bias=False)

    def _drop(self, x: Tensor, share: float) -> Tensor:
        return F.dropout(x, share, self.training) if self.training and share else x

    def _feed_forward(self, x: Tensor) -> Tensor:
        inner = self._drop(self.activation(self.fc1(self.ffn_norm(x))), self.activation_dropout)
        return self._drop(self.fc2(inner), self.dropout)

    def forward(self, x: Tensor, text: Tensor | None, mask: Tensor | None) -> Tensor:
        """x [B,S,H], projected text [B,T,H] or None, mask [B,1,1,T] → [B,S,H]."""
        x = x + self._drop(self.self_attn(self.self_attn_norm(x)), self.dropout)
        if text is not None:
            keys, values = self.cross_attn.text_keys(text)
            attended = self.cross_attn(self.cross_attn_norm(x), keys, values, mask)
            x = x + self._drop(attended, self.dropout)
        return x + self._feed_forward(x)

    def prefill(
        self, x: Tensor, keys: Tensor, values: Tensor, text: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """x [B,S,H]; text keys and values [C·h,T,d] of the first C ≤ B rows → [B,S,H]."""
        x = x + self.self_attn.prefill(self.self_attn_norm(x), keys, values)
        if text is not None:
            heads = self.cross_attn.heads
            text_keys, text_values = (one.unflatten(0, (-1, heads)) for one in text)
            rows = text_keys.shape[0]
            told = self.cross_attn_norm(x[:rows])
            told = x[:rows] + self.cross_attn(told, text_keys, text_values, None)
            x = told if rows == x.shape[0] else torch.cat((told, x[rows:]))
        return x + self._feed_forward(x)

    def step(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        position: int,
        text: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """x [B,H] at `position`; text keys and values [C·h,T,d] of the first C rows → [B,H].

        Changes x in place: the caller hands it over.
        """
        x += self.self_attn.step(self.self_attn_norm(x), keys, values, position)
        if text is not None:
            told = x[: text[0].shape[0] // self.cross_attn.heads]
            told += self.cross_attn.step(self.cross_attn_norm(told), *text)
        x += self.fc2(self.activation(self.fc1(self.ffn_norm(x))))
        return x
