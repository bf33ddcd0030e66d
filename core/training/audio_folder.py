"""Random segments of a folder of audio, for training the codec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from core.errors import BadInput
from core.types import MODEL_RATE

SUFFIXES = {".flac", ".wav", ".ogg", ".aiff", ".aif", ".mp3"}


def audio_files(folder: Path) -> list[Path]:
    """Every audio file below `folder`, sorted, so that a run can be repeated."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


class AudioFolder:
    """Draws mono segments at 32 kHz; files that appear while a run goes on join it.

    Silent segments are drawn again: they teach nothing and pull the latents to a constant.
    """

    def __init__(self, folder: Path, segment: int, seed: int) -> None:
        """segment: samples a draw. Raises BadInput if the folder holds no usable audio."""
        self.folder = folder
        self.segment = segment
        self.random = np.random.default_rng(seed)
        self.files: list[Path] = []
        self.rescan()

    def rescan(self) -> None:
        self.files = audio_files(self.folder)
        if not self.files:
            raise BadInput(f"no audio below {self.folder}; put WAV or FLAC files at 32 kHz there")

    def _draw(self) -> np.ndarray:
        path = self.files[self.random.integers(len(self.files))]
        with soundfile.SoundFile(path) as f:
            if f.samplerate != MODEL_RATE:
                raise BadInput(f"{path.name} is at {f.samplerate} Hz; training needs {MODEL_RATE}")
            start = int(self.random.integers(max(1, f.frames - self.segment)))
            f.seek(start)
            pcm = f.read(self.segment, dtype="float32", always_2d=True, fill_value=0.0)
        return pcm.mean(axis=1)

    def batch(self, size: int) -> Tensor:
        """float32 [size, 1, segment]."""
        out = []
        while len(out) < size:
            pcm = self._draw()
            if np.sqrt(np.mean(pcm**2)) > 0.005:
                out.append(pcm)
        return torch.from_numpy(np.stack(out))[:, None]
