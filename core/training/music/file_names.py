"""What a sample pack's folder and file names say: words, tempo and key.

"Drum Loops/120bpm_funky_break_01.wav" → "funky break, drum loops, 120 bpm"
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath

from core.training.music.musical_terms import take_bare_tempo, take_key, take_tempo

FOLDERS = 2  # the nearest folders that have something to say
MOST_WORDS = 12  # of one name
_JUNK = (
    "wav wave flac mp3 ogg aif aiff final master mastered mixdown bounce bounced export exported"
    " render rendered copy untitled unnamed audio track file new version edit take rec recording"
    " sample samples preview stereo mono bpm khz hz kbps bit www com"
)
JUNK = frozenset(_JUNK.split())
MACHINES = frozenset(("303", "606", "707", "808", "909"))  # numbers that are words
COUNTED = frozenset(("bit", "step", "bar", "bars", "beat", "beats"))  # "8 bit", "2 step"
_SEPARATORS = re.compile(r"[_\s,;+~=()\[\]{}|/\\]+")
_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")  # "92.5" keeps its point
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z]{2})")
_TECHNICAL = re.compile(r"v\d+|\d+(?:bits?|k|khz|hz|kbps)|[0-9a-f]{8,}", re.IGNORECASE)
_NUMBERED = re.compile(r"([^\W\d]{2,})(\d+)")
_CHORD = re.compile(r"[a-g][#b]?(?:maj|min|m|sus|add|dim|aug)\d{1,2}")
_DECADE = re.compile(r"(?:19|20)?\d0s")
_JOINED = {("lo", "fi"): "lo-fi", ("hi", "hat"): "hi-hat", ("8", "bit"): "8-bit"}


@dataclass(frozen=True, slots=True)
class Named:
    """What one name says. words: lower case, '' where it has none."""

    words: str
    tempo: float | None
    key: str | None


def read_name(name: str) -> Named:
    """One folder's name, or a file's without its suffix. Any text is fine."""
    text = unicodedata.normalize("NFC", name)
    text = _CAMEL.sub(" ", _POINT.sub(" ", _SEPARATORS.sub(" ", text)))
    tempo, text = take_tempo(text)
    if tempo is None:
        tempo, text = take_bare_tempo(text)
    key, text = take_key(text)
    return Named(_words(text), tempo, key)


def _words(text: str) -> str:
    tokens = [token.strip("'\"!?-–—.:&#@") for token in re.split(r"[\s\-–—.]+", text.lower())]
    tokens = [token for token in tokens if token]
    found: list[str] = []
    for token, following in zip(tokens, [*tokens[1:], ""], strict=False):
        if token.isdecimal():
            if token in MACHINES or following in COUNTED:
                found.append(token)
        elif _CHORD.fullmatch(token):
            found.append(token)
        elif numbered := _NUMBERED.fullmatch(token):
            # "break01" is a break, "tr808" is a machine
            word = token if numbered[2] in MACHINES else numbered[1]
            if word not in JUNK and len(word) > 2:
                found.append(word)
        else:
            counted = token in COUNTED and found and found[-1].isdecimal()
            if counted or _DECADE.fullmatch(token) or not _meaningless(token):
                found.append(token)
    joined: list[str] = []
    for word in found:
        if joined and (joined[-1], word) in _JOINED:
            joined[-1] = _JOINED[joined[-1], word]
        else:
            joined.append(word)
    return " ".join(joined[:MOST_WORDS])


def _meaningless(token: str) -> bool:
    """A technical word, less than two letters, or a serial number such as 7f3a9c21."""
    if token in JUNK or _TECHNICAL.fullmatch(token):
        return True
    letters = sum(ch.isalpha() for ch in token)
    digits = sum(ch.isdigit() for ch in token)
    return letters < 1 or (letters == 1 and token.isascii()) or (digits >= 3 and letters <= digits)


def read_path(relative: PurePath) -> Named:
    """A file's name and its folders', the nearest first; tempo and key from whichever has one.

    relative: the path below the folder of music. words: comma-separated.
    """
    names = [read_name(relative.stem)]
    names += [read_name(folder) for folder in reversed(relative.parts[:-1])]
    parts: list[str] = []
    for index, named in enumerate(names):
        known = set(" ".join(parts).split())
        wanted = index == 0 or len(parts) < FOLDERS + 1
        if named.words and wanted and not set(named.words.split()) <= known:
            parts.append(named.words)
    tempo = next((named.tempo for named in names if named.tempo is not None), None)
    key = next((named.key for named in names if named.key is not None), None)
    return Named(", ".join(parts), tempo, key)


def caption(words: str, key: str | None, tempo: float | None) -> str:
    """Words, key and tempo in the composer's way; '' where nothing is known."""
    parts = [words] if words else []
    parts += [key] if key else []
    parts += [f"{tempo:g} bpm"] if tempo else []
    return ", ".join(parts)
