"""Tokens and settings for tests of the Transformer's trainer: small, and quick to learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from core.training.transformer.settings import TransformerTraining


def write_tokens(folder: Path) -> Path:
    """Twelve clips of three seconds, each with a rhythm of its own."""
    random = np.random.default_rng(0)
    rows, clips = [], []
    for number in range(12):
        beat = random.integers(0, 2048, (4, 25))
        rows.append(np.tile(beat, 6).astype(np.int16))
        clips.append(
            {
                "name": f"clip{number}",
                "start": 150 * number,
                "frames": 150,
                "captions": [f"tone {number}, 120 bpm", f"two tones, number {number}"],
                "facts": {"tempo": 120.0},
            }
        )
    folder.mkdir()
    save_file({"codes": np.concatenate(rows, axis=1)}, folder / "tokens-00000.safetensors")
    (folder / "tokens-00000.json").write_text(json.dumps({"clips": clips}))
    return folder


def small_run(tokens: Path, out: Path, **more: Any) -> TransformerTraining:
    settings: dict[str, Any] = {
        "tokens": tokens,
        "out": out,
        "hidden": 16,
        "layers": 1,
        "heads": 2,
        "text_width": 8,
        "steps": 4,
        "first_share": 0.0,
        "short_frames": 50,
        "frames_a_step": 100,
        "window_frames": 100,
        "held_out": 0.0,
        "sample_every": 0,
        "tensorboard": False,
    }
    return TransformerTraining(**{**settings, **more})
