"""What a run shows of itself while it goes on: figures, curves, TensorBoard, samples."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from torch import Tensor

from core.errors import BadInput
from core.training.run.curves import Board, draw_curves
from core.training.transformer.samples import Samples

if TYPE_CHECKING:
    from core.training.transformer.trainer import TransformerTrainer


class Watch:
    """For one session of a run. Does nothing in processes that do not lead it."""

    def __init__(self, run: TransformerTrainer) -> None:
        """Raises BadCheckpoint or BadInput where the samples' codec is missing or misfits."""
        self.run = run
        self._since = time.monotonic(), run.frames
        self._samples = self._board = None
        if run.processes.leads:
            self._samples = make_samples(run)
            if run.config.tensorboard:
                folder = run.config.out / "tensorboard"
                self._board = Board(folder, run.schedule.step, run.log.say)

    def figures(self, mean: Tensor) -> None:
        """Cross-entropy a codebook [K] and the questions' errors, over the steps since last time.

        Raises BadInput in all processes where it is not a number.
        """
        run, values = self.run, mean.tolist()
        books, errors = values[: run.shape.codebooks], values[run.shape.codebooks :]
        loss = sum(books) / len(books)
        if not math.isfinite(loss):
            raise BadInput(
                f"the loss is not a number any more at step {run.schedule.step}; lower rate (it"
                f" is {run.config.rate:g}) and give the command again: it goes on from"
                f" {run.checkpoint.name}, which is from before"
            )
        now, frames = time.monotonic(), run.frames
        rate = (frames - self._since[1]) / max(now - self._since[0], 1e-9)
        self._since = now, frames
        figures = {"loss": loss, **{f"book_{k}": book for k, book in enumerate(books)}}
        figures |= zip(run.objective.questions.names, errors, strict=True)
        show = run.log.keep if run.terminal.live else run.log.write  # the bar shows it there
        show(
            step=run.schedule.step,
            minutes=run.schedule.seconds / 60,
            lr=run.schedule.rate,
            frames_a_second=rate,
            **figures,
        )
        run.terminal.figures(loss, books, rate)
        if self._board:
            self._board.write(run.schedule.step, "train", figures | {"lr": run.schedule.rate})

    def validated(self, books: list[float]) -> None:
        """Cross-entropy a codebook on held-out clips."""
        run, loss = self.run, sum(books) / len(books)
        figures = {"loss": loss, **{f"book_{k}": book for k, book in enumerate(books)}}
        run.log.write(
            validate=run.schedule.step,
            perplexity=math.exp(min(loss, 700.0)),
            **figures,
            **{f"unigram_{k}": float(v) for k, v in enumerate(run.validation.unigram)},
        )
        if self._board:
            self._board.write(run.schedule.step, "held out", figures)

    def curves(self) -> None:
        """Draws curves.png anew; the time it and what came before took is not the steps'."""
        draw_curves(self.run.log.entries(), self.run.config.out / "curves.png")
        self._since = time.monotonic(), self.run.frames

    def sample(self) -> None:
        """Writes samples of the averaged weights."""
        if self._samples:
            run = self.run
            folder = self._samples.write(run.average.module, run.tokenizer, run.schedule.step)
            run.objective.train()
            run.log.say(f"samples in {folder}")
            self._since = time.monotonic(), run.frames

    def close(self) -> None:
        if self._board:
            self._board.close()


def make_samples(run: TransformerTrainer) -> Samples | None:
    """For the config's prompts, or for captions of clips; None where none are wanted."""
    config = run.config
    if not config.sample_every:
        return None
    prompts = list(config.prompts)
    if not prompts:
        told = [clip for clip in (run.held_out or run.clips) if clip.captions]
        prompts = [clip.captions[0] for clip in told[:3]] or [""]
    samples = Samples(
        config.codec, prompts, config.sample_seconds, config.out / "samples", run.shape.codebooks
    )
    samples.check(config.tokens, run.log.say)
    return samples
