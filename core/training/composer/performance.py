"""What players add to the written notes: swing, human timing, velocity, effects, a clear first bar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.training.composer.score import Note, Track
from core.training.composer.styles import Style


def perform(
    track: Track, style: Style, swing: float, tempo: float, beats: int, rng: np.random.Generator
) -> Track:
    """Swing, human timing and velocity; the first onset stays on the bar line."""
    notes: list[Note] = []
    end = float(beats)
    spread = style.human * tempo / 60.0
    wobble = 5.0 if style.human else 2.0
    moved: dict[float, float] = {}  # one chord's notes move together
    last: dict[int, int] = {}  # pitch → place in notes
    for note in sorted(track.notes, key=lambda n: (n.start, n.pitch)):
        late = moved.setdefault(round(note.start, 3), float(rng.normal(0.0, 1.0)) * spread)
        start = max(_swung(note.start, swing, style.swing_unit) + (late if note.start else 0), 0.0)
        stop = min(_swung(note.start + note.length, swing, style.swing_unit) + late, end)
        velocity = int(np.clip(round(note.velocity + rng.normal(0.0, wobble)), 20, 127))
        if start >= end - 0.02:
            continue
        if note.pitch in last:  # a string cannot sound twice: end the note before
            before = notes[last[note.pitch]]
            if start - before.start < 0.03:  # both hands on one key
                longer = max(stop - before.start, before.length)
                notes[last[note.pitch]] = replace(before, length=longer)
                continue
            if before.start + before.length > start - 0.01:
                shorter = start - 0.01 - before.start
                notes[last[note.pitch]] = replace(before, length=shorter)
        last[note.pitch] = len(notes)
        notes.append(Note(start, max(stop - start, 0.05), note.pitch, velocity))
    return replace(track, notes=tuple(notes))


def on_the_bar_line(tracks: list[Track]) -> list[Track]:
    """Offbeat parts alone would hide where the bar starts: play their first notes there too."""
    onsets = [track.notes[0].start for track in tracks]
    first = min(onsets)
    if first < 0.01:
        return tracks
    place = onsets.index(first)
    opening = tuple(
        replace(note, start=0.0, length=min(note.length, first - 0.02))
        for note in tracks[place].notes
        if note.start < first + 0.12  # a strummed chord as a whole
    )
    tracks[place] = replace(tracks[place], notes=opening + tracks[place].notes)
    return tracks


def with_effects(track: Track, style: Style, beats: int, rng: np.random.Generator) -> Track:
    """The sends that suit the style, and an echo in time on leads and arpeggios."""
    dry = track.role in ("drums", "bass")
    reverb = int(rng.integers(style.reverb[0], style.reverb[1] + 1))
    chorused = rng.random() < style.chorus and track.role in ("chords", "pad")
    echo = float(rng.choice(style.echo)) if track.role in ("lead", "arpeggio") else 0.0
    return replace(
        track,
        notes=_echoed(track.notes, echo, beats) if echo else track.notes,
        reverb=min(reverb, 24) if dry else reverb,
        chorus=70 if chorused else 0,
        echo=echo,
    )


def _echoed(notes: tuple[Note, ...], echo: float, beats: int) -> tuple[Note, ...]:
    """Each note again after one and two `echo`s, at 0.55 of the velocity each time.

    A repeat gives way to a note of the same pitch that is still sounding or about to.
    """
    out = list(notes)
    for turn, share in ((1, 0.55), (2, 0.3)):
        for note in notes:
            start = note.start + turn * echo
            velocity = round(note.velocity * share)
            taken = any(
                other.pitch == note.pitch
                and other.start - note.length < start < other.start + other.length + 0.02
                for other in out
            )
            if start < beats - 0.1 and velocity >= 12 and not taken:
                length = min(note.length, beats - start)
                out.append(Note(start, length, note.pitch, velocity))
    return tuple(sorted(out, key=lambda n: (n.start, n.pitch)))


def _swung(beat: float, swing: float, unit: float) -> float:
    """`beat` with every second `unit` late by `swing` units."""
    pair = 2 * unit
    base = beat // pair * pair
    inside = beat - base
    if inside < unit:
        return base + inside * (1 + swing)
    return base + (1 + swing) * unit + (inside - unit) * (1 - swing)
