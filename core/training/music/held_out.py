"""Files that never occur in training, chosen by their names.

A name's hash decides, not a draw: a run that is resumed, or whose folder grows, keeps every
file on its side. Stems and mixes of one piece count as pieces of their own; where they lie in
one folder, name a folder of other pieces (`held_out`) instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from core.errors import BadInput
from core.training.music.audio_folder import AudioFolder, audio_files
from core.types import MODEL_RATE

HELD_OUT_SEED = 999_999  # the same segments in every run
MEASURED = 2 * MODEL_RATE  # samples of a held-out segment, or a training segment if longer


def place(name: str) -> float:
    """Where a file's name falls between 0 and 1. The same on every machine."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest()) / 2**48


class HeldOut:
    """Says of each file whether it is held out: a share of the names, at least one."""

    def __init__(self, share: float, files: Iterable[Path]) -> None:
        """files: those there are at the start; if none falls into the share, the nearest does.

        Raises BadInput unless 0 < share < 1, and if fewer than two files are there.
        """
        if not 0 < share < 1:
            raise BadInput(f"held_out_share is {share}; choose one above 0 and below 1")
        names = sorted({path.name for path in files}, key=place)
        if len(names) < 2:
            raise BadInput(
                "one file cannot be both heard and held out; add audio, or name a held_out folder"
            )
        self.share = share
        self.chosen = names[0]
        if place(names[-1]) < share:
            raise BadInput(f"held_out_share {share} leaves no file to train on; lower it")

    def __call__(self, path: Path) -> bool:
        return path.name == self.chosen or place(path.name) < self.share


class PartOfFolder(AudioFolder):
    """An `AudioFolder` of the files that `keep` wants."""

    def __init__(self, folder: Path, segment: int, seed: int, keep: Callable[[Path], bool]) -> None:
        """As AudioFolder. Raises BadInput where nothing usable is left."""
        self.keep = keep
        super().__init__(folder, segment, seed)

    def rescan(self) -> None:
        super().rescan()
        self.files = [path for path in self.files if self.keep(path)]
        if not self.files:
            raise BadInput(
                f"no audio left below {self.folder}; add some, or name a held_out folder"
            )


def train_and_held_out(
    audio: Path, held_out: Path | None, share: float, segment: int, seed: int
) -> tuple[AudioFolder, AudioFolder]:
    """The folder to train on, in segments of `segment` samples, and the one to measure on,
    in segments of two seconds.

    held_out: a folder of other music; without it `share` of the files' names.
    """
    measured = max(segment, MEASURED)
    if held_out is not None:
        taken = {path.resolve() for path in audio_files(held_out)}
        return (
            PartOfFolder(audio, segment, seed, lambda path: path.resolve() not in taken),
            AudioFolder(held_out, measured, HELD_OUT_SEED),
        )
    rule = HeldOut(share, audio_files(audio))
    return (
        PartOfFolder(audio, segment, seed, lambda path: not rule(path)),
        PartOfFolder(audio, measured, HELD_OUT_SEED, rule),
    )
