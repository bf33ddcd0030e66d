"""The sound of a take that is on disk: pieces of it to play, and its peaks to draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.errors import BadInput
from core.types import MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.take_record import TakeRecord

Peaks = NDArray[np.float32]  # [n, 2]: minimum and maximum, 50 a second
PEAKS_AT_ONCE = 250  # five seconds


def read_sound(record: TakeRecord, first: int, count: int) -> tuple[NDArray[np.float32], int]:
    """Samples of a take's WAV, float32 [at most count, channels], and how many it has.

    Raises BadInput where there is no such file any more, or one that is not as we wrote it.
    """
    with _opened(Path(record.path), f"take {record.take}") as sound:
        if sound.samplerate != MODEL_RATE:
            raise BadInput(
                f"{sound.name} was changed by another program ({sound.samplerate} Hz); drop it"
                " on the panel to continue it"
            )
        sound.seek(min(first, sound.frames))
        return sound.read(count, dtype="float32", always_2d=True), sound.frames


def read_peaks(path: Path, wanted: Callable[[], bool] = lambda: True) -> Peaks:
    """What `daw_bridge.waveform` tells of a take while it is made, of a file.

    wanted: asked every few seconds of sound; once it is not, what was read so far is returned.
    Raises BadInput where there is no such file, or it is no sound.
    """
    with _opened(path, path.name) as sound:
        size = max(1, round(sound.samplerate * SAMPLES_PER_FRAME / MODEL_RATE))
        parts = [np.zeros((0, 2), np.float32)]
        while wanted():
            pcm = sound.read(PEAKS_AT_ONCE * size, dtype="float32", always_2d=True)
            if not len(pcm):
                break
            pcm = np.pad(pcm, ((0, -len(pcm) % size), (0, 0)), mode="edge")
            pieces = pcm.reshape(-1, size * pcm.shape[1])
            parts.append(np.stack((pieces.min(axis=1), pieces.max(axis=1)), axis=1))
        return np.concatenate(parts)


def _opened(path: Path, what: str) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError):
        if not path.exists():
            why = f"{path} is gone: another program has moved or deleted it"
        else:
            why = f"{path} is no sound file any more"
        raise BadInput(f"{what} cannot be played: {why}") from None
