"""What a model is asked beside its next codes while it is trained, so that it hears its text.

Each question is answered by a linear map of the last states, and thrown away after training. A
text is worth some ten nats among the thousands of a clip, which gradients of noisy codes do
not find in hours; a question about it shows its error at every step. The answer, once it is in
the states, serves the codes too (measured in docs/training.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.training.transformer.text import SPECIAL

PHASES = 4  # cosine and sine of the beat's and of the bar's phase


class Questions(nn.Module):
    """`metre`: the phase of beat and bar, where the tempo is known. `words`: those of the caption.

    `names` says which are asked, in the order of all vectors here.
    """

    def __init__(self, hidden: int, vocab: int, metre: bool, words: bool) -> None:
        """vocab: of the text's tokenizer, whose first ids are SPECIAL."""
        super().__init__()
        self.metre = nn.Linear(hidden, PHASES) if metre else None
        self.words = nn.Linear(hidden, vocab) if words else None
        self.names = tuple(name for name, asked in (("metre", metre), ("words", words)) if asked)

    def forward(self, states: Tensor, phase: Tensor, said: Tensor, told: Tensor) -> list[Tensor]:
        """states float [B,S,hidden] → the error of each question, summed over steps.

        phase: float [B,S,4], not a number where nothing is asked. said: int64 [B,T], the caption.
        told: bool [B,S], where its words are asked. `metre` is half the squared error, 1 a step
        for a guess of zeros; `words` the cross-entropy against an even share for each word of
        the caption, nats a step.
        """
        states, errors = states.float(), []
        if self.metre is not None:
            error = (self.metre(states) - phase.nan_to_num()).square().sum(-1) / 2
            errors.append((error * phase[..., 0].isfinite()).sum())
        if self.words is not None:
            surprise = -self.words(states).log_softmax(-1)
            share = word_shares(said, surprise.shape[-1])
            errors.append(((surprise @ share[:, :, None]).squeeze(-1) * told).sum())
        return errors

    @staticmethod
    def counts(phase: Tensor, told: Tensor) -> dict[str, Tensor]:
        """How many steps each question is asked at."""
        return {"metre": phase[..., 0].isfinite().sum(), "words": told.sum()}


def word_shares(said: Tensor, vocab: int) -> Tensor:
    """Token ids [B,T] → an even share for each that is a word [B,vocab]; zeros without words."""
    found = torch.zeros(len(said), vocab, device=said.device)
    found.scatter_(1, said, (said >= len(SPECIAL)).float())
    return found / found.sum(1, keepdim=True).clamp_min(1)
