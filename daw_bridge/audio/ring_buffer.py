"""The audio between feeder and callback, addressed by absolute frame.

Producer (feeder thread): `write`, `frontier`. Consumer: the C callback of rtmixer, which
reads the same memory through PortAudio's lock-free ring, or a paced sink on the feeder
thread. The consumer never waits.

Unlike a plain ring, frames that were published and not yet consumed may be written again:
so the ring can be kept full (a hiccup of the feeder is not heard) and a take still starts,
stops or changes at once. The writer's duty is to stay clear of the reader: see `Feeder`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class RingBuffer:
    """`frames` (rounded up to a power of two) × `channels` of float32."""

    def __init__(self, frames: int, channels: int) -> None:
        self.capacity = 1 << max(1, frames - 1).bit_length()
        self.channels = channels
        self.storage: NDArray[np.float32] = np.zeros((self.capacity, channels), np.float32)
        self.frontier = 0  # one past the last frame ever written

    def write(self, frame: int, audio: NDArray[np.float32]) -> None:
        """Put `audio` [n, channels] at `frame` ≤ frontier. Feeder thread only.

        Raises ValueError where that would leave a hole or not fit.
        """
        count = len(audio)
        if frame > self.frontier or frame < self.frontier - self.capacity or frame < 0:
            raise ValueError(f"frame {frame} is not next to the frontier {self.frontier}")
        if count > self.capacity:
            raise ValueError(f"{count} frames do not fit into {self.capacity}")
        at = frame & (self.capacity - 1)
        first = min(count, self.capacity - at)
        self.storage[at : at + first] = audio[:first]
        self.storage[: count - first] = audio[first:]
        self.frontier = max(self.frontier, frame + count)

    def read(self, frame: int, count: int) -> NDArray[np.float32]:
        """A copy of [count, channels] from `frame`, which must still be in the ring."""
        if count < 0 or frame < self.frontier - self.capacity or frame + count > self.frontier:
            raise ValueError(f"frames {frame} + {count} are not in the ring")
        at = frame & (self.capacity - 1)
        first = min(count, self.capacity - at)
        return np.concatenate([self.storage[at : at + first], self.storage[: count - first]])
