"""What MusicGen is trained to make small: the cross-entropy of each codebook's next code.

Language model and text encoder are one module here, so that averaging, data-parallel
training and checkpoints see them as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import T5EncoderModel

from core.generation.delay_pattern import interleave
from core.model.conditioner import MAX_TEXT_TOKENS
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.training.transformer.crops import IGNORED, Batch, targets_of
from core.training.transformer.questions import PHASES, Questions


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as the model reads it. B rows, K codebooks, S steps, T text tokens.

    delayed: int64 [B,K,S], targets: int64 [B,K,S], IGNORED where nothing is asked.
    words, attended: int64 [B,T] of the captions. told: bool [B], false where dropped.
    phase: float32 [B,S,4], cosine and sine of the beat's and of the bar's phase where a step's
    first codebook lies; not a number where the tempo is not known.
    """

    delayed: Tensor
    targets: Tensor
    words: Tensor
    attended: Tensor
    told: Tensor
    phase: Tensor

    @classmethod
    def of(cls, batch: Batch, tokenizer: Any, shape: ModelConfig) -> Prepared:
        """Delay pattern, targets and text tokens, on the CPU."""
        delayed = interleave(batch.codes, shape.delays, shape.special_token)
        tokens = tokenizer(
            batch.captions,
            padding=True,
            truncation=True,
            max_length=MAX_TEXT_TOKENS,
            return_tensors="pt",
        )
        return cls(
            delayed[..., :-1].contiguous(),
            targets_of(delayed, batch, shape.delays, shape.special_token),
            tokens["input_ids"],
            tokens["attention_mask"],
            torch.tensor([bool(caption) for caption in batch.captions]),
            phases(batch, delayed.shape[-1] - 1),
        )

    @property
    def counts(self) -> Tensor:
        """Targets of each codebook [K]."""
        return (self.targets != IGNORED).sum((0, 2))

    @property
    def spoken(self) -> Tensor:
        """bool [B,S]: see `spoken_steps`."""
        return spoken_steps(self.targets, self.told)

    def asked(self, names: Sequence[str]) -> Tensor:
        """How many steps each question of `names` is asked at [len(names)]."""
        counts = Questions.counts(self.phase, self.spoken)
        return torch.tensor([int(counts[name]) for name in names])

    def part(self, index: int, parts: int) -> Prepared:
        """Part `index` of `parts`: its rows, as many as in the others or one fewer.

        Where there are fewer rows than parts it is a row without targets: each process of a
        data-parallel run must go through the model, or the others wait for it.
        """
        rows = torch.tensor_split(torch.arange(len(self.delayed)), parts)[index]
        if len(rows):
            return Prepared(*(tensor[rows] for tensor in self.tensors))
        first = Prepared(*(tensor[:1] for tensor in self.tensors))
        return replace(
            first,
            targets=torch.full_like(first.targets, IGNORED),
            phase=torch.full_like(first.phase, math.nan),
        )

    def to(self, device: torch.device) -> Prepared:
        if device.type == "cpu":
            return self
        pinned = (tensor.pin_memory() for tensor in self.tensors)
        return Prepared(*(tensor.to(device, non_blocking=True) for tensor in pinned))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.delayed, self.targets, self.words, self.attended, self.told, self.phase


def spoken_steps(targets: Tensor, told: Tensor) -> Tensor:
    """bool [B,S]: steps that have a target [B,K,S] and a caption, told [B]."""
    return (targets[:, 0] != IGNORED) & told[:, None]


def phases(batch: Batch, steps: int) -> Tensor:
    """float32 [B,steps,4]: see `Prepared.phase`. Padding has none."""
    out = torch.full((len(batch.lengths), steps, PHASES), math.nan)
    for row, (metre, length) in enumerate(zip(batch.metre, batch.lengths, strict=False)):
        if metre is not None:
            bar = 2 * math.pi * (metre.bar + metre.bars_a_frame * torch.arange(length).double())
            beat = metre.beats_a_bar * bar
            out[row, :length] = torch.stack(
                (beat.cos(), beat.sin(), bar.cos(), bar.sin()), 1
            ).float()
    return out


class Objective(nn.Module):
    """The language model, its text encoder and the questions beside them; the loss of them all."""

    def __init__(
        self,
        model: LanguageModel,
        text: T5EncoderModel,
        autocast: bool = False,
        metre: bool = False,
        words: bool = False,
    ) -> None:
        """metre, words: what is asked beside the codes (core/training/transformer/questions.py)."""
        super().__init__()
        self.model, self.text, self.autocast = model, text, autocast
        self.questions = Questions(model.config.hidden, text.config.vocab_size, metre, words)

    def forward(
        self,
        delayed: Tensor,
        targets: Tensor,
        words: Tensor,
        attended: Tensor,
        told: Tensor,
        phase: Tensor,
    ) -> Tensor:
        """The tensors of `Prepared` → cross-entropy summed over targets, a codebook [K], nats.

        The errors of the questions follow, summed over the steps that they are asked at.
        """
        with torch.autocast(delayed.device.type, torch.bfloat16, enabled=self.autocast):
            # a dropped caption still passes T5 with its end token, to keep T5 free of 0/0
            told_states = self.text(input_ids=words, attention_mask=attended).last_hidden_state
            states = self.model.states(delayed, told_states, attended * told[:, None])
            logits = self.model.read_out(states)
        losses = [
            F.cross_entropy(
                logits[:, book].float().flatten(0, 1),
                targets[:, book].flatten(),
                ignore_index=IGNORED,
                reduction="sum",
            )
            for book in range(targets.shape[1])
        ]
        losses += self.questions(states, phase, words, spoken_steps(targets, told))
        return torch.stack(losses)

    def mean(self, whole: Prepared) -> Tensor:
        """Cross-entropy of each codebook [K], in nats a code."""
        counts = whole.counts.clamp_min(1)
        return self(*whole.tensors)[: len(counts)] / counts


def checkpoint_blocks(model: LanguageModel) -> None:
    """Trade time for memory: blocks keep their inputs alone and run again on the way back.

    (Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.)
    Names and weights of the model stay as they are. Copies made before it are not affected.
    """
    for layer in model.layers:
        plain = layer.forward

        def again(*inputs: Any, plain: Any = plain) -> Any:
            if not torch.is_grad_enabled():
                return plain(*inputs)
            return checkpoint(plain, *inputs, use_reentrant=False)

        layer.forward = again
