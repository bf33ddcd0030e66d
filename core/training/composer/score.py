"""What the composer writes: notes in tracks in a piece, all frozen.

Time is in beats (quarter notes) from the first bar line; swing and human timing are
already in the notes, so that what stands here is what sounds.
"""

from __future__ import annotations

from dataclasses import dataclass

DRUM_CHANNEL = 9


@dataclass(frozen=True, slots=True)
class Note:
    """One note. `start` and `length` in beats, `pitch` and `velocity` as in MIDI (0–127)."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Chord:
    """One chord of the harmony: `root` is a pitch class, `intervals` semitones above it."""

    start: float
    length: float
    root: int
    intervals: tuple[int, ...]
    symbol: str

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        return tuple((self.root + i) % 12 for i in self.intervals)


@dataclass(frozen=True, slots=True)
class Track:
    """One instrument. `program` is General MIDI's, from 0; for drums it is the kit's.

    `role` is drums, bass, chords, pad, arpeggio, lead or piano; `volume` and `pan` are
    MIDI controllers 7 and 10, `reverb` and `chorus` its sends (91 and 93); `pump` makes the
    level duck on every beat; `echo` is the time of an echo in beats, 0 for none.
    """

    role: str
    program: int
    channel: int
    notes: tuple[Note, ...]
    volume: int = 100
    pan: int = 64
    pump: bool = False
    reverb: int = 40
    chorus: int = 0
    echo: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole number of bars of music, and the facts that captions may name.

    `subset` is full, drums, bass, piano, solo, drums_and_bass or pair. `scale` holds the
    key's pitch classes; `lowpass` is the cut-off of the master in Hz, 0 for none; `drive` is
    the gain into the master's saturation, 0 for none.
    """

    seed: int
    style: str
    subset: str
    tempo: float
    key: str
    scale: tuple[int, ...]
    beats_per_bar: int
    bars: int
    swing: float
    chords: tuple[Chord, ...]
    tracks: tuple[Track, ...]
    lowpass: float = 0.0
    drive: float = 0.0

    @property
    def beats(self) -> int:
        return self.bars * self.beats_per_bar

    @property
    def seconds(self) -> float:
        return self.beats * 60.0 / self.tempo

    def samples(self, rate: int) -> int:
        """Samples per channel of exactly `bars` bars at `rate` Hz."""
        return round(self.seconds * rate)

    @property
    def minor(self) -> bool:
        return self.key.endswith("minor")
