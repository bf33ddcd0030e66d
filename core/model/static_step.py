"""One step of the model on tensors that never move: what a CUDA graph can capture.

A graph replays fixed kernels on fixed addresses. So here the position is a tensor on the device,
keys and values are written where it points, and attention reads a fixed stretch of the cache
(`reach`) with what lies beyond the position masked. Cross-attention's keys and values lie in
buffers that a prompt is copied into (core/model/static_text.py). Nothing waits for the host.

It computes what `LanguageModel.step` computes, with the same layers; sums over a longer stretch
round differently. It runs on any device, captured or not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.model.fused_step import fused_for, plain_weights
from core.model.kv_cache import KVCache
from core.model.language_model import LanguageModel, LMState, sinusoidal_positions
from core.model.static_text import StaticText
from core.model.transformer import CrossAttention, DecoderBlock, SelfAttention

REACH = 256  # positions: the cache is read in stretches of so many


def reach_for(positions: int) -> int:
    """The stretch of the cache that a step with so many positions behind and at it reads."""
    return -(-positions // REACH) * REACH


class StaticStep:
    """`rows` sequences of one model, one position at a time.

    cache: holds the rows' past; its `length` is not looked at. position: int64 [1], where the
    next step writes; the caller moves it on.
    """

    def __init__(self, model: LanguageModel, rows: int, capacity: int) -> None:
        """capacity: positions, a prefix included. Raises torch.OutOfMemoryError."""
        self.model, self.rows = model, rows
        capacity = reach_for(capacity)
        self.cache = KVCache.allocate(model.config, rows, capacity, model.device, model.dtype)
        self.cache.keys.zero_()  # masked positions are multiplied by 0, which a NaN survives
        self.cache.values.zero_()
        self.position = torch.zeros(1, dtype=torch.int64, device=model.device)
        self._places = torch.arange(capacity, device=model.device)
        table = sinusoidal_positions(0, capacity, model.config.hidden)
        self._table = table.to(model.device, model.dtype)
        self.fused = fused_for(model.config, rows, self.cache)

    @property
    def capacity(self) -> int:
        return self.cache.capacity

    def hold(self, state: LMState) -> None:
        """Take over a state's past; its cache is this one from now on."""
        past, length = state.cache, state.cache.length
        if past is not self.cache:
            self.cache.keys[:, :, :length] = past.keys[:, :, :length]
            self.cache.values[:, :, :length] = past.values[:, :, :length]
            self.cache.length = length
            state.cache = self.cache

    def let_go(self, state: LMState, written: int) -> None:
        """Give a state a cache of its own again, with all that was `written` in it: its length,
        and what steps that nobody has asked for yet added."""
        if state.cache is self.cache:
            length, self.cache.length = self.cache.length, written
            state.cache = self.cache.picked(range(self.rows))
            state.cache.length = length

    def logits(self, codes: Tensor, text: StaticText | None, reach: int) -> Tensor:
        """codes [R,K] at `position` → logits [rows,K,V]; R divides the rows, which repeat it.

        reach: a multiple of `REACH` beyond the position. The cache is written in place.
        """
        model = self.model
        ahead = None
        if self.fused is not None:
            x = self.fused.embed(codes, model.embed_codes.weight, self._table, self.position)
        else:
            x = model.embed_codes(codes + model.code_offsets).sum(1)
            x = x + self._table.index_select(0, self.position)
            x = x.repeat(self.rows // x.shape[0], 1)
        for index, layer in enumerate(model.layers):
            if self.fused is not None and plain_weights(layer):
                self.fused.layer(layer, index, x, self.position, text)
            else:
                ahead = self._mask(reach, x.dtype) if ahead is None else ahead
                x = self._layer(layer, index, x, ahead, text)
        if self.fused is not None and type(model.heads) is nn.Linear:
            logits = self.fused.heads(model.norm, model.heads, x)
            return logits.unflatten(1, (model.config.codebooks, model.config.vocab))
        return model.read_out(model.norm(x).unsqueeze(1)).squeeze(2)

    def _mask(self, reach: int, dtype: torch.dtype) -> Tensor:
        """[1,reach], added to the scores: minus infinity beyond the position."""
        mask = torch.zeros(1, reach, dtype=dtype, device=self.position.device)
        return mask.masked_fill(self._places[:reach] > self.position, float("-inf"))

    def _layer(
        self, layer: DecoderBlock, index: int, x: Tensor, ahead: Tensor, text: StaticText | None
    ) -> Tensor:
        x = x + self._attend_self(layer.self_attn, index, layer.self_attn_norm(x), ahead)
        if text is not None:
            x = x + _attend_text(layer.cross_attn, index, layer.cross_attn_norm(x), text)
        return x + layer.fc2(layer.activation(layer.fc1(layer.ffn_norm(x))))

    def _attend_self(self, part: SelfAttention, index: int, x: Tensor, ahead: Tensor) -> Tensor:
        """x [rows,H] → [rows,H]; ahead [1,reach], minus infinity beyond the position."""
        mixed = part.qkv_proj(x).view(self.rows, 3, part.heads, part.head_dim)
        query, key, value = mixed.transpose(0, 1).reshape(3, -1, part.head_dim).unbind(0)
        keys, values = self.cache.keys[index], self.cache.values[index]
        keys.index_copy_(1, self.position, key.unsqueeze(1))
        values.index_copy_(1, self.position, value.unsqueeze(1))
        reach = ahead.shape[1]
        scores = torch.bmm(keys[:, :reach], (query * part.scale).unsqueeze(2)).squeeze(2)
        weights = torch.softmax(scores + ahead, 1)
        attended = torch.bmm(weights.unsqueeze(1), values[:, :reach])
        return part.out_proj(attended.view(self.rows, -1))


def _attend_text(part: CrossAttention, index: int, x: Tensor, text: StaticText) -> Tensor:
    """x [rows,H] → [rows,H]: to each of the texts, weighted (core/model/text_keys.py)."""
    rows = x.shape[0]
    query = part.q_proj(x).view(-1, part.head_dim) * part.scale
    scores = torch.bmm(text.keys[index], query.unsqueeze(2))
    scores = scores.view(rows, part.heads, text.texts, text.places) + text.bias.unsqueeze(1)
    weights = torch.softmax(scores, 3) * text.weights[:, None, :, None]
    attended = torch.bmm(weights.view(rows * part.heads, 1, -1), text.values[index])
    return part.out_proj(attended.view(rows, -1))
