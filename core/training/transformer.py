"""Train the Transformer and its text encoder on tokens, as MusicGen is trained.

    python -m core.training.transformer core/training/configs/starter-transformer.toml

Delay pattern, teacher forcing, cross-entropy over all codebooks, the text dropped for a
share of the clips so that guidance has an unconditional branch. A crop starts on a bar line
(so what is generated starts on one too) or, for a share, anywhere: its first two seconds are
then context without a loss, so that the model continues from any point but never starts there.
(Copet et al., 2023, "Simple and Controllable Music Generation", arXiv:2306.05284.)
"""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import T5Tokenizer

from core.errors import BadCheckpoint, BadInput
from core.model.language_model import LanguageModel
from core.training.averaging import WeightAverage
from core.training.crops import Batch, Crops, padded, split_held_out
from core.training.objective import Objective, Prepared, checkpoint_blocks
from core.training.run import Log, Schedule, atomic_save, previous_of, read_checkpoint
from core.training.text import make_tokenizer, small_t5
from core.training.tokens import TokenClip, read_tokens
from core.training.transformer_settings import TransformerTraining
from core.training.warm_start import warm_start

BETAS = (0.9, 0.95)
VALIDATION_CLIPS = 64  # at most, so that a large corpus is not validated for minutes


class TransformerTrainer:
    """One run. Goes on by itself where `out` holds a checkpoint."""

    def __init__(self, config: TransformerTraining) -> None:
        """Raises BadInput where tokens, weights or the checkpoint do not fit the settings."""
        self.config = config
        torch.manual_seed(config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.log = Log(config.out)
        clips = read_tokens(config.tokens)
        self.clips, self.held_out = split_held_out(clips, config.held_out)
        if config.held_out and not self.held_out:
            self.log.say(f"{len(clips)} clips are too few to keep some back: no validation")
        self.shape = config.shape(clips[0].codes.shape[0])
        self.tokenizer = self._tokenizer(config.out / "tokenizer")
        self.text = small_t5(len(self.tokenizer), config.text_width)
        self.model = LanguageModel(self.shape)
        self.objective = Objective(self.model, self.text, config.autocast).to(self.device)
        self.weights = list(self.objective.parameters())
        self.optimizer = self._optimizer()
        self.crops = Crops(self.clips, config, self.shape.special_token)
        self.schedule = Schedule(
            config.schedule_steps, config.schedule_minutes, config.rate, config.warmup
        )
        self.average = WeightAverage(self.objective, config.ema)
        if config.checkpoint_layers:
            checkpoint_blocks(self.model)
        self.best = math.inf
        self.checkpoint = config.out / "last.pt"
        if self.checkpoint.exists() or previous_of(self.checkpoint).exists():
            self.resume()
        elif config.weights_from:
            self.log.say(warm_start(self.model, self.text, self.tokenizer, config.weights_from))
            self.average.restart()

    def _tokenizer(self, folder: Path) -> T5Tokenizer:
        """Made once a run: a resumed one must read words as it did before."""
        if folder.exists():
            return T5Tokenizer.from_pretrained(folder)
        made = make_tokenizer(caption for clip in self.clips for caption in clip.captions)
        made.save_pretrained(folder)
        return made

    def _optimizer(self) -> torch.optim.AdamW:
        config = self.config
        matrices = [p for p in self.weights if p.dim() > 1]
        vectors = [p for p in self.weights if p.dim() <= 1]
        return torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=config.rate,
            betas=BETAS,
            fused=True,
        )

    # ------------------------------------------------------------ one step

    def step(self) -> Tensor:
        """One optimizer step; → cross-entropy of each codebook [K], on the device."""
        config, schedule = self.config, self.schedule
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate
        early = schedule.progress < config.short_share
        length = config.short_frames if early else config.window_frames
        whole = Prepared.of(self.crops.batch(length, schedule.step), self.tokenizer, self.shape)
        counts = whole.counts.clamp_min(1).to(self.device)
        losses = torch.zeros(len(counts), device=self.device)
        self.optimizer.zero_grad(set_to_none=True)
        for part in range(config.accumulate):
            mine = whole.part(part, config.accumulate).to(self.device)
            # normalised by the whole step's targets, so that its parts add up to it
            share = self.objective(*mine.tensors) / counts
            share.mean().backward()
            losses += share.detach()
        torch.nn.utils.clip_grad_norm_(self.weights, config.clip)
        self.optimizer.step()
        self.average.update(schedule.step)
        schedule.tick()
        return losses

    def run(self) -> None:
        config, schedule = self.config, self.schedule
        total, since = torch.zeros(self.shape.codebooks, device=self.device), 0
        began = time.monotonic()
        while schedule.progress < 1:
            total += self.step()
            since += 1
            step = schedule.step
            if step % config.log_every == 0:
                self._log(total / since)
                total.zero_()
                since = 0
            if step % config.validate_every == 0:
                self.validate()
            if step % config.save_every == 0:
                self.save()
            if config.session_minutes and time.monotonic() - began > 60 * config.session_minutes:
                break
        if schedule.step % config.validate_every:
            self.validate()
        if schedule.step % config.save_every:
            self.save()

    def _log(self, mean: Tensor) -> None:
        books = mean.tolist()
        loss = sum(books) / len(books)
        if not math.isfinite(loss):
            raise BadInput(
                f"the loss is not a number any more at step {self.schedule.step}; lower rate"
                f" (now {self.config.rate:g}) and start again from {self.checkpoint}"
            )
        self.log.write(
            step=self.schedule.step,
            minutes=self.schedule.seconds / 60,
            lr=self.schedule.rate,
            loss=loss,
            **{f"book_{k}": book for k, book in enumerate(books)},
        )

    # ------------------------------------------------------------ validation

    @torch.no_grad()
    def validate(self) -> None:
        """Cross-entropy a codebook on held-out clips, beside the entropy of their unigrams.

        Of the averaged weights, which are kept as best.pt where they are better than before.
        """
        if not self.held_out:
            return
        rows = max(1, self.config.frames_a_step // self.config.short_frames)
        objective = self.average.module.eval()
        total, counts = torch.zeros(self.shape.codebooks), torch.zeros(self.shape.codebooks)
        clips = self.held_out[:VALIDATION_CLIPS]
        for first in range(0, len(clips), rows):
            whole = Prepared.of(
                self._heads(clips[first : first + rows]), self.tokenizer, self.shape
            )
            total += objective(*whole.to(self.device).tensors).cpu()
            counts += whole.counts
        self.objective.train()
        mean = total / counts
        loss = float(mean.mean())
        self.log.write(
            validate=self.schedule.step,
            loss=loss,
            perplexity=math.exp(min(loss, 700.0)),
            **{f"book_{k}": float(v) for k, v in enumerate(mean)},
            **{f"unigram_{k}": float(v) for k, v in enumerate(self.unigram_entropy())},
        )
        if loss < self.best:
            self.best = loss
            atomic_save(self._weights_state() | {"loss": loss}, self.config.out / "best.pt")

    def _heads(self, clips: list[TokenClip]) -> Batch:
        """How clips begin, with their first caption."""
        return padded(
            [
                (c.codes[:, : self.config.short_frames], 0, c.captions[0] if c.captions else "")
                for c in clips
            ],
            self.shape.special_token,
        )

    def unigram_entropy(self) -> Tensor:
        """Cross-entropy of held-out codes under the training clips' frequencies [K], nats."""
        out = []
        for book in range(self.shape.codebooks):
            seen = np.concatenate([clip.codes[book] for clip in self.clips])
            counts = np.bincount(seen, minlength=self.shape.vocab) + 1.0
            held = np.concatenate([clip.codes[book] for clip in self.held_out])
            out.append(-np.log(counts / counts.sum())[held].mean())
        return torch.tensor(out)

    # ------------------------------------------------------------ checkpoints

    def _weights_state(self) -> dict[str, Any]:
        """What a model is made of: the averaged weights, their shape, the step."""
        average: Objective = self.average.module
        return {
            "model": average.model.state_dict(),
            "text": average.text.state_dict(),
            "shape": dataclasses.asdict(self.shape),
            "step": self.schedule.step,
        }

    def save(self) -> None:
        average = self._weights_state() if self.average.decay else None
        atomic_save(
            {
                "model": self.model.state_dict(),
                "text": self.text.state_dict(),
                "average": average and {k: average[k] for k in ("model", "text")},
                "shape": dataclasses.asdict(self.shape),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "torch_rng": torch.get_rng_state(),
                "best": self.best,
            },
            self.checkpoint,
            keep_previous=True,
        )

    def resume(self) -> None:
        """Raises BadCheckpoint where it is damaged or of a model of another shape."""
        state = read_checkpoint(self.checkpoint, self.device, self.log.say)
        settings = [dict(group, params=None) for group in self.optimizer.param_groups]
        try:
            self.model.load_state_dict(state["model"])
            self.text.load_state_dict(state["text"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (KeyError, ValueError, RuntimeError):
            raise BadCheckpoint(
                f"{self.checkpoint} is of a model of another shape; set the sizes back, or"
                " choose another `out` (and weights_from for what fits)"
            ) from None
        for group, setting in zip(self.optimizer.param_groups, settings, strict=True):
            # the file's settings win over the checkpoint's
            group.update({k: v for k, v in setting.items() if k not in ("params", "lr")})
        if state.get("average") and self.average.decay:
            average: Objective = self.average.module
            average.model.load_state_dict(state["average"]["model"])
            average.text.load_state_dict(state["average"]["text"])
        else:
            self.average.restart()
        self.schedule.load_state_dict(state["schedule"])
        self.best = float(state.get("best", math.inf))
        torch.set_rng_state(state["torch_rng"].cpu())
        self.log.rewind(self.schedule.step)
        self.log.write(resumed=self.schedule.step)


if __name__ == "__main__":
    TransformerTrainer(TransformerTraining.read(Path(sys.argv[1]))).run()
