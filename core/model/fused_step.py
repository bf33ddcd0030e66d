"""The layers of a static step by the kernels of core/model/fused_kernels.py, where they can be.

They are for NVIDIA GPUs, up to four rows, GELU, and layers that no adapter stands beside; what is
not so is computed layer by layer as anywhere. `DAW_BRIDGE_FUSED=0` switches them off.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from typing import Any

import torch
from torch import Tensor, nn

from core.model.config import ModelConfig
from core.model.kv_cache import KVCache
from core.model.static_text import StaticText
from core.model.transformer import DecoderBlock

log = logging.getLogger(__name__)

OFF_SWITCH = "DAW_BRIDGE_FUSED"
MOST_ROWS = 4
_TILE = 4_096  # weights that a program holds at once
_SPLITS, _POSITIONS = 8, 32  # programs to a head, and positions that one reads at once


def fused_for(config: ModelConfig, rows: int, cache: KVCache) -> FusedLayers | None:
    """None where the kernels are not for this device or this shape."""
    device = cache.keys.device
    fits = rows <= MOST_ROWS and config.activation == "gelu" and _is_power(config.head_dim)
    wanted = device.type == "cuda" and torch.version.cuda and os.environ.get(OFF_SWITCH) != "0"
    if not fits or not wanted or importlib.util.find_spec("triton") is None:
        return None
    try:
        made = FusedLayers(config, rows, cache)
        made.try_out()
    except torch.OutOfMemoryError:
        raise
    except Exception as problem:  # noqa: BLE001  (no C compiler, no driver it knows, …)
        log.warning("Triton cannot be used (%s); steps take longer without", problem)
        return None
    return made


class FusedLayers:
    """Buffers and launches for `rows` sequences with one cache. Raises ImportError."""

    def __init__(self, config: ModelConfig, rows: int, cache: KVCache) -> None:
        self._kernels: Any = importlib.import_module("core.model.fused_kernels")
        self._config, self._rows, self._cache = config, rows, cache
        heads = rows * config.heads
        like = cache.keys.new_empty
        self._query, self._mixed = like(rows, config.hidden), like(rows, config.hidden)
        self._inner = like(rows, config.ffn)
        real = {"dtype": torch.float32, "device": cache.keys.device}
        self._parts = torch.empty(heads, _SPLITS, config.head_dim, **real)
        self._tops = torch.empty(heads, _SPLITS, **real)
        self._totals = torch.empty(heads, _SPLITS, **real)
        self._arrived = torch.zeros(heads, dtype=torch.int32, device=cache.keys.device)

    def try_out(self) -> None:
        """Compile and run the smallest kernel. Raises whatever is wrong with Triton here."""
        table = self._query.new_zeros(self._config.vocab + 1, self._config.hidden)
        place = torch.zeros(1, dtype=torch.int64, device=table.device)
        self.embed(place.view(1, 1), table, table, place)

    def layer(
        self, layer: DecoderBlock, index: int, x: Tensor, position: Tensor, text: StaticText | None
    ) -> None:
        """One layer's work on x [rows,H], in place."""
        kernels, config = self._kernels, self._config
        own = layer.self_attn
        self._product(x, own.qkv_proj, layer.self_attn_norm, self._query, kernels.CACHE, index,
                      position, own.scale)  # fmt: skip
        keys, values = self._cache.keys[index], self._cache.values[index]
        kernels.attend_self[(self._rows * config.heads, _SPLITS)](
            self._query, keys, values, self._mixed, self._parts, self._tops, self._totals,
            self._arrived, position, self._cache.capacity,
            HEAD_DIM=config.head_dim, SPLITS=_SPLITS, BLOCK_S=_POSITIONS, num_warps=4,
        )  # fmt: skip
        self._product(self._mixed, own.out_proj, None, x, kernels.ADD)
        if text is not None:
            other = layer.cross_attn
            self._product(x, other.q_proj, layer.cross_attn_norm, self._query, kernels.STORE)
            kernels.attend_text[(self._rows * config.heads,)](
                self._query, text.keys[index], text.values[index], text.bias, text.weights,
                self._mixed, other.scale, HEADS=config.heads, HEAD_DIM=config.head_dim,
                TEXTS=text.texts, PLACES=text.places, num_warps=4,
            )  # fmt: skip
            self._product(self._mixed, other.out_proj, None, x, kernels.ADD)
        self._product(x, layer.fc1, layer.ffn_norm, self._inner, kernels.GELU)
        self._product(self._inner, layer.fc2, None, x, kernels.ADD)

    def embed(self, codes: Tensor, table: Tensor, positions: Tensor, position: Tensor) -> Tensor:
        """codes [R,K], table [K·entries,H], positions [places,H] → [rows,H]."""
        hidden = table.shape[1]
        out = table.new_empty(self._rows, hidden)
        self._kernels.embed[(self._rows, -(-hidden // 1_024))](
            codes, table, positions, position, out, self._config.vocab + 1, hidden,
            STREAMS=codes.shape[0], BOOKS=codes.shape[1], BLOCK=1_024, num_warps=4,
        )  # fmt: skip
        return out

    def draw(
        self, logits: Tensor, noise: Tensor, sampling: Any, slot: Tensor, known: Tensor,
        drawn: Tensor, column: Tensor, drawing: bool,
    ) -> None:  # fmt: skip
        """Tokens from logits [rows,K,V]: to `drawn`, and into the column that is read next.

        sampling: `core.generation.static_draw.StaticSampling`.
        """
        streams, books = column.shape
        entries = logits.shape[2]
        self._kernels.draw[(streams * books,)](
            logits, noise, sampling.guidance, sampling.text_push, sampling.temperature,
            sampling.top_k, sampling.top_p, sampling.greedy, slot, known, drawn, column, entries,
            STREAMS=streams, BOOKS=books, BRANCHES=logits.shape[0] // streams, DRAWING=drawing,
            WIDTH=1 << (entries - 1).bit_length(), num_warps=8,
        )  # fmt: skip

    def heads(self, norm: nn.LayerNorm, heads: nn.Linear, x: Tensor) -> Tensor:
        """The logits [rows,outputs] of x [rows,H]."""
        out = x.new_empty(self._rows, heads.out_features)
        self._product(x, heads, norm, out, self._kernels.STORE)
        return out

    def _product(
        self, x: Tensor, linear: nn.Linear, norm: nn.LayerNorm | None, out: Tensor, mode: int,
        index: int = 0, position: Tensor | None = None, scale: float = 1.0,
    ) -> None:  # fmt: skip
        config, weight = self._config, linear.weight
        outputs, inputs = weight.shape
        block_k = _stretch(inputs)
        block_n = max(1, _TILE // block_k)
        keys, values = self._cache.keys[index], self._cache.values[index]
        self._kernels.linear[(-(-outputs // block_n),)](
            x, weight, weight if norm is None else norm.weight,
            weight if norm is None else norm.bias, out, keys, values,
            self._arrived if position is None else position, inputs, outputs,
            self._cache.capacity, 0.0 if norm is None else norm.eps, scale,
            ROWS=self._rows, BLOCK_N=block_n, BLOCK_K=block_k, CHUNKS=-(-inputs // block_k),
            WIDTH=1 << (inputs - 1).bit_length(), NORM=norm is not None, MODE=mode,
            HEADS=config.heads, HEAD_DIM=config.head_dim, num_warps=4,
        )  # fmt: skip


def plain_weights(layer: DecoderBlock) -> bool:
    """Whether its products are with plain weights alone: no adapter beside them, no bits saved."""
    linears = (layer.self_attn.qkv_proj, layer.self_attn.out_proj, layer.fc1, layer.fc2)
    told = getattr(layer, "cross_attn", None)  # a melody model has none
    if told is not None:
        linears += (told.q_proj, told.out_proj)
    return all(type(one) is nn.Linear and not one._forward_hooks for one in linears)


def _stretch(inputs: int) -> int:
    """The power of two, up to 1024, by which a row is read: one that divides it, if one does."""
    exact = min(inputs & -inputs, 1_024)
    return exact if exact >= 64 else min(1 << (inputs - 1).bit_length(), 1_024)


def _is_power(number: int) -> bool:
    return number >= 16 and number & (number - 1) == 0
