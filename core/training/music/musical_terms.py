"""Tempo and key as people write them in file names, folders and tags."""

from __future__ import annotations

import math
import re

TEMPO_RANGE = (20.0, 400.0)  # bpm
BARE_RANGE = (60.0, 200.0)  # of a number that does not say that it is a tempo

# The composer's spelling, by pitch class.
_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_CLASSES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHIFTS = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}

_NUMBER = r"(\d{2,3}(?:[.,]\d{1,3})?)"
_TEMPOS = (
    re.compile(rf"(?<![\d.]){_NUMBER}[ -]?bpm(?![a-z])", re.IGNORECASE),
    re.compile(rf"(?<![a-z])bpm[ =:-]{{0,3}}{_NUMBER}(?![\d])", re.IGNORECASE),
)
_BARE = re.compile(r"(?<![\w.#-])([1-9]\d{1,2}(?:\.\d{1,2})?)(?![\w.#])")
_ACCIDENTAL = r"(#|b|♯|♭| ?sharp| ?flat)?"
_SPELLED = re.compile(
    rf"(?<![a-z0-9#])([a-g]){_ACCIDENTAL}[ -]?(major|minor|maj|min|dur|moll)(?![a-z0-9])",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(?<![A-Za-z0-9#])([A-G])(#|b|♯|♭)?(m)(?![A-Za-z0-9#])")
_SAID = re.compile(
    rf"(?<![a-z])key(?: of| in)?[ =:-]{{0,3}}([a-g]){_ACCIDENTAL}(m)?(?![a-z0-9#])", re.IGNORECASE
)
_WHEEL = re.compile(r"(\d{1,2}) ?([abdm])", re.IGNORECASE)
# Machines whose number is not a tempo: "SH 101", "Juno 60", "DX 100".
_MACHINE = re.compile(
    r"(?<![a-z])(?:juno|jupiter|sh|dx|tx|cz|jx|jp|cs|ms|mc|tr|tb|mpc|sp|rz|dr|d|prophet|matrix|op|vol|volume"
    r"|part|no|nr|number|take|pack|kit)\W*$",
    re.IGNORECASE,
)


def read_tempo(value: object) -> float | None:
    """A tag's or a sidecar's tempo in bpm; None where it is no number that makes sense."""
    if isinstance(value, bool):
        return None
    try:
        tempo = float(str(value).lower().removesuffix("bpm").strip().replace(",", "."))
    except ValueError:
        return None
    inside = math.isfinite(tempo) and TEMPO_RANGE[0] <= tempo <= TEMPO_RANGE[1]
    return tempo if inside else None


def read_key(text: str) -> str | None:
    """A tag's key ("Am", "F# minor", "Db", Camelot "8A", Open Key "1m") as "A minor"."""
    text = text.strip()
    for pattern in (_SPELLED, _SHORT):
        if found := pattern.fullmatch(text):
            return _key(found[1], found[2], found[3])
    if found := re.fullmatch(rf"([A-Ga-g]){_ACCIDENTAL}(m)?", text):
        return _key(found[1], found[2], found[3])
    if (found := _WHEEL.fullmatch(text)) and 1 <= int(found[1]) <= 12:
        # The circle of fifths: Camelot has C major at 8B, Open Key at 1d.
        camelot = found[2].lower() in "ab"
        fifths = int(found[1]) - (8 if camelot else 1)
        minor = found[2].lower() in "am"
        pitch = (7 * fifths + (9 if minor else 0)) % 12
        return f"{_MINOR[pitch]} minor" if minor else f"{_MAJOR[pitch]} major"
    return None


def take_tempo(text: str) -> tuple[float | None, str]:
    """A tempo that says so ("120bpm", "BPM_92.5"), and the text without it."""
    for found in (one for pattern in _TEMPOS for one in pattern.finditer(text)):
        tempo = read_tempo(found[1])
        if tempo is not None:
            return tempo, _without(text, found)
    return None, text


def take_bare_tempo(text: str) -> tuple[float | None, str]:
    """A number alone that is a tempo ("DnB 174 Am"), and the text without it.

    Only between other words, in 60 … 200, and when it is the only such number: at the start
    or the end of a name a number counts files.
    """
    found = [
        one
        for one in _BARE.finditer(text)
        if BARE_RANGE[0] <= float(one[1]) <= BARE_RANGE[1]
        and text[: one.start()].strip(" -")
        and text[one.end() :].strip(" -")
        and not _MACHINE.search(text[: one.start()])
    ]
    if len(found) != 1:
        return None, text
    return float(found[0][1]), _without(text, found[0])


def take_key(text: str) -> tuple[str | None, str]:
    """A key ("Am", "F#min", "Bb major", "key C"), and the text without it."""
    for pattern in (_SPELLED, _SAID, _SHORT):
        if found := pattern.search(text):
            return _key(found[1], found[2], found[3]), _without(text, found)
    return None, text


def _key(letter: str, accidental: str | None, mode: str | None) -> str:
    shift = _SHIFTS[accidental.strip().lower()] if accidental else 0
    pitch = (_CLASSES[letter.lower()] + shift) % 12
    minor = mode is not None and mode.lower() in ("m", "min", "minor", "moll")
    return f"{_MINOR[pitch]} minor" if minor else f"{_MAJOR[pitch]} major"


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"
