"""Mixes voices into the ring, ahead of the callback, and again where something changed. Pure."""

from __future__ import annotations

import numpy as np

from daw_bridge.audio.envelope import Envelope
from daw_bridge.audio.ring_buffer import RingBuffer
from daw_bridge.audio.voice import Voice

CHUNK = 8192  # frames mixed at once


class Renderer:
    """Feeder thread only. `cursor` is the next frame to render.

    What comes out is a function of voices and gain alone: rendering ahead and again from
    an earlier frame gives what rendering late, knowing everything, would have given.
    """

    def __init__(self, ring: RingBuffer, gain: float = 1.0) -> None:
        self.voices: list[Voice] = []
        self.cursor = 0
        self.gain = Envelope(gain)
        self._ring = ring
        self._mix = np.zeros((CHUNK, ring.channels), np.float32)

    @property
    def channels(self) -> int:
        return self._ring.channels

    def rewind(self, frame: int) -> None:
        """Render again from `frame` on (where that was rendered at all)."""
        if frame < self.cursor:
            self.cursor = frame
            for voice in self.voices:
                voice.rewind(frame)

    def render(self, until: int) -> None:
        """Fill the ring up to `until`, and at least as far as it was filled before."""
        until = max(until, self._ring.frontier)
        while self.cursor < until:
            mix = self._mix[: min(CHUNK, until - self.cursor)]
            mix[:] = 0.0
            for voice in self.voices:
                voice.mix_into(mix, self.cursor)
            gain = self.gain.values(self.cursor, len(mix))
            if not (isinstance(gain, float) and gain == 1.0):
                mix *= gain
            self._ring.write(self.cursor, mix)
            self.cursor += len(mix)
