"""Pitched parts: bass lines, chords, arpeggios, melodies and piano, written straight.

Rhythms are sixteen-step strings: a letter starts a note, '-' holds it, '.' is a rest.
"""

from __future__ import annotations

import numpy as np

from core.training.composer.harmony import chord_at, nearest, snap, voicings
from core.training.composer.score import Chord, Note

Chords = tuple[Chord, ...]


def cells(pattern: str) -> list[tuple[int, int, str]]:
    """(step, length in steps, letter) for every note of a pattern."""
    found: list[tuple[int, int, str]] = []
    for step, char in enumerate(pattern):
        if char in ".-":
            continue
        end = step + 1
        while end < len(pattern) and pattern[end] == "-":
            end += 1
        found.append((step, end - step, char))
    return found


def write_bass(chords: Chords, bars: int, pattern: str, low: int = 28) -> tuple[Note, ...]:
    """A bass line after `pattern`: R root, r soft root, O octave, 5, 3, 7, A approach.

    Pitches lie in low … low + 24. The approach note leads by a semitone or a step into the
    root of the chord that follows.
    """
    notes: list[Note] = []
    for bar in range(bars):
        part = pattern[16 * (bar % (len(pattern) // 16)) :][:16]
        for step, length, char in cells(part):
            beat = bar * 4 + step / 4
            chord = chord_at(chords, beat)
            root = low + (chord.root - low) % 12
            third, fifth = chord.intervals[1], 7 if 7 in chord.intervals else 6
            third = third if third in (3, 4) else 7
            seventh = next((i for i in chord.intervals if i in (9, 10, 11)), 12)
            if char == "A":
                target = chord_at(chords, beat + length / 4 + 0.01)
                following = nearest(target.root, root)
                pitch = following - 2 if following != root else root + 7
                if pitch < low:
                    pitch += 12
            else:
                pitch = root + {"O": 12, "5": fifth, "3": third, "7": seventh}.get(char, 0)
            velocity = {"r": 78, "A": 84}.get(char, 100 if step % 4 == 0 else 92)
            notes.append(Note(beat, length / 4 * 0.94, pitch, velocity))
    return tuple(notes)


def write_walking(
    chords: Chords, bars: int, rng: np.random.Generator, low: int = 30
) -> tuple[Note, ...]:
    """A walking bass: root on the chord, chord tones, a semitone into the next root."""
    notes: list[Note] = []
    pitch = low + 8
    for beat in range(bars * 4):
        chord, following = chord_at(chords, beat), chord_at(chords, beat + 1)
        if chord.start == beat:
            pitch = nearest(chord.root, pitch)
        elif following.start == beat + 1 or beat + 1 == bars * 4:
            pitch = nearest(following.root, pitch) + (1 if rng.random() < 0.5 else -1)
        else:
            tones = [nearest(pc, pitch + int(d)) for pc in chord.pitch_classes for d in (-4, 4)]
            near = sorted({t for t in tones if t != pitch and abs(t - pitch) <= 6})
            pitch = near[int(rng.integers(len(near)))] if near else pitch
        while pitch < low:
            pitch += 12
        while pitch > low + 24:
            pitch -= 12
        notes.append(Note(float(beat), 0.9, pitch, 98 if beat % 2 else 90))
        if rng.random() < 0.08:
            notes.append(Note(beat + 0.5, 0.35, pitch, 66))
    return tuple(notes)


def write_chords(
    chords: Chords, bars: int, patterns: tuple[str, ...], centre: int, *,
    rootless: bool = False, strum: float = 0.0, power: bool = False,
) -> tuple[Note, ...]:  # fmt: skip
    """Chords in the rhythm of `patterns`, one a bar in turn; `strum` in beats between strings.

    `power` plays root, fifth and octave only, low, as an overdriven guitar does.
    """
    led = dict(zip((c.start for c in chords), voicings(chords, centre, rootless), strict=True))
    notes: list[Note] = []
    for bar in range(bars):
        for step, length, char in cells(patterns[bar % len(patterns)]):
            beat = bar * 4 + step / 4
            chord = chord_at(chords, beat)
            pitches = led[chord.start]
            if power:
                root = 40 + (chord.root - 40) % 12
                pitches = (root, root + (7 if 7 in chord.intervals else 6), root + 12)
            velocity = {"X": 104, "x": 88, "o": 64}[char]
            # A chord change inside a held note would sound wrong: end at the change.
            length_beats = min(length / 4, chord.start + chord.length - beat)
            for i, pitch in enumerate(pitches):
                late = min(i * strum, 0.1)
                notes.append(Note(beat + late, max(length_beats * 0.95 - late, 0.1), pitch,
                                  velocity - 2 * i))  # fmt: skip
    return tuple(notes)


def write_arpeggio(
    chords: Chords, bars: int, rng: np.random.Generator, centre: int, rate: int
) -> tuple[Note, ...]:
    """Broken chords over two octaves, one note every `rate` sixteenths."""
    led = dict(zip((c.start for c in chords), voicings(chords, centre), strict=True))
    shape = str(rng.choice(["up", "down", "updown", "weave"]))
    wide = bool(rng.random() < 0.6)
    gate = float(rng.choice([0.5, 0.9, 1.6]))
    notes: list[Note] = []
    for chord in chords:
        tones = list(led[chord.start])
        if wide:
            tones += [p + 12 for p in tones[:3]]
        orders = {
            "up": tones,
            "down": tones[::-1],
            "updown": tones + tones[-2:0:-1],
            "weave": [t for pair in zip(tones, tones[::-1], strict=True) for t in pair],
        }
        order = orders[shape]
        for i in range(round(chord.length * 4 / rate)):
            beat = chord.start + i * rate / 4
            if beat >= bars * 4:
                break
            accent = 98 if i % 4 == 0 else 82
            notes.append(Note(beat, rate / 4 * gate, order[i % len(order)], accent))
    return tuple(notes)


_MOTIFS = {
    "sparse": ("x-------x-------", "x-----x---------", "x---x-----------", "x-------x---x---"),
    "medium": ("x---x-x-x---x---", "x-----x-x---x-x-", "x---x---x-x-x---", "x-x-x---x---..x-",
               "x--x--x---x-x---"),
    "busy": ("x-x-x-x-x-x-x---", "x-xxx-x-x-xxx-x-", "x--x--x-x--x--x-", "x-x-xxx-x-x-x-x-"),
}  # fmt: skip


def write_melody(
    chords: Chords, scale: tuple[int, ...], bars: int, rng: np.random.Generator,
    centre: int, density: str,
) -> tuple[Note, ...]:  # fmt: skip
    """A melody out of a two-bar motif: stated, varied, moved to the chord, answered.

    Strong beats take chord tones, the rest the scale; pitches stay within centre ± 12.
    """
    pool = _MOTIFS[density]
    rhythm = [pool[int(rng.integers(len(pool)))] for _ in range(2)]
    answer = pool[int(rng.integers(len(pool)))]
    moves = rng.choice([-2, -1, -1, 1, 1, 2, 3, 0], size=(3, 16))
    ladder = [p for p in range(centre - 12, centre + 13) if p % 12 in scale]
    notes: list[Note] = []
    for bar in range(bars):
        phrase = bar % 8
        chosen = answer if phrase in (3, 7) else rhythm[bar % 2]
        contour = moves[2] if phrase in (3, 7) else moves[bar % 2]
        if phrase in (4, 5):  # the varied statement turns its contour round
            contour = -contour
        here = chord_at(chords, bar * 4)
        at = ladder.index(snap(snap(centre, here.pitch_classes), tuple(p % 12 for p in ladder)))
        for i, (step, length, _) in enumerate(cells(chosen)):
            beat = bar * 4 + step / 4
            if i:
                at = int(np.clip(at + contour[i], 0, len(ladder) - 1))
            pitch = ladder[at]
            if step % 8 == 0:
                pitch = snap(pitch, chord_at(chords, beat).pitch_classes)
            if phrase == 7 and length >= 4 and i == len(cells(chosen)) - 1:
                pitch = snap(pitch, chord_at(chords, beat).pitch_classes)
            notes.append(Note(beat, length / 4 * 0.93, pitch, 100 if step % 4 == 0 else 88))
    return tuple(notes)


LEFT_HANDS = ("broken", "alberti", "block", "stride", "octaves", "flowing")


def write_piano(
    chords: Chords, scale: tuple[int, ...], bars: int, rng: np.random.Generator,
    density: str, hands: tuple[str, ...] = LEFT_HANDS,
) -> tuple[Note, ...]:  # fmt: skip
    """Two hands: an accompaniment figure below, a melody above, thirds or chords under it."""
    figure = str(rng.choice(list(hands)))
    notes: list[Note] = []
    led = voicings(chords, 55)
    for chord, voice in zip(chords, led, strict=True):
        root = 36 + (chord.root - 36) % 12
        root = root - 12 if root > 45 else root
        fifth = root + (7 if 7 in chord.intervals else 6)
        third = root + 12 + (chord.intervals[1] if chord.intervals[1] in (3, 4) else 7)
        eighths = round(chord.length * 2)
        for i in range(eighths):
            beat = chord.start + i / 2
            half, even = i % 4, i % 2 == 0
            if figure == "broken":
                pitch = (root, fifth, root + 12, third, root + 12, fifth, third, root + 12)[i % 8]
                notes.append(Note(beat, 0.9, pitch, 78 if i % 4 else 88))
            elif figure == "alberti":
                pitch = (voice[0], voice[-1], voice[1], voice[-1])[half]
                notes.append(Note(beat, 0.5, pitch, 72))
                if i == 0:
                    notes.append(Note(beat, chord.length * 0.95, root, 80))
            elif figure == "flowing":
                order = (root, fifth, root + 12, third)
                notes.append(Note(beat, 0.5, order[half], 76))
                notes.append(Note(beat + 0.25, 0.5, voice[i % len(voice)], 66))
            elif figure == "block" and half == 0:
                notes.append(Note(beat, 1.9, root, 84))
                notes += [Note(beat, 1.9, p, 70) for p in voice]
            elif figure == "stride" and even:
                if half == 0:
                    notes.append(Note(beat, 0.8, root if i % 8 == 0 else fifth, 90))
                else:
                    notes += [Note(beat, 0.5, p, 74) for p in voice]
            elif figure == "octaves" and half == 0:
                notes += [Note(beat, 1.9, root, 84), Note(beat, 1.9, root + 12, 78)]
    tune = write_melody(chords, scale, bars, rng, 74, density)
    under = rng.random()
    for note in tune:
        notes.append(note)
        strong = abs(note.start - round(note.start / 2) * 2) < 1e-6
        if under < 0.35 and strong:
            classes = chord_at(chords, note.start).pitch_classes
            below = [p for p in range(note.pitch - 9, note.pitch - 2) if p % 12 in classes]
            notes += [Note(note.start, note.length, p, note.velocity - 22) for p in below[:2]]
    return tuple(sorted((n for n in notes if n.start < bars * 4), key=lambda n: (n.start, n.pitch)))
