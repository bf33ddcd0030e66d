"""A run's figures as curves: a PNG, and TensorBoard where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_curves(entries: list[dict[str, Any]], path: Path) -> None:
    """Losses and learning rate over the steps, from the log's entries. Written whole or not."""
    trained = [e for e in entries if "step" in e]
    validated = [e for e in entries if "validate" in e]
    if not trained:
        return
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    steps = [e["step"] for e in trained]
    books = [k for k in trained[0] if k.startswith("book_")]
    for number, book in enumerate(books):
        color = f"C{number}"
        name = f"codebook {number}"
        left.plot(steps, [e[book] for e in trained], color=color, lw=0.8, alpha=0.6, label=name)
        if validated:
            at = [e["validate"] for e in validated]
            left.plot(at, [e[book] for e in validated], color=color, marker=".", lw=1.2)
            left.axhline(validated[-1][f"unigram_{number}"], color=color, ls=":", lw=0.8)
    left.set(xlabel="step", ylabel="cross-entropy, nats a code")
    left.set_title("thin: training, dots: held out, dotted: unigrams", fontsize=9)
    left.legend(fontsize=8)
    right.plot(steps, [e["loss"] for e in trained], lw=0.8, label="training")
    if validated:
        at = [e["validate"] for e in validated]
        right.plot(at, [e["loss"] for e in validated], marker=".", label="held out")
    right.set(xlabel="step", ylabel="mean over codebooks, nats")
    right.legend(fontsize=8, loc="lower left")
    rate = right.twinx()
    rate.plot(steps, [e["lr"] for e in trained], color="gray", lw=0.8, ls="--")
    rate.set_ylabel("learning rate (dashed)")
    temporary = path.with_suffix(".tmp")
    figure.savefig(temporary, dpi=80, format="png")
    os.replace(temporary, path)


class Board:
    """TensorBoard's view of a run; without the package it says so once and does nothing."""

    def __init__(self, folder: Path, step: int, say: Callable[[str], None]) -> None:
        """step: what was written after it, by a session that was lost, is hidden."""
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            say(
                "no TensorBoard (pip install 'daw-bridge[train]'); curves.png is drawn all the same"
            )
            return
        self._writer = SummaryWriter(str(folder), purge_step=step, flush_secs=20)

    def write(self, step: int, group: str, figures: dict[str, float]) -> None:
        if self._writer is not None:
            for name, value in figures.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
