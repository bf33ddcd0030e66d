"""A clip → its style, a few codes a second, and the codes → what a style model reads of it.

MERT (a HuBERT that was trained on music) hears the clip; a small Transformer without a mask, whose
states are brought to mean 0 and width 1, and a residual vector quantiser leave of it what a few
codebooks can say five times a second. So little gets through that the music is not copied: how
many codebooks are used says how closely it is followed.
Source: Rouard et al. 2024, "Audio Conditioning for Music Generation via Discrete Bottleneck
Features" (arXiv 2407.12563), section 3; Li et al. 2023, "MERT" (arXiv 2306.00107).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import HubertModel

from core.errors import BadInput
from core.generation.params import style_codes
from core.model.language_model import sinusoidal_positions


@dataclass(frozen=True, slots=True)
class StyleConfig:
    """Sizes of a style model's ear. Defaults are facebook/musicgen-style's.

    listener: config.json of MERT.
    width, layers, heads, ffn: of the Transformer behind it.
    books, entries: of the quantiser.
    every: of so many of MERT's frames (75 a second) one is kept.
    normed: whether the states are brought to mean 0 and width 1.
    """

    listener: Mapping[str, Any]
    width: int = 512
    layers: int = 8
    heads: int = 8
    ffn: int = 2_048
    books: int = 6
    entries: int = 1_024
    every: int = 15
    normed: bool = True


class StyleEar(nn.Module):
    """In float32, in eval mode. Names of its parts are AudioCraft's, as far as they go."""

    codebooks: Tensor

    def __init__(self, config: StyleConfig, listener: HubertModel, hidden: int) -> None:
        """hidden: of the language model."""
        super().__init__()
        self.config, self.listener = config, listener
        width = config.width
        self.embed = nn.Linear(listener.config.hidden_size, width)
        self.layers = nn.ModuleList(_layer(config) for _ in range(config.layers))
        self.batch_norm = nn.BatchNorm1d(width, affine=False) if config.normed else nn.Identity()
        self.register_buffer("codebooks", torch.zeros(config.books, config.entries, width))
        self.output_proj = nn.Linear(width, hidden)

    @torch.inference_mode()
    def codes(self, wave: Tensor) -> Tensor:
        """A clip [S] at 24 kHz → codes [frames,books], int64."""
        x = self.embed(self.listener(wave.to(self.codebooks.device)[None]).last_hidden_state)
        x = x + sinusoidal_positions(0, x.shape[1], x.shape[2]).to(x.device)
        for layer in self.layers:
            x = layer(x)
        left = self.batch_norm(x.transpose(1, 2))[0].T[:: self.config.every]
        found = []
        for entries in self.codebooks:
            nearest = torch.cdist(left, entries).argmin(1)
            left = left - entries[nearest]
            found.append(nearest)
        return torch.stack(found, 1)

    @torch.inference_mode()
    def states(self, style: str) -> Tensor:
        """What the language model reads of a style (`Prompt.style`), [1,frames,hidden].

        It may hold the codes of the first codebooks alone (`style_in_books`).
        Raises BadInput for codes that this model has not.
        """
        codes = torch.tensor(style_codes(style), device=self.codebooks.device)
        if codes.shape[1] > self.config.books or codes.max() >= self.config.entries:
            raise BadInput("the style was heard by another model; give its clip again")
        books = torch.arange(codes.shape[1], device=codes.device)
        return self.output_proj(self.codebooks[books, codes].sum(1))[None]


def _layer(config: StyleConfig) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, config.ffn, dropout=0.0, activation="gelu", batch_first=True,
        norm_first=True, bias=False,
    )  # fmt: skip
    layer.norm1, layer.norm2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
    return layer
