"""What was played lately: the input's last seconds, always there when asked for.

rtmixer's callback (C) records into a lock-free ring; the feeder thread drains that into
the rolling buffer. All methods here: feeder thread only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from daw_bridge.audio.devices import AudioDevice, load_portaudio, open_failed

CHANNELS = 2  # at most
RING_SECONDS = 4.0  # a pause of the feeder this long loses no input


class RollingBuffer:
    """The last `frames` × `channels` of whatever was appended. Allocated once."""

    def __init__(self, frames: int, channels: int) -> None:
        self._storage = np.zeros((max(1, frames), channels), np.float32)
        self._written = 0

    def append(self, audio: NDArray[np.float32]) -> None:
        """Add [n, channels], forgetting the oldest."""
        size = len(self._storage)
        self._written += max(0, len(audio) - size)
        audio = audio[-size:]
        at = self._written % size
        first = min(len(audio), size - at)
        self._storage[at : at + first] = audio[:first]
        self._storage[: len(audio) - first] = audio[first:]
        self._written += len(audio)

    def last(self, frames: int) -> NDArray[np.float32]:
        """A copy of the last `frames` (fewer where fewer are there), oldest first."""
        size = len(self._storage)
        count = max(0, min(frames, self._written, size))
        start = (self._written - count) % size
        first = min(count, size - start)
        head, wrapped = self._storage[start : start + first], self._storage[: count - first]
        return np.concatenate([head, wrapped])


class DeviceInput:
    """A PortAudio device that is always being recorded. Raises BadDevice at opening.

    A stream of its own, apart from the output's: the two may be different devices with
    different rates, and one may go without the other.
    """

    def __init__(self, device: AudioDevice, keep_seconds: float) -> None:
        load_portaudio()
        import rtmixer

        self.name = device.name
        self.rate = device.rate
        self.channels = min(CHANNELS, device.inputs)
        self.lost = 0  # times the feeder came too late and input was lost
        self._rolling = RollingBuffer(round(keep_seconds * self.rate), self.channels)
        size = 1 << round(RING_SECONDS * self.rate - 1).bit_length()
        self._ring: Any = rtmixer.RingBuffer(4 * self.channels, size=size)
        self._peaks = np.zeros(self.channels, np.float32)
        with open_failed(device):
            self._recorder: Any = rtmixer.Recorder(
                device=device.index, channels=self.channels, samplerate=device.rate, latency="high"
            )
            self._recorder.start()
        self._action: Any = self._recorder.record_ringbuffer(self._ring)

    @property
    def alive(self) -> bool:
        return bool(self._recorder.active)

    def poll(self) -> None:
        """Take what was recorded since the last call."""
        if self._ring.read_available:
            audio = np.frombuffer(self._ring.read(), np.float32).reshape(-1, self.channels)
            self._rolling.append(audio)
            np.maximum(self._peaks, np.abs(audio).max(axis=0), out=self._peaks)
        if self._action not in self._recorder.actions and self.alive:
            self.lost += 1
            self._action = self._recorder.record_ringbuffer(self._ring)

    def last(self, seconds: float) -> NDArray[np.float32]:
        """The last `seconds` up to now, [frames, channels] at `rate`; fewer at the start."""
        self.poll()
        return self._rolling.last(round(seconds * self.rate))

    def levels(self) -> tuple[float, ...]:
        """Peaks a channel since the last call."""
        peaks = tuple(float(peak) for peak in self._peaks)
        self._peaks[:] = 0.0
        return peaks

    def close(self) -> None:
        """Only while alive: on a dead stream PortAudio hangs."""
        self._recorder.abort()
        self._recorder.close()
