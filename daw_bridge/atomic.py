"""Files that are either as they were or wholly new: written beside their place, then moved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.types import MODEL_RATE
from daw_bridge.riff import append_chunks, sound_digest


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
    chunks: Callable[[str], Sequence[tuple[bytes, bytes]]] | None = None,
) -> None:
    """Blocks [samples, channels] as 24-bit PCM, which every DAW reads. Raises OSError.

    chunks: RIFF chunks (id, body) to put after the sound, given the sound's digest.

    The same audio gives the same bytes: a float WAV's PEAK chunk would hold the time.
    """
    with replace_file(path) as plain:
        file = _Calm(plain)
        try:
            with soundfile.SoundFile(
                file, "w", rate, channels, subtype="PCM_24", format="WAV"
            ) as sound:
                for name, value in (tags or {}).items():
                    if value:
                        setattr(sound, name, value)
                for block in blocks:
                    sound.write(np.clip(block, -1.0, 1.0))
        except (soundfile.SoundFileError, AssertionError) as refused:  # it asserts whole writes
            said = OSError(f"{path} cannot be written: {refused}")
            raise file.refused or said from None
        if file.refused is not None:
            raise file.refused
        if chunks is not None:
            append_chunks(plain, chunks(sound_digest(plain)))


class _Calm:
    """A file whose errors are kept: raised inside libsndfile's callbacks, each would be printed
    with its traceback and lost. From the first on, nothing is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.refused: OSError | None = None

    def _do(self, work: Callable[[], int]) -> int:
        if self.refused is None:
            try:
                return work()
            except OSError as refused:
                self.refused = refused
        return 0

    def write(self, data: bytes) -> int:
        return self._do(lambda: self._file.write(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._do(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        return self._do(self._file.tell)

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count)
