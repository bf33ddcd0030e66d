"""A take's audio at the device's rate, as far as it has arrived. Pure; feeder thread only."""

from __future__ import annotations

from collections import deque

import numpy as np
import soxr
from numpy.typing import NDArray

from core.generation.messages import PcmBlock
from core.types import MODEL_RATE

LONGEST_HOLE = 30 * MODEL_RATE  # samples of silence put in where blocks are missing
ROUNDED = 2  # frames by which a whole take may fall short of its length after resampling


class TakeSource:
    """Blocks at 32 kHz in, frames at `rate` out; frame 0 is the first sample received.

    A stream of soxr turns blocks into frames, so that block borders are not heard. At
    32 kHz it is left out and the samples pass unchanged.

    first, length: the take's first sample, and the seconds from there to its end, which falls on
    the nearest frame; None: it ends where its blocks do.
    """

    def __init__(
        self, rate: int, channels: int, first: int = 0, length: float | None = None
    ) -> None:
        self.base: int | None = None  # the take's sample (32 kHz) at frame 0
        self.first = first
        self.length = length
        self.limit: int | None = None  # the frame at which it ends, once there is audio
        self._tail = 0  # frames so far
        self._last = False  # the last block is in
        self._received = 0  # samples since base
        self._rate = rate
        self._channels = channels
        self._stream: soxr.ResampleStream | None = None
        self._chunks: deque[tuple[int, NDArray[np.float32]]] = deque()  # (first frame, audio)

    @property
    def tail(self) -> int:
        """Frames so far, up to its end."""
        return self._tail if self.limit is None else min(self._tail, self.limit)

    @property
    def complete(self) -> bool:
        """All is there, up to its end."""
        return self._last or (self.limit is not None and self._tail >= self.limit)

    @property
    def end_sample(self) -> int | None:
        """One past the take's last sample (32 kHz); None: not known beforehand."""
        return None if self.length is None else self.first + round(self.length * MODEL_RATE)

    @property
    def received(self) -> int:
        """Samples of the take (32 kHz) up to which audio has arrived."""
        end, reached = self.end_sample, (self.base or 0) + self._received
        return reached if end is None else min(reached, end)

    def receive(self, block: PcmBlock) -> None:
        """Append a block. Overlap with what came before is dropped, a hole becomes silence."""
        if self._last:
            return
        if self.base is None:
            self.base = block.first_sample
            if self.length is not None:
                start = round((self.first - self.base) * self._rate / MODEL_RATE)
                self.limit = start + round(self.length * self._rate)
        ahead = block.first_sample - self.base - self._received
        pcm = fit_channels(block.pcm, self._channels)
        if ahead < 0:
            pcm = pcm[-ahead:]
        elif 0 < ahead <= LONGEST_HOLE and len(pcm):
            silence = np.zeros((ahead, self._channels), np.float32)
            pcm = np.concatenate([silence, pcm])
        self._received += len(pcm)
        self._append(self._resample(pcm, block.last))
        self._last = block.last
        missing = 0 if self.limit is None else self.limit - self._tail
        if self._last and 0 < missing <= ROUNDED:
            self._append(np.zeros((missing, self._channels), np.float32))

    def read(self, frame: int, count: int) -> NDArray[np.float32]:
        """A new array [count, channels] from `frame`; count must be within tail."""
        out = np.empty((count, self._channels), np.float32)
        for first, chunk in self._chunks:
            low, high = max(frame, first), min(frame + count, first + len(chunk))
            if low < high:
                out[low - frame : high - frame] = chunk[low - first : high - first]
        return out

    def forget(self, before: int) -> None:
        """Frames before `before` were heard and will not be read again."""
        while self._chunks and sum((self._chunks[0][0], len(self._chunks[0][1]))) <= before:
            self._chunks.popleft()

    def sample_at(self, frame: int) -> int:
        """The take's sample (32 kHz) that `frame` corresponds to, never past `received`."""
        sample = (self.base or 0) + frame * MODEL_RATE // self._rate
        return self.received if frame >= self.tail and self.complete else min(sample, self.received)

    def frame_at(self, sample: int) -> int:
        """The frame that the take's sample (32 kHz) corresponds to, whether it is there yet."""
        if self.limit is not None and sample == self.end_sample:
            return self.limit
        return round((sample - (self.base or 0)) * self._rate / MODEL_RATE)

    def _resample(self, pcm: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        if self._rate == MODEL_RATE:
            return pcm
        if self._stream is None:
            self._stream = soxr.ResampleStream(
                MODEL_RATE, self._rate, self._channels, dtype="float32", quality="HQ"
            )
        return self._stream.resample_chunk(np.ascontiguousarray(pcm), last=last)

    def _append(self, audio: NDArray[np.float32]) -> None:
        if len(audio):
            self._chunks.append((self._tail, audio))
            self._tail += len(audio)


def fit_channels(pcm: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """[n, k] as [n, channels]: mono goes to all, more than fit are averaged into one.

    What is not a number becomes silence: it must never reach a loudspeaker.
    """
    if pcm.ndim == 1:
        pcm = pcm[:, None]
    if not np.isfinite(pcm).all():
        pcm = np.nan_to_num(pcm, nan=0.0, posinf=0.0, neginf=0.0)
    given = pcm.shape[1]
    if given == channels:
        return pcm.astype(np.float32, copy=False)
    if given == 1:
        return np.repeat(pcm, channels, axis=1).astype(np.float32, copy=False)
    if channels == 1:
        return pcm.mean(axis=1, keepdims=True, dtype=np.float32)
    out = np.zeros((len(pcm), channels), np.float32)
    shared = min(given, channels)
    out[:, :shared] = pcm[:, :shared]
    return out
