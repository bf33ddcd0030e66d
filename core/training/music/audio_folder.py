"""What music a folder holds, and random segments of it for training the codec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.codec.resampler import Pcm
from core.errors import BadClip, BadInput
from core.training.music.recording import read_segment

_READ = (
    ".wav .wave .flac .ogg .oga .opus .mp3 .aiff .aif .aifc .caf .w64 .rf64 .au .snd .voc .nist"
    " .sph .avr .paf"
)
_FOREIGN = ".m4a .aac .mp4 .wma .ape .wv .mpc .mka .webm .dsf .dff .alac .tta"
SUFFIXES = frozenset(_READ.split())  # what libsndfile reads and people have
FOREIGN = frozenset(_FOREIGN.split())  # music it does not read: to be named, not passed over
TRIES = 1000  # draws in a row that may be silent
SILENT = 0.005  # RMS


def audio_files(folder: Path) -> list[Path]:
    """Every audio file below `folder`, sorted, so that a run can be repeated.

    Hidden files are left out: among them are the halves of files that are being written.
    """
    return _with_suffix(folder, SUFFIXES)


def foreign_files(folder: Path) -> list[Path]:
    """Music below `folder` in formats that are not read, sorted."""
    return _with_suffix(folder, FOREIGN)


def _with_suffix(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    )


class AudioFolder:
    """Draws mono segments at 32 kHz; files that appear while a run goes on join it.

    Files have any rate and any channels. Silent segments are drawn again: they teach nothing
    and pull the latents to a constant. A file that cannot be read is named once and left out.
    """

    def __init__(self, folder: Path, segment: int, seed: int) -> None:
        """segment: samples a draw. Raises BadInput if the folder holds no usable audio."""
        self.folder = folder
        self.segment = segment
        self.random = np.random.default_rng(seed)
        self.files: list[Path] = []
        self._bad: set[Path] = set()
        self.rescan()

    def rescan(self) -> None:
        self.files = [path for path in audio_files(self.folder) if path not in self._bad]
        if not self.files:
            why = "what there is cannot be read" if self._bad else "no audio"
            raise BadInput(f"{why} below {self.folder}; put WAV or FLAC files there")

    def _draw(self) -> Pcm:
        while True:
            path = self.files[self.random.integers(len(self.files))]
            try:
                return read_segment(path, self.segment, self.random)[:, 0]
            except BadClip as problem:
                print(f"left out {path.relative_to(self.folder)}: {problem}", flush=True)
                self._bad.add(path)
                self.rescan()

    def batch(self, size: int) -> Tensor:
        """float32 [size, 1, segment]. Raises BadInput when there is nothing but silence."""
        out: list[Pcm] = []
        silent = 0
        while len(out) < size:
            pcm = self._draw()
            if np.sqrt(np.mean(pcm**2)) > SILENT:
                out.append(pcm)
                silent = 0
            elif (silent := silent + 1) == TRIES:
                raise BadInput(f"nothing but silence below {self.folder}; put music there")
        return torch.from_numpy(np.stack(out))[:, None]
