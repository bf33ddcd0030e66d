"""The clock's tempo in words: MusicGen hears nothing but its prompt.

A model that is not told the tempo makes up its own, and a take that starts on the bar leaves it
two bars later. MusicGen's captions name tempi as "120 bpm", so that is how it is told.
"""

from __future__ import annotations

import re

from core.generation.params import Prompt

_NUMBER = r"\d{2,3}(?:[.,]\d+)?"
_RANGE = rf"(?P<a>{_NUMBER}(?:\s*(?:-|–|to)\s*{_NUMBER})?)"
_UNIT = r"(?:b\.?p\.?m\b|beats?\s+(?:per|a)\s+minute\b)"
_NAMED = re.compile(
    rf"\b{_RANGE}(?=\s*{_UNIT})"  # 112 bpm, 90-100 bpm
    rf"|(?<=\btempo\s)(?:of\s+|is\s+)?(?P<b>{_NUMBER})\b"  # tempo 112
    rf"|\b(?:tempo|bpm)\s*[:=]\s*(?P<c>{_NUMBER})\b",  # tempo: 112
    re.IGNORECASE,
)


def names_tempo(prompt: str) -> bool:
    """Whether a prompt says a number of beats a minute. Words ("slow") leave it open."""
    return _NAMED.search(prompt) is not None


def with_tempo(prompt: str, bpm: float, *, leads: bool = False) -> str:
    """The prompt as the model is told it: with the tempo, unless it is empty or names its own.

    bpm is told to a tenth: "112.5 bpm", and "113 bpm" for 112.98. leads: a DAW's clock leads,
    and its tempo takes the place of one that the prompt names.
    """
    told = f"{round(bpm, 1):g}"
    if not prompt.strip():
        return prompt
    if not names_tempo(prompt):
        return f"{prompt.rstrip().rstrip(',;')}, {told} bpm"
    return _NAMED.sub(lambda found: _replaced(found, told), prompt) if leads else prompt


def told(prompt: Prompt, bpm: float, *, leads: bool = False) -> Prompt:
    """`with_tempo` for every text of a blend. Raises BadInput where that makes one too long."""
    texts = [(with_tempo(text, bpm, leads=leads), share) for text, share in prompt.texts]
    return Prompt.of(texts, prompt.negative) if texts else prompt


def _replaced(found: re.Match[str], told: str) -> str:
    number = next(value for value in found.groups() if value is not None)
    return found[0].replace(number, told)
