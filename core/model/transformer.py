"""MusicGen's decoder block: pre-norm self-attention, cross-attention, feed-forward.

Each layer has three ways in, one for each use: `forward` (a whole sequence, gradients
flow: training), `prefill` (a whole sequence, filling the cache) and `step` (one position).
Shapes: B rows, S positions, H hidden, h heads, d = H/h, T text tokens.
None of the linear layers has a bias, as in MusicGen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import BadCheckpoint
from core.model import attention, cpu_kernels
from core.model.config import ModelConfig
from core.model.text_keys import TextMix

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


def _attend_mixed(query: Tensor, keys: Tensor, values: Tensor, mix: TextMix) -> Tensor:
    """`_attend_one` to each of n texts, weighted: keys and values [N,n·T,d] → [N,d]."""
    rows, texts, places = mix.there.shape
    scores = torch.bmm(keys, query.unsqueeze(2)).view(rows, -1, texts, places)
    weights = torch.softmax(scores + mix.bias[:, None], 3) * mix.weights[:, None, :, None]
    return torch.bmm(weights.view(keys.shape[0], 1, -1), values).squeeze(1)


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

    def prefill(self, x: Tensor, keys: Tensor, values: Tensor, start: int = 0) -> Tensor:
        """As `forward`, and writes S places of keys and values [B·h,capacity,d] from `start` on;
        those before are seen too."""
        query, key, value = self._split(x)
        length, stop = x.shape[1], start + x.shape[1]
        keys[:, start:stop] = key.reshape(-1, length, self.head_dim)
        values[:, start:stop] = value.reshape(-1, length, self.head_dim)
        if start or keys.dtype != key.dtype:  # what later steps will read
            key, value = (
                one[:, :stop].unflatten(0, (-1, self.heads)).to(query.dtype)
                for one in (keys, values)
            )
        if not start:
            return self._causal(query, key, value)
        seen = torch.ones(length, stop, dtype=torch.bool, device=x.device).tril(start)
        mixed = attention.masked(query, key, value, seen, self.scale, 0.0)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, keys: Tensor, values: Tensor, position: int) -> Tensor:
        """x [B,H] at `position` → [B,H]; writes that place of keys and values."""
        rows, mixed = x.shape[0], self.qkv_proj(x)
        if cpu_kernels.attends(keys):
            attended = cpu_kernels.attend(mixed.float(), keys, values, position + 1, fresh=True)
            return self.out_proj(attended.view(rows, -1).to(x.dtype))
        mixed = mixed.view(rows, 3, self.heads, self.head_dim)
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

    def prefill(self, x: Tensor, keys: Tensor, values: Tensor, mix: TextMix | None) -> Tensor:
        """x [B,S,H]; keys, values [B·h,n·T,d] → [B,S,H]."""
        keys, values = (one.unflatten(0, (-1, self.heads)) for one in (keys, values))
        if mix is None:
            return self.forward(x, keys, values, None)
        query, shape = self._heads(self.q_proj(x)), mix.there.shape[1:]
        keys, values = keys.unflatten(2, shape), values.unflatten(2, shape)
        mixed = torch.zeros_like(query)
        for text in range(shape[0]):
            there = mix.there[:, text, None, None]
            mixed += mix.weights[:, text, None, None, None] * attention.masked(
                query, keys[:, :, text], values[:, :, text], there, self.scale, 0.0
            )
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, keys: Tensor, values: Tensor, mix: TextMix | None) -> Tensor:
        """x [B,H]; keys, values [B·h,n·T,d] → [B,H]."""
        query = self.q_proj(x)
        if mix is None and cpu_kernels.attends(keys):
            attended = cpu_kernels.attend(query.float(), keys, values, keys.shape[1], fresh=False)
            return self.out_proj(attended.view(x.shape[0], -1).to(x.dtype))
        query = query.view(-1, self.head_dim) * self.scale
        if mix is None:
            attended = _attend_one(query, keys, values)
        else:
            attended = _attend_mixed(query, keys, values, mix)
        return self.out_proj(attended.view(x.shape[0], -1))


@dataclass(frozen=True, slots=True)
class LayerSpan:
    """What one layer's rows are told from position `first` on.

    text: keys and values [C·h,n·T,d] of the first C rows; None: no row sees a text.
    """

    first: int
    text: tuple[Tensor, Tensor] | None
    mix: TextMix | None = None


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
        if not config.reads_prefix:  # which is told by what stands before the codes
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
        self, x: Tensor, keys: Tensor, values: Tensor, spans: Sequence[LayerSpan], start: int
    ) -> Tensor:
        """x [B,S,H] at positions from `start` on; what is told from which of them on → [B,S,H]."""
        x = x + self.self_attn.prefill(self.self_attn_norm(x), keys, values, start)
        pieces: list[Tensor] = []
        stops = [span.first for span in spans[1:]] + [x.shape[1]]
        for span, stop in zip(spans, stops, strict=True):
            part = x if len(spans) == 1 else x[:, span.first : stop]
            if span.text is not None:
                rows = span.text[0].shape[0] // self.cross_attn.heads
                told = self.cross_attn_norm(part[:rows])
                told = part[:rows] + self.cross_attn.prefill(told, *span.text, span.mix)
                part = told if rows == part.shape[0] else torch.cat((told, part[rows:]))
            pieces.append(part)
        x = pieces[0] if len(pieces) == 1 else torch.cat(pieces, 1)
        return x + self._feed_forward(x)

    def step(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        position: int,
        text: tuple[Tensor, Tensor] | None,
        mix: TextMix | None = None,
    ) -> Tensor:
        """x [B,H] at `position`; text keys and values [C·h,n·T,d] of the first C rows → [B,H].

        Changes x in place: the caller hands it over.
        """
        x += self.self_attn.step(self.self_attn_norm(x), keys, values, position)
        if text is not None:
            told = x[: text[0].shape[0] // self.cross_attn.heads]
            told += self.cross_attn.step(self.cross_attn_norm(told), *text, mix)
        x += self.fc2(self.activation(self.fc1(self.ffn_norm(x))))
        return x
