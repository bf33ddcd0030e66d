"""What every training run shares: schedule, checkpoints that resume, a log of figures."""

from __future__ import annotations

import json
import math
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.errors import BadCheckpoint, DawBridgeError


def previous_of(path: Path) -> Path:
    """Where the checkpoint before `path` is kept."""
    return path.with_suffix(".previous" + path.suffix)


def atomic_save(state: dict[str, Any], path: Path, keep_previous: bool = False) -> None:
    """Write a checkpoint so that a crash or a full disk leaves the one before it whole.

    keep_previous: the one before stays beside it, for `read_checkpoint` to fall back on.
    Raises DawBridgeError when the disk does not take it.
    """
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as f:
            torch.save(state, f)
            f.flush()
            os.fsync(f.fileno())  # else a power cut may leave the new name with no content
        if keep_previous and path.exists():
            os.replace(path, previous_of(path))
        os.replace(temporary, path)
    except (OSError, RuntimeError) as problem:  # torch wraps a failed write
        temporary.unlink(missing_ok=True)
        cause = problem if isinstance(problem, OSError) else problem.__context__
        why = getattr(cause, "strerror", None) or "the write failed"
        raise DawBridgeError(
            f"cannot save {path}: {why}; make room there and give the same command again,"
            " it goes on from the checkpoint before"
        ) from None


def read_checkpoint(
    path: Path,
    device: torch.device | str = "cpu",
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """A run's checkpoint; the one before it where it is damaged, with a word to `say`.

    Nothing pickled is executed. Raises BadCheckpoint when neither can be read.
    """
    before = previous_of(path)
    for candidate in (path, before):
        if (state := _read(candidate, device)) is not None:
            if candidate == before:
                say(f"{path.name} is missing or damaged; going on from {before.name}")
            return state
    raise BadCheckpoint(f"{path} is missing or damaged; move it away to start the run anew")


def _read(path: Path, device: torch.device | str) -> dict[str, Any] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():  # torch itself does not look at the checksums
                return None
        return torch.load(path, map_location=device, weights_only=True)
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError):
        return None
    except Exception as problem:
        if isinstance(problem, KeyboardInterrupt):
            raise
        return None


class Schedule:
    """Warm-up, then cosine to a twentieth. Ends after `steps` or `minutes`, whichever is first.

    With steps alone the rate depends on nothing but the step. minutes counts training time
    over all resumptions, so that a run fits the machine's day; the rate then follows the clock.
    (Cosine: Loshchilov and Hutter, 2017, arXiv:1608.03983.)
    """

    def __init__(
        self, steps: int | None, minutes: float | None, peak: float, warmup: int = 200
    ) -> None:
        self.steps, self.minutes, self.peak, self.warmup = steps, minutes, peak, warmup
        self.step = 0
        self.seconds = 0.0
        self._last = time.monotonic()

    @property
    def progress(self) -> float:
        """Share of the run that is behind, 0 … 1."""
        by_step = self.step / self.steps if self.steps else 0.0
        by_clock = self.seconds / 60 / self.minutes if self.minutes else 0.0
        return min(1.0, max(by_step, by_clock))

    @property
    def rate(self) -> float:
        ramp = min(1.0, (self.step + 1) / max(1, self.warmup))
        return self.peak * ramp * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * self.progress)))

    def tick(self) -> None:
        now = time.monotonic()
        # a suspended machine must not eat the budget
        self.seconds += min(now - self._last, 60.0)
        self._last = now
        self.step += 1

    def state_dict(self) -> dict[str, float]:
        return {"step": self.step, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self._last = time.monotonic()


class Log:
    """Figures as JSON lines in the run's folder, and on the terminal."""

    def __init__(self, folder: Path | None, say: Callable[[str], None] | None = None) -> None:
        """folder: None keeps nothing. say: shows a line; by default it is printed."""
        self.path = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / "log.jsonl"
        self.say = say or (lambda line: print(line, flush=True))

    def keep(self, **figures: float | int | str | list[Any]) -> None:
        """Into the file alone."""
        if self.path is not None:
            with self.path.open("a") as f:
                f.write(json.dumps(figures) + "\n")

    def write(self, **figures: float | int | str | list[Any]) -> None:
        """Into the file, and shown."""
        self.keep(**figures)
        self.say(
            "  ".join(
                f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items()
            )
        )

    def entries(self) -> list[dict[str, Any]]:
        """What was written so far; a line cut off by a crash is left out."""
        if self.path is None or not self.path.exists():
            return []
        found = []
        for line in self.path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def rewind(self, step: int) -> None:
        """Forget what was written after `step`, for a run that goes on from there."""
        if self.path is None:
            return
        kept = [
            entry
            for entry in self.entries()
            if max((entry[k] for k in ("step", "validate", "resumed") if k in entry), default=0)
            <= step
        ]
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        os.replace(temporary, self.path)
