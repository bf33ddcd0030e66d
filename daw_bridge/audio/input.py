"""What was played lately: the input's last seconds, always there when asked for.

rtmixer's callback (C) records into a lock-free ring; the feeder thread drains that into
the rolling buffer. A clock learns when each frame came in, the device's latency taken off: so
a stretch can be asked for that ends at a moment, such as a bar line. All methods here: feeder
thread only.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daw_bridge.audio.clock import StreamClock
from daw_bridge.audio.devices import AudioDevice, load_portaudio, open_failed
from daw_bridge.jack_latency import CAPTURE, latency_now

CHANNELS = 2  # at most
RING_SECONDS = 4.0  # a pause of the feeder this long loses no input


class RollingBuffer:
    """The last `frames` × `channels` of whatever was appended. Allocated once."""

    def __init__(self, frames: int, channels: int) -> None:
        self._storage = np.zeros((max(1, frames), channels), np.float32)
        self.written = 0  # frames, ever

    def append(self, audio: NDArray[np.float32]) -> None:
        """Add [n, channels], forgetting the oldest."""
        size = len(self._storage)
        self.written += max(0, len(audio) - size)
        audio = audio[-size:]
        at = self.written % size
        first = min(len(audio), size - at)
        self._storage[at : at + first] = audio[:first]
        self._storage[: len(audio) - first] = audio[first:]
        self.written += len(audio)

    def until(self, stop: int, frames: int) -> NDArray[np.float32]:
        """A copy of the `frames` before frame `stop` of all that was written, oldest first; of
        those the ones that are there."""
        size = len(self._storage)
        stop = min(stop, self.written)
        count = max(0, stop - max(stop - frames, self.written - size, 0))
        start = (stop - count) % size
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
        self.latency = self._latency(device)
        self._clock = StreamClock(self.rate, -self.latency)
        self._base = 0  # frames of earlier actions
        self._action: Any = self._recorder.record_ringbuffer(self._ring)

    def _latency(self, device: AudioDevice) -> float:
        """Seconds from when a frame was heard to the callback that gets it.

        Of JACK's devices one is the sound card; the others are programs, whose sound is heard
        later than the callback, when the card plays it.
        """
        reported = float(self._recorder.latency)
        if "JACK" not in device.host:
            return reported
        if device.name == "system":
            return latency_now(CAPTURE) or reported
        return -(latency_now() or 0.0)

    @property
    def alive(self) -> bool:
        return bool(self._recorder.active)

    def poll(self) -> None:
        """Take what was recorded since the last call."""
        done, blocks = int(self._action.done_frames), int(self._action.stats.blocks)
        if blocks:
            self._clock.observe(time.monotonic(), self._base + done, round(done / blocks))
        if self._ring.read_available:
            audio = np.frombuffer(self._ring.read(), np.float32).reshape(-1, self.channels)
            self._rolling.append(audio)
            np.maximum(self._peaks, np.abs(audio).max(axis=0), out=self._peaks)
        if self._action not in self._recorder.actions and self.alive:
            self.lost += 1
            self._base = self._rolling.written
            self._clock.reset()
            self._action = self._recorder.record_ringbuffer(self._ring)

    def captured(self, seconds: float, until: float = 0.0) -> NDArray[np.float32] | None:
        """The last `seconds` [frames, channels] at `rate` that came in before `until`
        (time.monotonic(); 0: by now); fewer at the start. None: they are not all here yet."""
        self.poll()
        stop = self._rolling.written
        if until and self._clock.ready:
            stop = self._clock.frame_at(until)
            if stop > self._rolling.written:
                return None
        return self._rolling.until(stop, round(seconds * self.rate))

    def levels(self) -> tuple[float, ...]:
        """Peaks a channel since the last call."""
        peaks = tuple(float(peak) for peak in self._peaks)
        self._peaks[:] = 0.0
        return peaks

    def close(self) -> None:
        """Only while alive: on a dead stream PortAudio hangs."""
        self._recorder.abort()
        self._recorder.close()
