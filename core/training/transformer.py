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
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import T5Tokenizer

from core.generation.delay_pattern import interleave
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.training.run import Log, Schedule, atomic_save, read_config
from core.training.text import make_tokenizer, small_t5
from core.training.tokens import TokenClip, read_tokens
from core.types import FRAME_RATE

IGNORED = -100  # cross-entropy's own mark
LEAD_IN = 2 * FRAME_RATE  # frames of context before the loss counts in a crop off the bar


@dataclass(frozen=True, slots=True)
class TransformerTraining:
    """A run, as its TOML file says it."""

    tokens: Path
    out: Path
    hidden: int = 256
    layers: int = 6
    heads: int = 4
    text_width: int = 192
    window_frames: int = 1500
    steps: int = 20_000
    minutes: float = 60.0
    short_frames: int = 500  # crops for the first part of the run
    short_share: float = 0.75
    frames_a_step: int = 2_000
    rate: float = 1e-3
    weight_decay: float = 0.05
    text_dropout: float = 0.12
    off_bar: float = 0.15
    held_out: float = 0.05  # share of the clips kept for validation
    autocast: bool = False
    seed: int = 1
    validate_every: int = 400

    @classmethod
    def read(cls, path: Path) -> TransformerTraining:
        """Raises BadInput that names a key the file should not have."""
        return read_config(cls, path, folders=("tokens", "out"))


@dataclass(frozen=True, slots=True)
class Batch:
    codes: Tensor  # int64 [B, K, F], padded with the special token
    lengths: list[int]
    quiet: list[int]  # frames at the start that carry no loss
    captions: list[str]  # '' where the text is dropped


class Crops:
    """Draws batches of crops of the clips."""

    def __init__(self, clips: list[TokenClip], config: TransformerTraining, special: int) -> None:
        self.clips, self.config, self.special = clips, config, special
        self.random = np.random.default_rng(config.seed)

    def _crop(self, length: int) -> tuple[np.ndarray, int, str]:
        clip = self.clips[self.random.integers(len(self.clips))]
        total = clip.codes.shape[1]
        spare = max(0, total - length)
        start, quiet = 0, 0
        if spare and self.random.random() < self.config.off_bar:
            start, quiet = int(self.random.integers(spare + 1)), LEAD_IN
        elif spare and clip.frames_a_bar:
            # half of the crops start where the piece does
            bars = int(spare / clip.frames_a_bar)
            bar = int(self.random.integers(bars + 1)) if self.random.random() < 0.5 else 0
            start = round(bar * clip.frames_a_bar)
        caption = ""
        if clip.captions and self.random.random() >= self.config.text_dropout:
            caption = clip.captions[self.random.integers(len(clip.captions))]
            caption = self._spelled(caption)
        return clip.codes[:, start : start + length], quiet, caption

    def _spelled(self, caption: str) -> str:
        """People write capitals too."""
        draw = self.random.random()
        if draw < 0.08:
            return caption.capitalize()
        return caption.title() if draw < 0.12 else caption

    def batch(self, length: int) -> Batch:
        rows = [self._crop(length) for _ in range(max(1, self.config.frames_a_step // length))]
        longest = max(codes.shape[1] for codes, _, _ in rows)
        padded = np.full((len(rows), rows[0][0].shape[0], longest), self.special, dtype=np.int64)
        for row, (codes, _, _) in zip(padded, rows, strict=True):
            row[:, : codes.shape[1]] = codes
        return Batch(
            torch.from_numpy(padded),
            [codes.shape[1] for codes, _, _ in rows],
            [quiet for _, quiet, _ in rows],
            [caption for _, _, caption in rows],
        )


def targets_of(delayed: Tensor, batch: Batch, delays: tuple[int, ...], special: int) -> Tensor:
    """What each step must predict [B, K, S-1]; IGNORED where there is no code or no loss."""
    targets = delayed[..., 1:].clone()
    targets[targets == special] = IGNORED
    for row, quiet in enumerate(batch.quiet):
        for book, delay in enumerate(delays):
            targets[row, book, : quiet + delay] = IGNORED
    return targets


class TransformerTrainer:
    def __init__(self, config: TransformerTraining) -> None:
        self.config = config
        torch.manual_seed(config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        clips = read_tokens(config.tokens)
        # By name, so that clips added later do not move others across the line.
        ranks = {clip.name: zlib.crc32(clip.name.encode()) / 2**32 for clip in clips}
        line = max(config.held_out, min(ranks.values()))
        self.held_out = [clip for clip in clips if ranks[clip.name] <= line]
        self.clips = [clip for clip in clips if ranks[clip.name] > line]
        self.shape = ModelConfig(
            hidden=config.hidden,
            layers=config.layers,
            heads=config.heads,
            ffn=4 * config.hidden,
            text_hidden=config.text_width,
            dropout=0.0,
            window_frames=config.window_frames,
        )
        self.tokenizer = self._tokenizer(config.out / "tokenizer")
        self.text = small_t5(len(self.tokenizer), config.text_width).to(self.device)
        self.model = LanguageModel(self.shape).to(self.device)
        self.weights = [*self.model.parameters(), *self.text.parameters()]
        matrices = [p for p in self.weights if p.dim() > 1]
        vectors = [p for p in self.weights if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=config.rate,
            betas=(0.9, 0.95),
        )
        self.crops = Crops(self.clips, config, self.shape.special_token)
        self.schedule = Schedule(config.steps, config.minutes, config.rate)
        self.log = Log(config.out)
        self.checkpoint = config.out / "last.pt"
        if self.checkpoint.exists():
            self.resume()

    def _tokenizer(self, folder: Path) -> T5Tokenizer:
        """Made once a run: a resumed one must read words as it did before."""
        if folder.exists():
            return T5Tokenizer.from_pretrained(folder)
        made = make_tokenizer(caption for clip in self.clips for caption in clip.captions)
        made.save_pretrained(folder)
        return made

    # ------------------------------------------------------------ one step

    def losses(self, batch: Batch) -> Tensor:
        """Cross-entropy of each codebook [K], in nats."""
        shape = self.shape
        delayed = interleave(batch.codes.to(self.device), shape.delays, shape.special_token)
        targets = targets_of(delayed, batch, shape.delays, shape.special_token)
        tokens = self.tokenizer(batch.captions, padding=True, return_tensors="pt").to(self.device)
        told = torch.tensor([bool(c) for c in batch.captions], device=self.device)
        mask = tokens["attention_mask"] * told[:, None]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.autocast):
            # a dropped caption still passes T5 with its end token, to keep T5 free of 0/0
            states = self.text(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            ).last_hidden_state
            logits = self.model(delayed[..., :-1], states, mask)
        return torch.stack(
            [
                F.cross_entropy(
                    logits[:, book].float().flatten(0, 1),
                    targets[:, book].flatten(),
                    ignore_index=IGNORED,
                )
                for book in range(shape.codebooks)
            ]
        )

    def step(self) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate
        early = self.schedule.progress < self.config.short_share
        batch = self.crops.batch(self.config.short_frames if early else self.config.window_frames)
        losses = self.losses(batch)
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.schedule.tick()
        return losses.detach().cpu()

    def run(self) -> None:
        total, since = torch.zeros(self.shape.codebooks), 0
        while self.schedule.progress < 1:
            total += self.step()
            since += 1
            step = self.schedule.step
            if step % 50 == 0:
                mean = total / since
                self.log.write(
                    step=step,
                    minutes=self.schedule.seconds / 60,
                    lr=self.schedule.rate,
                    loss=float(mean.mean()),
                    **{f"book_{k}": float(v) for k, v in enumerate(mean)},
                )
                total.zero_()
                since = 0
            if step % self.config.validate_every == 0:
                self.validate()
                self.save()
        self.validate()
        self.save()

    @torch.no_grad()
    def validate(self) -> None:
        """Cross-entropy a codebook on held-out clips, beside the entropy of their unigrams."""
        self.model.eval()
        self.text.eval()
        rows = []
        for clip in self.held_out:
            codes = torch.from_numpy(clip.codes[:, : self.config.short_frames].astype(np.int64))
            caption = clip.captions[0] if clip.captions else ""
            rows.append(self.losses(Batch(codes[None], [codes.shape[1]], [0], [caption])).cpu())
        mean = torch.stack(rows).mean(0)
        self.model.train()
        self.text.train()
        self.log.write(
            validate=self.schedule.step,
            loss=float(mean.mean()),
            perplexity=math.exp(float(mean.mean())),
            **{f"book_{k}": float(v) for k, v in enumerate(mean)},
            **{f"unigram_{k}": float(v) for k, v in enumerate(self.unigram_entropy())},
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

    def save(self) -> None:
        atomic_save(
            {
                "model": self.model.state_dict(),
                "text": self.text.state_dict(),
                "shape": dataclasses.asdict(self.shape),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "torch_rng": torch.get_rng_state(),
                "crops_rng": self.crops.random.bit_generator.state,
            },
            self.checkpoint,
        )

    def resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.text.load_state_dict(state["text"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch_rng"].cpu())
        self.crops.random.bit_generator.state = state["crops_rng"]
        self.log.write(resumed=self.schedule.step)


if __name__ == "__main__":
    TransformerTrainer(TransformerTraining.read(Path(sys.argv[1]))).run()
