"""Keys, chord symbols, progressions and voice leading."""

from __future__ import annotations

import re

import numpy as np

from core.training.composer.score import Chord

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_QUALITIES: dict[tuple[bool, str], tuple[int, ...]] = {
    (True, ""): (0, 4, 7),
    (True, "6"): (0, 4, 7, 9),
    (True, "7"): (0, 4, 7, 10),
    (True, "9"): (0, 4, 7, 10, 14),
    (True, "maj7"): (0, 4, 7, 11),
    (True, "maj9"): (0, 4, 7, 11, 14),
    (True, "add9"): (0, 4, 7, 14),
    (True, "sus4"): (0, 5, 7),
    (True, "sus2"): (0, 2, 7),
    (True, "5"): (0, 7, 12),
    (False, ""): (0, 3, 7),
    (False, "6"): (0, 3, 7, 9),
    (False, "7"): (0, 3, 7, 10),
    (False, "9"): (0, 3, 7, 10, 14),
    (False, "add9"): (0, 3, 7, 14),
    (False, "o7"): (0, 3, 6, 10),
    (False, "5"): (0, 7, 12),
}
_SYMBOL = re.compile(r"^(b|#)?(vii|vi|iv|v|iii|ii|i)(.*)$", re.IGNORECASE)

# One entry a bar; a comma puts two chords into a bar. Each pool: (scale, progression).
PROGRESSIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "pop_major": (
        ("major", "I V vi IV"),
        ("major", "vi IV I V"),
        ("major", "I vi IV V"),
        ("major", "I IV vi V"),
        ("major", "IV I V vi"),
        ("major", "I iii IV V"),
        ("major", "I I IV V"),
        ("major", "I IV I V"),
    ),
    "pop_minor": (
        ("minor", "i bVI bIII bVII"),
        ("minor", "i bVII bVI bVII"),
        ("minor", "i iv bVI v"),
        ("minor", "i bVI iv V"),
        ("minor", "i bIII bVII iv"),
        ("minor", "i i bVI bVII"),
    ),
    "minor_vamp": (
        ("minor", "i7 i7 i7 i7"),
        ("minor", "i7 i7 iv7 iv7"),
        ("minor", "i i bVI bVI"),
        ("minor", "i i bVII bVII"),
        ("dorian", "i7 i7 IV IV"),
        ("minor", "i9 i9 v7 v7"),
    ),
    "house": (
        ("minor", "i7 iv7 bVII bIIImaj7"),
        ("minor", "i9 bVImaj7 i9 v7"),
        ("dorian", "i7 IV7 i7 IV7"),
        ("major", "ii7 iii7 IVmaj7 vi7"),
        ("minor", "bVImaj7 bVII i7 i7"),
        ("major", "IVmaj7 V vi7 iii7"),
    ),
    "rock": (
        ("major", "I V vi IV"),
        ("mixolydian", "I bVII IV I"),
        ("mixolydian", "I I bVII IV"),
        ("minor", "i bVII bVI bVII"),
        ("minor", "i bIII bVII iv"),
        ("minor", "i bVI bVII i"),
        ("major", "I IV V IV"),
        ("mixolydian", "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7"),
    ),
    "funk": (
        ("dorian", "i7 IV7"),
        ("dorian", "i9 i9 i9 IV9"),
        ("mixolydian", "I9 I9 I9 IV9"),
        ("dorian", "i7 i7 bVII IV7"),
        ("mixolydian", "I7 IV7"),
        ("minor", "i7 i7 iv7 bVII"),
    ),
    "jazz": (
        ("major", "ii7 V7 Imaj7 Imaj7"),
        ("major", "ii7 V7 Imaj7 vi7"),
        ("major", "Imaj7 vi7 ii7 V7"),
        ("major", "iii7 vi7 ii7 V7"),
        ("minor", "iio7 V7 i6 i6"),
        ("minor", "i7 iv7 iio7 V7"),
        ("mixolydian", "I7 IV7 I7 I7 IV7 IV7 I7 I7 ii7 V7 I7 V7"),
        ("major", "ii7,V7 Imaj7 ii7,V7 Imaj7"),
    ),
    "lofi": (
        ("major", "ii9 V9 Imaj9 vi9"),
        ("major", "IVmaj7 iii7 ii7 Imaj7"),
        ("major", "IVmaj9 V7 iii7 vi7"),
        ("minor", "i9 iv9 bVImaj7 v7"),
        ("major", "Imaj9 vi9 ii9 V9"),
        ("minor", "bVImaj7 v7 i9 i9"),
    ),
    "latin": (
        ("minor", "i bVII bVI V7"),
        ("minor", "i iv V7 i"),
        ("minor", "i V7 V7 i"),
        ("major", "I IV V7 IV"),
        ("major", "ii7 V7 Imaj7 vi7"),
        ("major", "I vi ii V7"),
    ),
    "ambient": (
        ("major", "Imaj9 Imaj9 IVmaj9 IVmaj9"),
        ("major", "IVmaj9 IVmaj9 Iadd9 Iadd9"),
        ("minor", "i9 i9 bVImaj7 bVImaj7"),
        ("minor", "iadd9 iadd9 bVII bVII"),
        ("dorian", "i9 i9 IV IV"),
        ("major", "Isus2 Isus2 vi7 vi7"),
    ),
}


def key_name(tonic: int, scale: str) -> str:
    """The key as a musician writes it; modes by the third they have: 'A minor', 'Eb major'."""
    if SCALES[scale][2] == 3:
        return f"{_MINOR_NAMES[tonic % 12]} minor"
    return f"{_MAJOR_NAMES[tonic % 12]} major"


def scale_classes(tonic: int, scale: str) -> tuple[int, ...]:
    """Pitch classes of the scale, from the tonic up."""
    return tuple((tonic + step) % 12 for step in SCALES[scale])


def parse_chord(symbol: str, tonic: int, start: float, length: float) -> Chord:
    """A Roman chord symbol such as 'bVImaj7' above `tonic`; ValueError if it is none."""
    match = _SYMBOL.match(symbol)
    if match is None:
        raise ValueError(f"not a chord symbol: {symbol!r}")
    accidental, roman, suffix = match.groups()
    shift = {"b": -1, "#": 1, None: 0}[accidental]
    intervals = _QUALITIES.get((roman[0].isupper(), suffix))
    if intervals is None:
        raise ValueError(f"unknown chord quality in {symbol!r}")
    root = (tonic + _DEGREES[roman.lower()] + shift) % 12
    return Chord(start, length, root, intervals, symbol)


def harmonise(progression: str, tonic: int, bars: int, beats_per_bar: int) -> tuple[Chord, ...]:
    """The progression, repeated over `bars` bars."""
    cells = progression.split()
    chords: list[Chord] = []
    for bar in range(bars):
        symbols = cells[bar % len(cells)].split(",")
        length = beats_per_bar / len(symbols)
        for i, symbol in enumerate(symbols):
            chords.append(parse_chord(symbol, tonic, bar * beats_per_bar + i * length, length))
    return tuple(chords)


def chord_at(chords: tuple[Chord, ...], beat: float) -> Chord:
    """The chord that sounds at `beat`; past the end, the first one (pieces loop)."""
    for chord in chords:
        if chord.start <= beat < chord.start + chord.length:
            return chord
    return chords[0]


def lead_voices(
    chord: Chord, before: tuple[int, ...] | None, centre: int, rootless: bool = False
) -> tuple[int, ...]:
    """A close voicing near MIDI pitch `centre` that moves least from `before`."""
    classes = list(dict.fromkeys(chord.pitch_classes))
    if rootless and len(classes) > 3:
        classes = classes[1:]
    best: tuple[float, tuple[int, ...]] | None = None
    for turn in range(len(classes)):
        order = classes[turn:] + classes[:turn]
        for base in range(centre - 14, centre + 8):
            if base % 12 != order[0]:
                continue
            pitches = [base]
            for pc in order[1:]:
                pitches.append(pitches[-1] + (pc - pitches[-1]) % 12)
            middle = sum(pitches) / len(pitches)
            cost = 0.5 * abs(middle - centre)
            if before is not None:
                cost += sum(min(abs(p - b) for b in before) for p in pitches)
            if best is None or cost < best[0]:
                best = (cost, tuple(pitches))
    assert best is not None
    return best[1]


def voicings(
    chords: tuple[Chord, ...], centre: int, rootless: bool = False
) -> list[tuple[int, ...]]:
    """One voicing a chord, led by the least movement from the first."""
    result: list[tuple[int, ...]] = []
    before: tuple[int, ...] | None = None
    for chord in chords:
        before = lead_voices(chord, before, centre, rootless)
        result.append(before)
    return result


def nearest(pitch_class: int, pitch: int) -> int:
    """The MIDI pitch of `pitch_class` nearest to `pitch`."""
    return pitch + (pitch_class - pitch + 6) % 12 - 6


def snap(pitch: int, classes: tuple[int, ...]) -> int:
    """The pitch nearest to `pitch` whose class is in `classes` (the lower one on a tie)."""
    return min((nearest(pc, pitch) for pc in classes), key=lambda p: (abs(p - pitch), p))


def pick_progression(pools: tuple[str, ...], rng: np.random.Generator) -> tuple[str, str]:
    """(scale, progression) out of one of the named pools."""
    pool = PROGRESSIONS[pools[int(rng.integers(len(pools)))]]
    return pool[int(rng.integers(len(pool)))]
