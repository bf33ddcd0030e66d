"""What the feeder plays into: the `Output` protocol, and the sound card behind rtmixer.

The callback is rtmixer's, in C: it reads the ring without the interpreter. Its statistics
and frame count are plain memory that can be read at any time.
"""

from __future__ import annotations

from typing import Any, Protocol

from daw_bridge.audio.devices import AudioDevice, load_portaudio, open_failed
from daw_bridge.audio.ring_buffer import RingBuffer
from daw_bridge.jack_latency import latency_now

CHANNELS = 2  # at most; JACK's "system" has no more, and the model is mono or stereo
PROMPT_HOSTS = ("JACK", "Core Audio", "ASIO")  # their low latency is safe with a C callback


class Output(Protocol):
    """Feeder thread only, all of it."""

    name: str
    rate: int
    latency: float  # seconds from the callback to the ear
    ring: RingBuffer

    @property
    def consumed(self) -> int:
        """Frames taken from the ring since it was opened."""
        ...

    @property
    def block(self) -> int:
        """Frames a callback takes at once; 0 where it is continuous."""
        ...

    def publish(self, now: float) -> None:
        """Let the consumer read up to the ring's frontier."""
        ...

    def poll(self, now: float) -> bool:
        """Do what is due. True: the consumer had nothing to read since the last poll."""
        ...

    @property
    def alive(self) -> bool: ...

    def close(self) -> None:
        """Only while alive: on a dead stream PortAudio hangs."""
        ...


class DeviceOutput:
    """A PortAudio device. Raises BadDevice where it cannot be opened."""

    def __init__(self, device: AudioDevice, block_frames: int, ring_seconds: float) -> None:
        load_portaudio()
        import rtmixer

        self.name = device.name
        self.rate = device.rate
        channels = min(CHANNELS, device.outputs)
        self.ring = RingBuffer(round(ring_seconds * device.rate), channels)
        self._pa_ring: Any = rtmixer.RingBuffer(4 * channels, buffer=self.ring.storage)
        prompt = any(host in device.host for host in PROMPT_HOSTS)
        with open_failed(device):
            self._mixer: Any = rtmixer.Mixer(
                device=device.index,
                channels=channels,
                samplerate=device.rate,
                blocksize=block_frames,
                latency="low" if prompt else "high",
            )
            self._mixer.start()
        own = latency_now() if "JACK" in device.host else None
        self.latency = float(self._mixer.latency) if own is None else own
        self._action: Any = None
        self._base = 0  # frames consumed by earlier actions
        self._published = 0

    @property
    def consumed(self) -> int:
        return self._base + (int(self._action.done_frames) if self._action else 0)

    @property
    def block(self) -> int:
        if not self._action or not self._action.stats.blocks:
            return 0
        return round(self._action.done_frames / self._action.stats.blocks)

    @property
    def alive(self) -> bool:
        return bool(self._mixer.active)

    def publish(self, now: float) -> None:
        # Also with 0 new frames: it is the memory barrier for what was written again.
        self._pa_ring.advance_write_index(self.ring.frontier - self._published)
        self._published = self.ring.frontier
        if self._action is None:
            self._action = self._mixer.play_ringbuffer(self._pa_ring)

    def poll(self, now: float) -> bool:
        if self._action is None or self._action in self._mixer.actions:
            return False
        self._base += int(self._action.done_frames)  # it ran dry; `publish` arms it again
        self._action = None
        return True

    def close(self) -> None:
        self._mixer.abort()
        self._mixer.close()
