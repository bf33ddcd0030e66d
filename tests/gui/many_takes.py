"""A folder with many takes, as real files, quickly made: few sounds, many names for them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import soundfile

from core.types import MODEL_RATE
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import table_of

SOUNDS = 8  # different ones


def fill_folder(folder: Path, takes: int, seconds: float) -> None:
    """WAVs of so many seconds with their descriptions; each third take continues another."""
    sounds = [_sound(folder / f".sound-{number}.wav", number, seconds) for number in range(SOUNDS)]
    for take in range(1, takes + 1):
        path = folder / f"take-{take:04d}-many.wav"
        os.link(sounds[take % SOUNDS], path)
        parent = take - 1 - take % 7 if take % 3 == 0 and take > 9 else None
        frames = round(50 * seconds)
        record = TakeRecord(
            take, prompts=((0, f"funky drums and bass, idea {take}"),), seed=take, bars=8,
            frames=frames, complete=True, parent=parent, at=frames if take % 2 else frames // 2,
            model="starter", licence="MIT", path=str(path), kept=take % 10 == 0,
        )  # fmt: skip
        path.with_suffix(".json").write_text(json.dumps(table_of(record)))


def _sound(path: Path, number: int, seconds: float) -> Path:
    at = np.arange(round(seconds * MODEL_RATE)) / MODEL_RATE
    beat = np.exp(-5 * ((at * (2 + number / 4)) % 1))
    noise = np.random.default_rng(number).uniform(-0.9, 0.9, len(at))
    soundfile.write(path, (noise * beat).astype(np.float32), MODEL_RATE, subtype="PCM_24")
    return path
