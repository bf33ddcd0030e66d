"""Outputs without a sound card, paced by the clock: a WAV file, or nothing. Feeder thread."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from core.errors import AudioFailed, BadDevice
from core.types import MODEL_RATE
from daw_bridge.audio.ring_buffer import RingBuffer

CHANNELS = 2
FLUSH_EVERY = 0.5  # seconds of audio that a crash may cost
LEAST_FREE = 4_000_000  # bytes; libsndfile does not tell a full disk in a clear way
LONGEST_LAG = 2.0  # seconds; after a longer pause time is given up, not audio


class PacedOutput:
    """Keeps time and plays nothing. At the model's own rate: no sample is changed."""

    latency = 0.0
    block = 0

    def __init__(self, ring_seconds: float, name: str = "none") -> None:
        self.name = name
        self.rate: int = MODEL_RATE
        self.ring = RingBuffer(round(ring_seconds * self.rate), CHANNELS)
        self.consumed = 0
        self.alive = True
        self._origin: float | None = None  # time of frame 0

    def publish(self, now: float) -> None:
        if self._origin is None:
            self._origin = now

    def poll(self, now: float) -> bool:
        if self._origin is None:
            return False
        due = round((now - self._origin) * self.rate)
        count = min(due, self.ring.frontier) - self.consumed
        if count > 0:
            self.take(self.ring.read(self.consumed, count))
            self.consumed += count
        if due - self.consumed > LONGEST_LAG * self.rate:  # the machine slept
            self._origin = now - self.consumed / self.rate
        return False

    def take(self, audio: NDArray[np.float32]) -> None:
        """What was played: [n, channels]. For subclasses."""

    def close(self) -> None:
        self.alive = False


class WavOutput(PacedOutput):
    """'wav:PATH': float32 at 32 kHz, readable at any moment save the last half second.

    resume: go on at the end of the file there is (after a restart), else start it over.
    Raises BadDevice for a path that cannot be written; `poll` raises AudioFailed later on.
    """

    def __init__(self, path: Path, ring_seconds: float, resume: bool = False) -> None:
        super().__init__(ring_seconds, f"wav:{path}")
        self._path = path
        self._unsaved = 0
        if not path.name or path.is_dir():
            raise BadDevice(f"wav:{path} names no file: give it as wav:FOLDER/NAME.wav")
        if not path.parent.is_dir():
            raise BadDevice(f"cannot write {path}: there is no folder {path.parent}; make it first")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BadDevice(f"cannot write {path}: permission denied; choose another place")
        try:
            self._file = self._open(resume and path.exists())
        except (OSError, sf.SoundFileError) as error:
            raise BadDevice(f"cannot write {path}: {error}") from error

    def _open(self, resume: bool) -> sf.SoundFile:
        if resume:
            there = sf.info(self._path)
            if (there.samplerate, there.channels) == (self.rate, CHANNELS):
                file = sf.SoundFile(self._path, "r+")
                file.seek(0, sf.SEEK_END)
                return file
        return sf.SoundFile(self._path, "w", self.rate, CHANNELS, subtype="FLOAT", format="WAV")

    def take(self, audio: NDArray[np.float32]) -> None:
        try:
            if self._unsaved == 0 and shutil.disk_usage(self._path.parent).free < LEAST_FREE:
                raise OSError("the disk is full")
            self._file.write(audio)
            self._unsaved += len(audio)
            if self._unsaved >= FLUSH_EVERY * self.rate:
                self._unsaved = 0
                self._file.flush()
        except (OSError, sf.SoundFileError, AssertionError) as error:
            self.alive = False
            reason = str(error) or "it could not be written whole"
            raise AudioFailed(
                f"recording to {self._path} stopped: {reason}; free some space and choose it again"
            ) from error

    def close(self) -> None:
        super().close()
        self._file.close()
