"""Held-out pieces and the prompts that ask for them: what the generated clips are held against.

The pieces come from the composer with a corpus seed that no training uses. Each is asked for
twice, once in a training wording and once in one of HELD_OUT_WORDINGS, so that the two halves
differ in nothing but the wording.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from core.training.composer import words
from core.training.composer.captions import bpm_text, captions, held_out_captions
from core.training.composer.compose import compose, plan
from core.training.composer.score import Piece

# Corpus seeds that are kept for measuring. Never train on them.
HELD_OUT_SEED, CLASSIFIER_SEED = 770_001, 770_002
CLIP_SECONDS = 10.0
_TRIES = 240  # wordings drawn until one names what is measured


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt. names_style, names_key: whether the prompt says them; it always says a tempo."""

    piece: Piece
    text: str
    seed: int
    held_out: bool
    names_style: bool
    names_key: bool


def held_out_piece(index: int) -> Piece:
    """The `index`-th piece that nothing was trained on; any hundred in a row are balanced."""
    return compose(*plan(HELD_OUT_SEED, index))


def prompts(clips: int) -> list[Asked]:
    """`clips` prompts, half of them in held-out wordings of the same pieces, seeds fixed.

    Every second piece that has a key names it in its training wording.
    """
    asked = []
    for index in range((clips + 1) // 2):
        piece = held_out_piece(index)
        new = held_out_captions(piece, np.random.default_rng([piece.seed, 7]), _TRIES)
        asked.append(plain_prompt(piece, index, words.names_key(piece) and index % 2 == 0))
        asked.append(_asked(piece, _fullest(piece, new, False), index, True))
    return asked[:clips]


def plain_prompt(piece: Piece, seed: int, wants_key: bool = False) -> Asked:
    """A prompt for `piece` in a wording that training has, naming style and tempo."""
    texts = captions(piece, np.random.default_rng([piece.seed, 6]), _TRIES)
    return _asked(piece, _fullest(piece, texts, wants_key), seed, False)


def _asked(piece: Piece, text: str, seed: int, held_out: bool) -> Asked:
    return Asked(piece, text, seed, held_out, names_style(piece, text), names_key(piece, text))


def names_style(piece: Piece, text: str) -> bool:
    """Whether a prompt says the piece's style in any of the composer's words for it."""
    names = {*words.STYLE_NAMES[piece.style], *words.ADJECTIVES[piece.style]} - {""}
    return any(re.search(rf"\b{re.escape(name)}\b", text.lower()) for name in names)


def names_key(piece: Piece, text: str) -> bool:
    return words.names_key(piece) and piece.key.lower() in text.lower()


def has_beat(piece: Piece, seconds: float = CLIP_SECONDS) -> bool:
    """Whether notes start on at least half of the beats of the clip's length.

    Read from the score of the piece asked for, not from what was generated: a clip without a
    pulse where there should be one is wrong, not left out.
    """
    beats = int(seconds * piece.tempo / 60)
    struck = {
        round(note.start)
        for track in piece.tracks
        for note in track.notes
        if abs(note.start - round(note.start)) < 1 / 6
    }
    return sum(beat in struck for beat in range(beats)) >= beats / 2


def _fullest(piece: Piece, texts: list[str], wants_key: bool) -> str:
    """The first wording that names tempo, style and, where wanted, key; else the nearest to it."""

    def worth(text: str) -> tuple[bool, bool, bool]:
        tempo = re.search(rf"(?<![\d.]){re.escape(bpm_text(piece.tempo))}(?!\.?\d)", text)
        return tempo is not None, names_style(piece, text), names_key(piece, text) == wants_key

    return max(texts, key=worth)  # the first of equals
