"""Captions: a piece's facts in the words of users, always true.

Most are short lists of tags, some are sentences. Tempo, key, mood and instruments are each
named only sometimes, so that a model learns what every one of them means by itself.
HELD_OUT_WORDINGS are kept out of training, to measure whether a new wording still works.
"""

from __future__ import annotations

import numpy as np

from core.training.composer import words
from core.training.composer.score import Piece, Track

# Fields: what = style and subset, bpm = a number, key, tools = the instruments.
HELD_OUT_WORDINGS: tuple[str, ...] = (
    "give me some {what} clocked at {bpm} beats per minute",
    "i need {what}, roughly {bpm} beats a minute",
    "please play {what} with the metronome on {bpm}",
    "something like {what}, pulse of {bpm}",
    "could you make {what} that runs at {bpm}",
)
# A fragment of each, never found in a training caption.
HELD_OUT_MARKERS: tuple[str, ...] = (
    "clocked at", "i need", "metronome", "pulse of", "could you",
)  # fmt: skip

_TEMPO = ("{0} bpm", "{0} bpm", "{0} bpm", "at {0} bpm", "{0} BPM", "at {0} BPM", "{0}bpm",
          "tempo {0}")  # fmt: skip


def captions(piece: Piece, rng: np.random.Generator, n: int) -> list[str]:
    """`n` training captions of `piece`, different where the grammar has that many."""
    found: list[str] = []
    for _ in range(n * 12):
        caption = _caption(piece, rng)
        if caption not in found:
            found.append(caption)
        if len(found) == n:
            return found
    while len(found) < n:  # a piece with few facts
        found.append(_caption(piece, rng))
    return found


def held_out_captions(piece: Piece, rng: np.random.Generator, n: int) -> list[str]:
    """`n` captions in wordings that no training caption uses."""
    order = rng.permutation(len(HELD_OUT_WORDINGS))
    return [
        HELD_OUT_WORDINGS[int(order[i % len(order)])].format(
            what=_head(piece, rng), bpm=bpm_text(piece.tempo)
        )
        for i in range(n)
    ]


def bpm_text(tempo: float) -> str:
    """110.0 → '110', 112.5 → '112.5'."""
    return f"{tempo:g}"


def _caption(piece: Piece, rng: np.random.Generator) -> str:
    return _sentence(piece, rng) if rng.random() < 0.3 else _tags(piece, rng)


def _tags(piece: Piece, rng: np.random.Generator) -> str:
    head = _head(piece, rng, mood=rng.random() < 0.3)
    rest: list[str] = []
    if rng.random() < 0.7:
        rest.append(_tempo(piece, rng))
    elif rng.random() < 0.35 and (word := words.tempo_word(piece.tempo)):
        rest.append(word)
    if rng.random() < 0.2 and words.names_key(piece):
        rest.append(_key(piece, rng))
    feelings = words.moods(piece)
    if rng.random() < 0.25 and feelings:
        mood = _one(rng, feelings)
        if mood[:4] not in head:
            rest.append(mood)
    if len(piece.tracks) > 2 and rng.random() < 0.5:
        rest += _tools(piece, rng, int(rng.integers(1, 4)))
    elif piece.subset in ("bass", "drums_and_bass") and rng.random() < 0.25:
        bass = next(t for t in piece.tracks if t.role == "bass")
        name = words.instrument_names(bass)[0]
        if name not in head:
            rest.append(name)
    if rng.random() < 0.1 and piece.style == "jazz trio" and "swing" not in head:
        rest.append("swing feel")
    effects = words.effects(piece)
    if effects and rng.random() < 0.12:
        rest.append(_one(rng, effects))
    rest = [rest[int(i)] for i in rng.permutation(len(rest))]
    parts = [*rest, head] if rng.random() < 0.12 else [head, *rest]
    return ", ".join(parts)


def _sentence(piece: Piece, rng: np.random.Generator) -> str:
    head = _head(piece, rng, mood=rng.random() < 0.55)
    text = head
    if len(piece.tracks) > 2 and rng.random() < 0.75:
        text += " with " + _list(_tools(piece, rng, int(rng.integers(1, 4))))
    if words.names_key(piece) and rng.random() < 0.35:
        text += " in " + _key(piece, rng)
    if rng.random() < 0.7:
        text += f" at {bpm_text(piece.tempo)} " + _one(rng, ("bpm", "bpm", "BPM"))
    elif (word := words.tempo_word(piece.tempo)) and word not in text and rng.random() < 0.5:
        text = f"{word} {text}"
    if rng.random() < 0.15:
        text = text[0].upper() + text[1:] + "."
    return text


def _head(piece: Piece, rng: np.random.Generator, mood: bool = False) -> str:
    """What the piece is: its style and its subset, perhaps with a mood before it."""
    style = _one(rng, words.ADJECTIVES[piece.style]) if rng.random() < 0.75 else ""
    if piece.subset == "full":
        style = _one(rng, words.STYLE_NAMES[piece.style])
        noun = _one(rng, ("", "", "track", "music", "loop", "groove", "instrumental"))
        if style in ("rap beat", "jazz combo", "soundscape"):
            noun = ""
        elif style in ("band", "video game", "dance", "funky"):
            noun = noun or "music"
        head = f"{style} {noun}"
    elif piece.subset == "drums":
        # A style may stand before the noun, or be left to the mood and the tempo.
        plain = ("drums only", "drums", "drum loop", "drum beat", "solo drums", "just drums",
                 "drum groove", "drums only")  # fmt: skip
        styled = ("drums", "drum beat", "drums only", "beat", "drum loop", "drum groove")
        if style in ("drum and bass", "drum & bass", "dnb"):
            styled = ("drums only", "drum loop", "beat", "breakbeat drums")
        head = f"{style} {_one(rng, styled)}" if style else _one(rng, plain)
    elif piece.subset == "bass":
        name = words.instrument_names(piece.tracks[0])[0]
        plain = ("bass line", "bassline", "solo bass", "bass only", "bass line", name,
                 f"{name} line", f"solo {name}")  # fmt: skip
        styled = ("bass line", "bassline", "bass line", "bass only", "bass")
        if style in ("drum and bass", "drum & bass", "dnb"):
            style, styled = "dnb", ("bass line", "bassline", "bass only")
        head = f"{style} {_one(rng, styled)}" if style else _one(rng, plain)
    elif piece.subset == "drums_and_bass":
        names = ("drums and bass", "drums and bass", "bass and drums", "drums and bass only")
        if style in ("drum and bass", "drum & bass", "dnb"):
            names = ("drums and bass only", "bass and drums", "rhythm section")
        head = f"{style} {_one(rng, (*names, 'rhythm section'))}"
    elif piece.subset == "piano":
        nouns = ("solo piano", "solo piano", "piano", "piano solo", "piano only", "just piano")
        head = _one(rng, nouns)
        if style and head in ("solo piano", "piano", "piano solo"):
            head = f"{style} {head}"
    elif piece.subset == "solo":
        head = _solo(piece.tracks[0], style, rng)
    else:
        first, second = (_one(rng, words.instrument_names(t)) for t in piece.tracks)
        if rng.random() < 0.4:
            first, second = second, first
        head = f"{style} {first} and {second}"
    head = " ".join(head.split())
    feelings = words.moods(piece)
    if mood and feelings and not head.startswith("just"):
        feeling = _one(rng, feelings)
        if feeling[:4] not in head:
            head = f"{feeling} {head}"
    return head


def _solo(track: Track, style: str, rng: np.random.Generator) -> str:
    name = _one(rng, words.instrument_names(track))
    doing = {"chords": ("chords",), "pad": ("chords",), "arpeggio": ("arpeggio", "arpeggios"),
             "lead": ("melody", "solo melody")}[track.role]  # fmt: skip
    shape = int(rng.integers(4))
    if shape == 0:
        return f"solo {name}"
    if shape == 1:
        return f"{name} only"
    if shape == 2:
        return f"{style} {name} {_one(rng, doing)}"
    return f"{style} {name}"


def _tempo(piece: Piece, rng: np.random.Generator) -> str:
    return _one(rng, _TEMPO).format(bpm_text(piece.tempo))


def _key(piece: Piece, rng: np.random.Generator) -> str:
    if rng.random() < 0.2:  # 'am', 'f#m' would read as words: keep the long form only
        return f"{piece.key} key" if rng.random() < 0.3 else f"the key of {piece.key}"
    return piece.key


def _tools(piece: Piece, rng: np.random.Generator, n: int) -> list[str]:
    order = rng.permutation(len(piece.tracks))[:n]
    names = [_one(rng, words.instrument_names(piece.tracks[int(i)])) for i in order]
    return list(dict.fromkeys(names))


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
