"""Tags inside sound files: ID3 (MP3, WAV, AIFF), Vorbis comments (FLAC, Ogg, Opus), RIFF INFO.

mutagen reads them; libsndfile adds the INFO chunk of WAV files, which mutagen passes over.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mutagen
import soundfile

LONGEST = 200  # characters of a comment that is a caption
_FRAMES = {"TIT2": "title", "TCON": "genre", "TBPM": "bpm", "TKEY": "key"}
_COMMENTS = {
    "title": "title",
    "genre": "genre",
    "comment": "comment",
    "description": "comment",
    "bpm": "bpm",
    "tempo": "bpm",
    "key": "key",
    "initialkey": "key",
    "initial key": "key",
}
# What programs leave in a comment: addresses, encoder names, checksums, ripping notes.
_NOT_A_COMMENT = re.compile(
    r"https?:|www\.|\.com\b|lavf|lame|encod|ffmpeg|ripp|eac\b|libsndfile|converted|cover"
    r"|itun|kbps|[0-9a-f]{12,}",
    re.IGNORECASE,
)


def read_tags(path: Path) -> dict[str, str]:
    """What there is of title, genre, comment, bpm and key. Damaged tags count as none."""
    found = _info(path)
    try:
        opened = mutagen.File(path)
    # mutagen raises these, too, on tags that lie about their length
    except (mutagen.MutagenError, OSError, ValueError, KeyError, IndexError, struct.error):
        return found
    if opened is None or opened.tags is None:
        return found
    return found | _known(opened.tags)


def comment_of(tags: Mapping[str, str]) -> str:
    """The comment where it is a sentence about music, '' where a program left it."""
    text = tags.get("comment", "")
    sane = len(text) <= LONGEST and sum(ch.isalpha() for ch in text) >= 3
    return "" if _NOT_A_COMMENT.search(text) or not sane else text


def _known(tags: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in list(tags.keys()):
        try:
            value = tags[name]
        except (KeyError, ValueError):
            continue
        name = str(name)
        kind = _FRAMES.get(name) or _COMMENTS.get(name.lower())
        # COMM::eng and the like; programs keep binary notes under a description (COMM:iTunNORM)
        if name.startswith("COMM:") and name.split(":")[1] == "":
            kind = "comment"
        if kind is None or kind in found:
            continue
        text = " ".join(str(value[0] if isinstance(value, list) and value else value).split())
        if text:
            found[kind] = text
    return found


def _info(path: Path) -> dict[str, str]:
    try:
        with soundfile.SoundFile(path) as sound:
            raw = sound.copy_metadata()
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):
        return {}
    return {
        kind: " ".join(raw[kind].split())
        for kind in ("title", "genre", "comment")
        if raw.get(kind, "").strip()
    }
