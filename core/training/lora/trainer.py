"""Train a LoRA adapter on tokens: the model stays as it is, small matrices beside it learn.

    daw-bridge train CONFIG.toml        (kind = "lora")
    daw-bridge finetune FOLDER -o NAME

Crops, captions, condition dropout and the loss are those of the Transformer's training
(`crops.py`, `objective.py`); which matrices learn is said in `core/model/adapters.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from core.errors import BadCheckpoint, BadInput
from core.model.adapter_file import Origin, write_adapter
from core.model.adapters import TrainableAdapter
from core.model.checkpoint import load_checkpoint
from core.model.device_choice import resolve_device
from core.training.lora.settings import LoraTraining
from core.training.run.shared import Log, Schedule, atomic_save, previous_of, read_checkpoint
from core.training.run.terminal import StopSignal, Terminal
from core.training.tokens.clips import TokenClip, codec_digest, codec_of, read_tokens
from core.training.transformer.crops import Crops, split_held_out
from core.training.transformer.objective import Objective, Prepared, checkpoint_blocks
from core.training.transformer.validation import Validation
from core.types import FRAME_RATE

BETAS = (0.9, 0.95)


class LoraTrainer:
    """One run. Goes on by itself where `out` holds a checkpoint."""

    def __init__(self, config: LoraTraining, terminal: Terminal | None = None) -> None:
        """Raises BadInput where tokens or the checkpoint do not fit model and settings."""
        self.config, self.terminal = config, terminal or Terminal()
        torch.manual_seed(config.seed)
        clips = read_tokens(config.tokens)
        device, _ = resolve_device(config.device, "auto")
        self.loaded = load_checkpoint(config.model, device, trainable=True)
        self.device, self.shape = self.loaded.device, self.loaded.config
        self._check_tokens(clips)
        self.log = Log(config.out, self.terminal.say)
        clips = [_called(clip, config.trigger) for clip in clips]
        self.clips, self.held_out = split_held_out(clips, config.held_out)
        self.tokenizer = self.loaded.conditioner.tokenizer
        self.objective = Objective(self.loaded.lm, self.loaded.conditioner.encoder, config.autocast)
        self.adapter = TrainableAdapter(
            self.shape, config.rank, config.alpha, config.targets, config.dropout
        ).to(self.device)
        self.adapter.attach(self.loaded.lm)
        if config.checkpoint_layers:
            checkpoint_blocks(self.loaded.lm)
        self.weights = list(self.adapter.parameters())
        self.optimizer = torch.optim.AdamW(
            self.weights, lr=config.rate, betas=BETAS, weight_decay=config.weight_decay
        )
        self.crops = Crops(self.clips, config, self.shape.special_token)
        rows = max(1, config.frames_a_step // config.crop_frames)
        self.validation = Validation(
            self.clips, self.held_out, self.tokenizer, self.shape, config.crop_frames, rows
        )
        self.schedule = Schedule(config.steps, None, config.rate, config.warmup)
        self.checkpoint = config.out / "last.pt"
        if self.checkpoint.exists() or previous_of(self.checkpoint).exists():
            self.resume()

    def _check_tokens(self, clips: list[TokenClip]) -> None:
        made, has = clips[0].codes.shape[0], self.shape.codebooks
        if made != has:
            raise BadInput(
                f"the tokens have {made} codebooks, {self.loaded.name} has {has}; tokenize the"
                f" music again with --model {self.config.model}"
            )
        codec = codec_of(self.config.tokens)
        if codec is not None and codec != codec_digest(self.loaded.codec):
            raise BadInput(
                f"the tokens are of another codec than that of {self.loaded.name}; tokenize the"
                f" music again with --model {self.config.model}"
            )

    # ------------------------------------------------------------ one step

    def step(self) -> Tensor:
        """One optimizer step; → cross-entropy of each codebook [K], on the device."""
        config, schedule = self.config, self.schedule
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate
        batch = self.crops.batch(config.crop_frames, schedule.step)
        whole = Prepared.of(batch, self.tokenizer, self.shape)
        counts = whole.counts.clamp_min(1).to(self.device)
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.objective(*whole.to(self.device).tensors) / counts
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.weights, config.clip)
        self.optimizer.step()
        schedule.tick()
        return losses.detach()

    def run(self) -> bool:
        """To the end, or until Ctrl-C; → whether it is finished. The adapter is on disk then."""
        config, schedule = self.config, self.schedule
        with self.terminal, StopSignal() as stop:
            if not schedule.step:
                self._tell_start()
            total, since = torch.zeros(self.shape.codebooks, device=self.device), 0
            self.adapter.train()
            saved = schedule.step if config.file.exists() else -1
            while schedule.progress < 1 and not stop.asked:
                total += self.step()
                since += 1
                self.terminal.moved(schedule.progress, schedule.step, config.steps)
                if schedule.step % config.log_every == 0:
                    self._log(total / since)
                    total.zero_()
                    since = 0
                if schedule.step % config.save_every == 0:
                    self.validate()
                    self.save()
                    saved = schedule.step
            if saved != schedule.step:
                self.validate()
                self.save()
        return schedule.progress >= 1

    def _tell_start(self) -> None:
        count = sum(matrix.numel() for matrix in self.weights)
        seconds = sum(clip.codes.shape[1] for clip in self.clips) / FRAME_RATE
        self.log.say(
            f"{len(self.clips)} clips ({seconds:.0f} s) for {self.loaded.name}:"
            f" {count / 1e6:.2f} M numbers learn, {2 * count / 2**20:.1f} MB"
        )
        if not self.held_out:
            self.log.say(f"{len(self.clips)} clips are too few to keep some back: no validation")
        self.validate()

    def _log(self, mean: Tensor) -> None:
        books = mean.tolist()
        loss = sum(books) / len(books)
        if not math.isfinite(loss):
            raise BadInput(
                f"the loss is not a number any more at step {self.schedule.step}; lower rate"
                f" (now {self.config.rate:g}); what was saved is in {self.config.out}"
            )
        frames = self.config.frames_a_step * self.schedule.step / max(self.schedule.seconds, 1e-6)
        self.terminal.figures(loss, books, frames)
        figures = {f"book_{k}": book for k, book in enumerate(books)}
        self.log.write(step=self.schedule.step, lr=self.schedule.rate, loss=loss, **figures)

    def validate(self) -> float | None:
        """Mean cross-entropy on clips kept back, in nats a code; None where there are none."""
        if not self.held_out:
            return None
        self.adapter.eval()
        books = self.validation.of(self.objective)
        self.adapter.train()
        loss = sum(books) / len(books)
        self.log.write(validate=self.schedule.step, loss=loss)
        return loss

    # ------------------------------------------------------------ files

    def save(self) -> None:
        """The checkpoint to go on from, and the adapter as it is now, ready to be loaded."""
        config = self.config
        state = {
            "adapter": self.adapter.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "base_digest": self.loaded.digest,
        }
        atomic_save(state, self.checkpoint, keep_previous=True)
        origin = Origin(
            self.loaded.name,
            self.loaded.digest,
            config.licence or self.loaded.licence,
            config.trigger,
        )
        notes = {"steps": str(self.schedule.step), "clips": str(len(self.clips))}
        try:
            write_adapter(
                config.file, self.adapter.paths(), config.rank, config.alpha, self.shape, origin,
                notes,
            )  # fmt: skip
        except OSError as refused:
            raise BadInput(
                f"cannot write {config.file}: {refused.strerror or refused}; make room and give the"
                " same command again, it goes on"
            ) from None

    def resume(self) -> None:
        """Raises BadInput where the checkpoint is of other weights or other settings."""
        state = read_checkpoint(self.checkpoint, self.device, self.log.say)
        elsewhere = f"set {self.config.out} aside, or choose another name"
        if state.get("base_digest") != self.loaded.digest:
            raise BadInput(f"the run in {self.config.out} is for another model; {elsewhere}")
        try:
            self.adapter.load_state_dict(state["adapter"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError):
            raise BadCheckpoint(
                f"the run in {self.config.out} has another rank or other targets; {elsewhere}"
            ) from None
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch_rng"].cpu())
        self.log.rewind(self.schedule.step)
        self.log.write(resumed=self.schedule.step)


def _called(clip: TokenClip, trigger: str) -> TokenClip:
    """With the trigger word before each caption, or alone where there is none."""
    if not trigger:
        return clip
    captions = [f"{trigger}, {caption}" for caption in clip.captions] or [trigger]
    return replace(clip, captions=captions)
