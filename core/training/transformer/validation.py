"""How well a model predicts clips that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.model.config import ModelConfig
from core.training.tokens.clips import TokenClip
from core.training.transformer.crops import Batch, Row, padded
from core.training.transformer.objective import Objective, Prepared

MOST_CLIPS = 64  # so that a large corpus is not validated for minutes


class Validation:
    """Cross-entropy a codebook on the beginnings of held-out clips, with their first caption."""

    def __init__(
        self,
        trained: list[TokenClip],
        held_out: list[TokenClip],
        tokenizer: Any,
        shape: ModelConfig,
        frames: int,
        rows: int,
    ) -> None:
        """frames: of each clip's beginning. rows: clips at a time."""
        self.clips = held_out[:MOST_CLIPS]
        self.tokenizer, self.shape, self.frames, self.rows = tokenizer, shape, frames, rows
        self.unigram = unigram_entropy(trained, held_out, shape) if held_out else None

    @torch.no_grad()
    def of(self, objective: Objective) -> list[float]:
        """Of each codebook, in nats a code. The module is left in eval mode."""
        objective.eval()
        device = next(objective.parameters()).device
        total = torch.zeros(self.shape.codebooks, device=device)
        counts = torch.zeros(self.shape.codebooks)
        for first in range(0, len(self.clips), self.rows):
            batch = self._beginnings(self.clips[first : first + self.rows])
            whole = Prepared.of(batch, self.tokenizer, self.shape)
            total += objective(*whole.to(device).tensors)[: len(total)]
            counts += whole.counts
        return (total.cpu() / counts).tolist()

    def _beginnings(self, clips: list[TokenClip]) -> Batch:
        return padded(
            [
                Row(c.codes[:, : self.frames], caption=c.captions[0] if c.captions else "")
                for c in clips
            ],
            self.shape.special_token,
        )


def unigram_entropy(
    trained: list[TokenClip], held_out: list[TokenClip], shape: ModelConfig
) -> Tensor:
    """Cross-entropy of held-out codes under the trained clips' frequencies [K], nats."""
    out = []
    for book in range(shape.codebooks):
        seen = np.concatenate([clip.codes[book] for clip in trained])
        counts = np.bincount(seen, minlength=shape.vocab) + 1.0
        held = np.concatenate([clip.codes[book] for clip in held_out])
        out.append(-np.log(counts / counts.sum())[held].mean())
    return torch.tensor(out)
