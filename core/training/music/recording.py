"""Sound files of any rate and any number of channels, read at the model's 32 kHz.

Whatever libsndfile reads, in blocks, so that a set of two hours needs no more memory than a
loop: decode, mix down, resample (soxr, state kept between blocks).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from core.codec.resampler import RATES, Pcm, StreamResampler, to_channels, to_model_rate
from core.errors import BadClip
from core.types import MODEL_RATE

BLOCK_SECONDS = 10.0
BLOCK_VALUES = 2**22  # samples times channels in one block: 16 MB
MARGIN = 0.05  # seconds around a segment, so that the resampler's filter is settled
FLAT_FROM = 0.9  # of full scale: runs of equal samples above this were cut off
FULL = 0.9999
CUT_SHORT = 0.98  # of the length that the header announces


class Recording:
    """One sound file, read from start to end as float32 [samples, channels] at 32 kHz.

    channels: 1 or 2; more are mixed down as ITU-R BS.775 has it (core/codec/resampler.py).
    After `blocks` has come to its end, `samples` is the length at 32 kHz, and `flaws` says
    what was noticed on the way. Raises BadClip, without the file's name, from `blocks`.
    """

    def __init__(self, path: Path, channels: int = 1) -> None:
        self.path, self.channels = path, channels
        self.samples = 0
        self._announced = self._read = self._flat = 0

    def blocks(self) -> Iterator[Pcm]:
        """The whole file, a few seconds at a time. May be called again: it starts over."""
        self.samples = self._read = self._flat = 0
        tail = None
        with _opened(self.path) as sound:
            self._announced = sound.frames
            resampler = StreamResampler(sound.samplerate, MODEL_RATE, self.channels)
            size = int(min(BLOCK_SECONDS * sound.samplerate, BLOCK_VALUES // sound.channels))
            while len(pcm := _read(sound, max(1, size))):
                _check_finite(pcm)
                self._read += len(pcm)
                # the last two samples again: a run may lie across two blocks
                seen = pcm if tail is None else np.concatenate([tail, pcm])
                self._flat += _flat_samples(seen)
                tail = seen[-2:]
                yield from self._counted(resampler.process(to_channels(pcm, self.channels)))
        if self._read == 0:
            raise BadClip("it holds no audio; record or choose a longer one")
        yield from self._counted(resampler.flush())

    def _counted(self, pcm: Pcm) -> Iterator[Pcm]:
        if len(pcm):
            self.samples += len(pcm)
            yield pcm

    @property
    def flaws(self) -> list[str]:
        """What is wrong with the file, though it can be used."""
        found = []
        # unknown lengths are announced as huge numbers
        if self._read < CUT_SHORT * self._announced < 2**48:
            found.append(f"cut short: {self._read / self._announced:.0%} of it is there")
        if self._flat > max(10, 1e-5 * self._read):
            found.append(f"clipped: {self._flat} samples were cut off at full scale")
        return found


def read_segment(path: Path, length: int, draw: np.random.Generator) -> Pcm:
    """A segment from anywhere in the file: float32 [length, 1] at 32 kHz, zeros after its end.

    length: samples at 32 kHz. Raises BadClip.
    """
    with _opened(path) as sound:
        rate = sound.samplerate
        wanted = math.ceil(length * rate / MODEL_RATE)
        start = int(draw.integers(max(1, sound.frames - wanted)))
        margin = 0 if rate == MODEL_RATE else min(start, round(MARGIN * rate))
        try:
            sound.seek(start - margin)
        except soundfile.SoundFileError as refused:
            raise BadClip(_reason(refused, path)) from None
        pcm = _read(sound, margin + wanted + (0 if rate == MODEL_RATE else round(MARGIN * rate)))
    if not len(pcm):
        raise BadClip("it holds no audio; record or choose a longer one")
    _check_finite(pcm)
    pcm = to_model_rate(pcm, rate, 1)
    first = round(margin * MODEL_RATE / rate)
    pcm = pcm[first : first + length]
    return np.pad(pcm, ((0, length - len(pcm)), (0, 0)))


def _opened(path: Path) -> soundfile.SoundFile:
    try:
        if path.stat().st_size == 0:
            raise BadClip("it is empty; export it again")
        sound = soundfile.SoundFile(path)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as refused:
        raise BadClip(_reason(refused, path)) from None
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        sound.close()
        raise BadClip(f"its sample rate {sound.samplerate} Hz makes no sense; export it again")
    return sound


def _read(sound: soundfile.SoundFile, frames: int) -> Pcm:
    try:
        return sound.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as refused:
        raise BadClip(_reason(refused, Path(str(sound.name)))) from None


def _check_finite(pcm: Pcm) -> None:
    if not np.isfinite(pcm).all():
        raise BadClip("it holds samples that are not numbers; export it again")


def _reason(refused: Exception, path: Path) -> str:
    if isinstance(refused, OSError) and refused.strerror:
        return f"it cannot be read: {refused.strerror}"
    text = (str(refused).splitlines() or ["unknown format"])[0]
    text = text.removeprefix(f"Error opening {str(path)!r}: ").rstrip(".")
    return f"it cannot be read as sound ({text}); export it again as WAV or FLAC"


def _flat_samples(pcm: Pcm) -> int:
    """How many samples continue a flat top: the third and further of a run at full scale."""
    size = np.abs(pcm)
    equal = (pcm[2:] == pcm[1:-1]) & (pcm[1:-1] == pcm[:-2]) & (size[2:] >= FLAT_FROM)
    full = (size[2:] >= FULL) & (size[1:-1] >= FULL) & (size[:-2] >= FULL)
    return int(np.count_nonzero((equal | full).any(axis=1)))
