"""Train the Transformer and its text encoder on tokens, as MusicGen is trained.

    daw-bridge train core/training/configs/starter-transformer.toml
    torchrun --nproc-per-node 2 -m core.training.transformer CONFIG.toml

Delay pattern, teacher forcing, cross-entropy over all codebooks, the text dropped for a
share of the clips so that guidance has an unconditional branch. A crop starts on a bar line
(so what is generated starts on one too) or, for a share, anywhere: its first two seconds are
then context without a loss, so that the model continues from any point but never starts there.
(Copet et al., 2023, "Simple and Controllable Music Generation", arXiv:2306.05284.)
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import torch
from torch import Tensor
from transformers import T5Tokenizer

from core.errors import BadInput
from core.model.language_model import LanguageModel
from core.training.run.averaging import WeightAverage
from core.training.run.processes import Processes
from core.training.run.shared import Log, Schedule, previous_of
from core.training.run.terminal import StopSignal, Terminal
from core.training.transformer import start
from core.training.transformer.checkpoint import resume_last, save_best, save_last
from core.training.transformer.crops import Crops, code_counts, read_clips, split_held_out
from core.training.transformer.objective import Objective, Prepared, checkpoint_blocks
from core.training.transformer.settings import TransformerTraining
from core.training.transformer.text import make_tokenizer, small_t5
from core.training.transformer.validation import Validation
from core.training.transformer.warm_start import warm_start
from core.training.transformer.watching import Watch

BETAS = (0.9, 0.95)


class TransformerTrainer:
    """One run. Goes on by itself where `out` holds a checkpoint."""

    def __init__(self, config: TransformerTraining) -> None:
        """Raises BadInput where tokens, weights or the checkpoint do not fit the settings."""
        self.config = config
        self.processes = Processes()
        if self.processes.world > 1 and config.length.steps is None:
            raise BadInput("several processes need `steps`: their clocks differ, steps do not")
        self.device = self.processes.device
        torch.manual_seed(config.seed)
        self.terminal = Terminal(quiet=not self.processes.leads)
        self.log = Log(config.out if self.processes.leads else None, self.terminal.say)
        clips = read_clips(config.tokens)
        self.clips, self.held_out = split_held_out(clips, config.held_out)
        if config.held_out and not self.held_out:
            self.log.say(f"{len(clips)} clips are too few to keep some back: no validation")
        self.shape = config.shape(clips[0].codes.shape[0])
        self.tokenizer = self._tokenizer(config.out / "tokenizer")
        self.text = small_t5(len(self.tokenizer), config.text_width)
        self.model = LanguageModel(self.shape)
        counts = code_counts(self.clips, self.shape.vocab)
        start.prepare(self.model, self.text, self.tokenizer, counts)
        self.objective = Objective(
            self.model, self.text, config.autocast, config.metre > 0, config.words > 0
        ).to(self.device)
        self.weights = list(self.objective.parameters())
        self.optimizer = self._optimizer()
        self.crops = Crops(self.clips, config, self.shape.special_token)
        steps, minutes, _ = config.length
        self.schedule = Schedule(steps, minutes, config.rate, config.warmup)
        self.average = WeightAverage(self.objective, config.ema)
        if config.checkpoint_layers:
            checkpoint_blocks(self.model)
        self.validation = Validation(
            self.clips,
            self.held_out,
            self.tokenizer,
            self.shape,
            config.short_frames,
            max(1, config.frames_a_step // config.short_frames),
        )
        self.best = math.inf
        self.frames = 0  # trained on in this session
        self.checkpoint = config.out / "last.pt"
        if self.checkpoint.exists() or previous_of(self.checkpoint).exists():
            resume_last(self)
        elif config.weights_from:
            self.log.say(warm_start(self.model, self.text, self.tokenizer, config.weights_from))
            self.average.restart()
        self.wrapped = self.processes.wrap(self.objective)

    def _tokenizer(self, folder: Path) -> T5Tokenizer:
        """Made once a run: a resumed one must read words as it did before."""
        if self.processes.leads and not folder.exists():
            made = make_tokenizer(caption for clip in self.clips for caption in clip.captions)
            made.save_pretrained(folder)
        self.processes.wait()
        return T5Tokenizer.from_pretrained(folder)

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
        """One optimizer step; → this process's share of the loss a codebook [K], on the device.

        The shares of all processes add up to the cross-entropy in nats a code. The errors of the
        questions follow, a step.
        """
        config, schedule, processes = self.config, self.schedule, self.processes
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate
        batch = self.crops.batch(config.crop_frames(schedule.progress), schedule.step)
        self.frames += sum(batch.lengths)
        whole = Prepared.of(batch, self.tokenizer, self.shape)
        counts = torch.cat((whole.counts, whole.asked(self.objective.questions.names)))
        counts = counts.clamp_min(1).to(self.device, non_blocking=True)
        losses = torch.zeros(len(counts), device=self.device)
        self.optimizer.zero_grad(set_to_none=True)
        parts, first = processes.world * config.accumulate, processes.rank * config.accumulate
        for number in range(first, first + config.accumulate):
            mine = whole.part(number, parts).to(self.device)
            if number + 1 < first + config.accumulate:
                with processes.alone(self.wrapped):
                    losses += self._backward(mine, counts)
            else:
                losses += self._backward(mine, counts)
        torch.nn.utils.clip_grad_norm_(self.weights, config.clip)
        self.optimizer.step()
        self.average.update(schedule.step)
        schedule.tick()
        return losses

    def _backward(self, part: Prepared, counts: Tensor) -> Tensor:
        # normalised by the whole step's targets, so that its parts add up to it
        share = self.wrapped(*part.tensors) / counts
        # DistributedDataParallel takes the mean over processes where the sum is meant
        books = self.shape.codebooks
        loss = share[:books].mean()
        weights = self.config.question_weights(self.schedule.progress).values()
        for weight, error in zip(weights, share[books:], strict=True):
            loss = loss + weight * error
        (loss * self.processes.world).backward()
        return share.detach()

    # ------------------------------------------------------------ the run

    def run(self) -> bool:
        """To the end, or until Ctrl-C, SIGTERM or the session's minutes; saved in each case.

        → False where it was asked to stop before its end. Raises BadInput where the loss is not
        a number any more, DawBridgeError where the disk is full: last.pt is then the one before.
        """
        try:
            with self.terminal, StopSignal() as stop:
                ended = self._run(stop)
            self.processes.wait()  # the first holds the others' meeting point: it leaves last
            return ended
        finally:
            self.processes.close()

    def _run(self, stop: StopSignal) -> bool:
        config, schedule = self.config, self.schedule
        watch = Watch(self)
        figures = self.shape.codebooks + len(self.objective.questions.names)
        total = torch.zeros(figures, device=self.device)
        since = 0
        began, saved, validated = time.monotonic(), schedule.step, schedule.step
        while schedule.progress < 1:
            total += self.step()
            since += 1
            step = schedule.step
            self.terminal.moved(schedule.progress, step, schedule.steps)
            if step % config.log_every == 0:
                watch.figures(self.processes.sum(total) / since)
                total.zero_()
                since = 0
            if step % config.validate_every == 0:
                self.validate(watch)
                validated = step
            if config.sample_every and step % config.sample_every == 0:
                watch.sample()
            if step % config.save_every == 0:
                self.save()
                saved = step
            if self._ends_here(stop, began):
                break
        ended = schedule.progress >= 1
        if ended and schedule.step > validated:
            self.validate(watch)
        if schedule.step > saved:
            self.save()
        watch.close()
        self._last_words(ended, stop.asked)
        return ended or not stop.asked

    def _ends_here(self, stop: StopSignal, began: float) -> bool:
        """Whether this session ends now. Several processes agree on it when they log."""
        minutes = self.config.length.session_minutes
        mine = stop.asked or (minutes is not None and time.monotonic() - began > 60 * minutes)
        if self.processes.world > 1 and self.schedule.step % self.config.log_every:
            return False
        return self.processes.any(mine)

    def validate(self, watch: Watch) -> None:
        """The averaged weights on held-out clips; kept as best.pt where better than before."""
        if not self.processes.leads:
            return
        if self.held_out:
            books = self.validation.of(self.average.module)
            self.objective.train()
            watch.validated(books)
            loss = sum(books) / len(books)
            if loss < self.best:
                self.best = loss
                save_best(self)
        watch.curves()

    def save(self) -> None:
        if self.processes.leads:
            began = time.monotonic()
            save_last(self)
            self.log.say(f"saved step {self.schedule.step} ({time.monotonic() - began:.1f} s)")

    def _last_words(self, ended: bool, asked: bool) -> None:
        step, steps = self.schedule.step, self.schedule.steps
        at = f"step {step} of {steps}" if steps else f"step {step}"
        if ended:
            self.log.say(f"done at {at}; the model is in {self.config.out}")
        else:
            why = "stopped" if asked else "paused"
            self.log.say(f"{why} at {at}, saved; the same command goes on from there")
