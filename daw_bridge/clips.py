"""Sound files that a person names: checked, and only what is wanted of them read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.errors import BadClip

SHORTEST = 0.1  # seconds
SILENT = 1e-4  # peak; -80 dB


def read_tail(path: str, seconds: float) -> tuple[NDArray[np.float32], int]:
    """At most the last `seconds` of a sound file [samples, channels], and its rate.

    Raises BadClip that says what is wrong with the file.
    """
    pcm, rate = _read(path, seconds, from_end=True)
    if float(np.abs(pcm).max()) < SILENT:
        raise BadClip(f"{path} is silent at its end; there is nothing to continue")
    return pcm, rate


def read_head(path: str, seconds: float) -> tuple[NDArray[np.float32], int]:
    """As `read_tail`, but the first `seconds`, silent or not."""
    return _read(path, seconds, from_end=False)


def _read(path: str, seconds: float, from_end: bool) -> tuple[NDArray[np.float32], int]:
    try:
        file = Path(path).expanduser()
        there, is_file = file.exists(), file.is_file()
    except (OSError, ValueError, RuntimeError) as refused:  # a name too long, no such user's home
        text = getattr(refused, "strerror", None) or str(refused).rstrip(".")
        raise BadClip(f"{_short(path)} is no path here ({text}); check the path") from None
    if not there:
        raise BadClip(f"{path} does not exist; check the path")
    if not is_file:
        raise BadClip(f"{path} is not a file; send the path of a sound file")
    try:
        with soundfile.SoundFile(file) as sound:
            rate = sound.samplerate
            wanted = min(sound.frames, round(seconds * rate))
            if not from_end:
                pcm = sound.read(wanted, dtype="float32", always_2d=True)
            else:
                if sound.frames > wanted and sound.seekable():
                    sound.seek(sound.frames - wanted)
                pcm = sound.read(dtype="float32", always_2d=True)[-max(1, wanted) :]
    except (soundfile.SoundFileError, OSError, ValueError):  # its reasons mislead as often as not
        raise BadClip(f"{path} cannot be read as sound; use WAV, AIFF or FLAC") from None
    if len(pcm) < SHORTEST * rate:
        raise BadClip(f"{path} is {len(pcm) / rate:.2f} s long; use at least {SHORTEST} s")
    if not np.isfinite(pcm).all():
        raise BadClip(f"{path} holds numbers that are no sound (NaN or infinity); export it again")
    return pcm, rate


def _short(path: str) -> str:
    return path if len(path) <= 80 else f"{path[:79]}…"
