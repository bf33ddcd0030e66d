"""Units as types. A number that carries a unit has one of these names in its signature."""

from __future__ import annotations

from typing import NewType

Frames = NewType("Frames", int)  # codec frames, 50 a second
Samples = NewType("Samples", int)  # samples of one channel
SampleRate = NewType("SampleRate", int)  # Hz
Seconds = NewType("Seconds", float)
Bars = NewType("Bars", int)
Bpm = NewType("Bpm", float)
TakeId = NewType("TakeId", int)
Epoch = NewType("Epoch", int)  # raised when audio that was announced becomes stale

MODEL_RATE = SampleRate(32_000)
FRAME_RATE = 50
SAMPLES_PER_FRAME = 640


def frames_of(seconds: float) -> Frames:
    """`seconds` as a whole number of codec frames: exactly round(50·S)."""
    return Frames(round(FRAME_RATE * seconds))


def seconds_of_bars(bars: float, beats: float, tempo: float) -> Seconds:
    """How long `bars` bars of `beats` beats last at `tempo` beats a minute."""
    return Seconds(bars * beats * 60 / tempo)


def frames_covering(samples: int) -> Frames:
    """The fewest codec frames that hold so many samples at 32 kHz."""
    return Frames(-(-samples // SAMPLES_PER_FRAME))
