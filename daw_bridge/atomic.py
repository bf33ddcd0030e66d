"""Files that are either as they were or wholly new: written beside their place, then moved."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.types import MODEL_RATE


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_wav(
    path: Path,
    blocks: Iterable[NDArray[np.float32]],
    *,
    channels: int = 1,
    rate: int = MODEL_RATE,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Blocks [samples, channels] as 24-bit PCM, which every DAW reads. Raises OSError.

    The same audio gives the same bytes: a float WAV's PEAK chunk would hold the time.
    """
    try:
        with (
            replace_file(path) as file,
            soundfile.SoundFile(file, "w", rate, channels, subtype="PCM_24", format="WAV") as sound,
        ):
            for name, value in (tags or {}).items():
                if value:
                    setattr(sound, name, value)
            for block in blocks:
                sound.write(np.clip(block, -1.0, 1.0))
    except soundfile.SoundFileError as refused:
        raise OSError(f"{path} cannot be written: {refused}") from None
