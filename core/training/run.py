"""What every training run shares: schedule, checkpoints that resume, a log of figures."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import os
import time
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import torch

from core.errors import BadInput

Config = TypeVar("Config")


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a table. Raises BadInput where it is missing or malformed."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as problem:
        raise BadInput(f"cannot read {path}: {problem.strerror}") from None
    except tomllib.TOMLDecodeError as problem:
        raise BadInput(f"{path.name} is not TOML: {problem}") from None


def read_config(kind: type[Config], path: Path, folders: tuple[str, ...]) -> Config:
    """A run's dataclass from its TOML file. `folders` are paths relative to the file.

    Raises BadInput that names a key that is missing or unknown, with the nearest right one.
    """
    table = read_toml(path)
    table.pop("kind", None)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(fields)}"
            raise BadInput(f"{path.name} has an unknown key {key!r}{hint}")
    for key in folders:
        if key not in table:
            raise BadInput(f"{path.name} lacks {key!r}: say which folder")
        table[key] = (path.parent / Path(str(table[key])).expanduser()).resolve()
    return kind(**table)


def atomic_save(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint so that a crash or a full disk leaves the one before it whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


class Schedule:
    """Warm-up, then cosine to a tenth. Ends after `steps` or `minutes`, whichever is first.

    minutes counts training time over all resumptions, so that a run fits the machine's day.
    """

    def __init__(self, steps: int, minutes: float, peak: float, warmup: int = 200) -> None:
        self.steps, self.minutes, self.peak, self.warmup = steps, minutes, peak, warmup
        self.step = 0
        self.seconds = 0.0
        self._last = time.monotonic()

    @property
    def progress(self) -> float:
        return min(1.0, max(self.step / self.steps, self.seconds / 60 / self.minutes))

    @property
    def rate(self) -> float:
        ramp = min(1.0, (self.step + 1) / self.warmup)
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

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"

    def write(self, **figures: float | int | str | list[Any]) -> None:
        with self.path.open("a") as f:
            f.write(json.dumps(figures) + "\n")
        print(
            "  ".join(
                f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items()
            ),
            flush=True,
        )
