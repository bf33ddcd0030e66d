"""Drum tracks: sixteen-step patterns, ghost notes, fills and crashes.

In a pattern X is an accent, x a hit, o a ghost note, ? a ghost that a bar may have.
Thirty-two steps make two bars.
"""

from __future__ import annotations

import numpy as np

from core.training.composer.score import Note

PIECES = {
    "kick": 36, "snare": 38, "rim": 37, "clap": 39, "hat": 42, "pedal": 44, "open": 46,
    "tom_low": 45, "tom_mid": 47, "tom_high": 50, "crash": 49, "ride": 51, "bell": 53,
    "tambourine": 54, "cowbell": 56, "conga_mute": 62, "conga_high": 63, "conga_low": 64,
    "timbale": 65, "shaker": 70, "clave": 75,
}  # fmt: skip
_VELOCITY = {"X": 114, "x": 96, "o": 52, "?": 44}

Groove = dict[str, str]

GROOVES: dict[str, tuple[Groove, ...]] = {
    "house": (
        {"kick": "X...X...X...X...", "clap": "....X.......X...", "open": "..x...x...x...x.",
         "hat": "o?o.o?o.o?o.o?o."},
        {"kick": "X...X...X...X...", "snare": "....x.......x...", "clap": "....x.......x...",
         "hat": "x.Xxx.Xxx.Xxx.Xx", "shaker": "o?o?o?o?o?o?o?o?"},
        {"kick": "X...X...X...X.?.", "clap": "....X.......X..?", "open": "..x...x...x...x.",
         "rim": "...x..x....x..?.", "shaker": "xoxoxoxoxoxoxoxo"},
    ),
    "techno": (
        {"kick": "X...X...X...X...", "hat": "..X...X...X...X.", "shaker": "oooooooooooooooo"},
        {"kick": "X...X...X...X...", "hat": "oxXooxXooxXooxXo", "clap": "....x.......x...",
         "tom_low": "...?..x.......?."},
        {"kick": "X...X...X...X..?", "open": "..x...x...x...x.", "hat": "x.x.x.x.x.x.x.x.",
         "rim": "...x....x.....x."},
    ),
    "drum and bass": (
        {"kick": "X.........X.....", "snare": "....X..o.o..X..?", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "X..?......X.....", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x.",
         "hat": "?o?o?o?o?o?o?o?o"},
        {"kick": "X.X.......XX....X.X.......X.....", "snare": "....X..o.o..X..o....X..o.o....X.",
         "hat": "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x."},
    ),
    "hip-hop": (
        {"kick": "X......x..X.....", "snare": "....X.......X..?", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "X..x....?.X..x..", "snare": "....X.......X...", "hat": "x.xox.x.x.xox.x."},
        {"kick": "X.....x.X.......X..x......X.....", "clap": "....X.......X.......X.......X...",
         "hat": "x.x.x.xxx.x.x.x.x.x.x.x.x.xxxxx."},
    ),
    "lo-fi": (
        {"kick": "X......?..x.....", "snare": "....x.......x..o", "hat": "x.o.x.o.x.o.x.o."},
        {"kick": "X.....x...x....?", "rim": "....x.......x...", "hat": "o.x.o.x.o.x.o.x.",
         "shaker": "..o...o...o...o."},
        {"kick": "X..x......x.....X......x..x.....", "snare": "....x..o....x.......x....o..x..?",
         "hat": "x.o.x.o.x.o.x.oox.o.x.o.x.o.x.o."},
    ),
    "rock": (
        {"kick": "X.......X.?.....", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
        {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
        {"kick": "X..x....X.x.....", "snare": "....X.......X..?", "ride": "X.x.X.x.X.x.X.x."},
        {"kick": "X.x...x.X.x...x.", "snare": "....X.......X...", "open": "X...X...X...X..."},
    ),
    "funk": (
        {"kick": "X.x.......x..x..", "snare": "....X..o.o..X..o", "hat": "xoxoxoxoxoxoxoxo"},
        {"kick": "X..x..x...x.....", "snare": "..?.X..o.o.oX..o", "hat": "x.x.x.x.x.x.x.x.",
         "tambourine": "....o.......o..."},
        {"kick": "X.....x..xX.....", "snare": "....X..o.o..X.o?", "hat": "x.xxx.x.x.xxx...",
         "open": "..............x."},
    ),
    "jazz trio": (
        {"ride": "X...X.x.X...X.x.", "pedal": "....x.......x...", "kick": "o...o...o...o...",
         "snare": "..?...?.......?."},
        {"ride": "X...X.x.X...X.x.", "pedal": "....x.......x...", "snare": "......o...?...o.",
         "kick": "o.....?.....?..."},
    ),
    "latin": (
        {"kick": "x.....x.x.....x.", "clave": "X..X..X...X.X...", "conga_mute": "o.x.o...o.x.o...",
         "conga_low": "......xx......xx", "shaker": "xoxoxoxoxoxoxoxo"},
        {"kick": "x.....x.x.....x.", "cowbell": "X...x.x.X...x.x.", "conga_high": "..x.....x.x.....",
         "conga_low": "......xx......xx", "timbale": "?..?..?...?.?..."},
        {"kick": "x..x....x..x....", "rim": "x..x..x...x..x..", "hat": "xoxoxoxoxoxoxoxo",
         "shaker": "o.o.o.o.o.o.o.o."},
        {"kick": "X...x...X...x...", "snare": "...x..x....x..x.", "shaker": "xoxoxoxoxoxoxoxo"},
    ),
    "chiptune": (
        {"kick": "X...X...X...X...", "snare": "....x.......x...", "hat": "..x...x...x...x."},
        {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "X..x..x.X..x....", "snare": "....X.......X.xx", "hat": "xoxoxoxoxoxoxoxo"},
    ),
}  # fmt: skip

# Fills take the last half of a bar or all of it; every other drum rests there.
_FILLS: dict[str, tuple[Groove, ...]] = {
    "acoustic": (
        {"snare": "........xxxx....", "tom_mid": "............xx..", "tom_low": "..............xx"},
        {"tom_high": "........x.x.....", "tom_mid": "............x.x.", "kick": "........x...x...",
         "tom_low": "..............x."},
        {"snare": "........x.oxX.xx", "kick": "........X....x.."},
        {"snare": "....x.xx........", "tom_high": "........xx......", "tom_mid": "..........xx....",
         "tom_low": "............xxxX"},
    ),
    "machine": (
        {"kick": "........X...X...", "snare": "........oooxxxXX"},
        {"clap": "........x..x..x.", "kick": "........X......."},
        {"snare": "........x.x.xxXX"},
    ),
    "brush": (
        {"snare": "........o.x.o.x.", "ride": "........x...x...", "kick": "..............x."},
        {"snare": "........x..x..x.", "pedal": "............x...", "ride": "........x......."},
    ),
    "percussion": (
        {"timbale": "........xx.xx.xX", "kick": "........x.....x."},
        {"conga_high": "........x.xx....", "conga_low": "............x.xx", "kick": "........x......."},
    ),
}  # fmt: skip
FILL_OF = {
    "house": "machine", "techno": "machine", "hip-hop": "machine", "lo-fi": "acoustic",
    "drum and bass": "acoustic", "rock": "acoustic", "funk": "acoustic", "latin": "percussion",
    "jazz trio": "brush", "chiptune": "machine",
}  # fmt: skip


def write_drums(
    style: str, bars: int, rng: np.random.Generator, fills: bool = True
) -> tuple[Note, ...]:
    """A 4/4 drum part of `style` over `bars` bars, straight and mechanical; KeyError if none."""
    groove = GROOVES[style][int(rng.integers(len(GROOVES[style])))]
    # A layer left out makes many grooves of one, but kick and backbeat stay.
    optional = [n for n in groove if n not in ("kick", "snare", "clap", "hat", "ride", "open")]
    dropped = {n for n in optional if rng.random() < 0.35}
    every = int(rng.choice([4, 4, 8]))
    pool = _FILLS[FILL_OF[style]]
    fill = pool[int(rng.integers(len(pool)))]
    crash = style in ("rock", "funk", "drum and bass", "chiptune") or rng.random() < 0.3
    ghosts = rng.random((2, 64)) < 0.45
    notes: list[Note] = []
    for bar in range(bars):
        filled = fills and bar % every == every - 1
        first_fill = 16
        if filled:
            first_fill = min(p.find(c) for p in fill.values() for c in p if c not in ".")
            for name, pattern in fill.items():
                notes += _bar(name, pattern, bar, 0, 16, ghosts)
        for name, pattern in groove.items():
            if name not in dropped:
                part = pattern[16 * (bar % (len(pattern) // 16)) :][:16]
                notes += _bar(name, part, bar, 0, first_fill, ghosts)
        if crash and bar and bar % every == 0:
            notes.append(Note(bar * 4.0, 0.25, PIECES["crash"], 88))
    return tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))


def _bar(name: str, pattern: str, bar: int, low: int, high: int, ghosts: np.ndarray) -> list[Note]:
    pitch = PIECES[name]
    notes: list[Note] = []
    for step, char in enumerate(pattern[low:high], start=low):
        if char == "." or (char == "?" and not ghosts[bar % 2, (step + pitch) % 64]):
            continue
        notes.append(Note(bar * 4.0 + step / 4, 0.25, pitch, _VELOCITY[char]))
    return notes
