"""Captions and facts of a sound file: its sidecar's, its tags', or its name's.

Facts are gathered from all three, the sidecar's word counting most; captions come from the
first that has any. A sidecar is `clip.txt` (a caption a line) or `clip.json` (`captions`, and
facts such as `tempo`, `key`, `beats_per_bar`, `instruments`); `clip.wav.txt` will do too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.training.music.file_names import caption, read_name, read_path
from core.training.music.musical_terms import TEMPO_RANGE, read_key, read_tempo
from core.training.music.tags import comment_of, read_tags

LARGEST = 2**20  # bytes of a sidecar
MOST_BEATS = 32  # in a bar


@dataclass(slots=True)
class Label:
    """captions and facts as TokenClip has them. problems: what was wrong with a sidecar."""

    captions: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def bar_seconds(self) -> float | None:
        tempo = self.facts.get("tempo")
        return 60 / tempo * (self.facts.get("beats_per_bar") or 4) if tempo else None


class _BadSidecar(Exception):
    pass


def label_of(path: Path, folder: Path) -> Label:
    """What is known of `path`, a file below `folder`. Never raises for what it finds there."""
    label = Label()
    told: list[str] | None = None  # an empty list in a sidecar means: no caption
    for sidecar in _sidecars(path):
        try:
            if sidecar.suffix == ".json":
                captions, facts = _read_json(sidecar, label.problems)
                label.facts |= facts
            else:
                captions = _read_lines(sidecar)
        except (_BadSidecar, OSError) as problem:
            text = getattr(problem, "strerror", None) or problem
            label.problems.append(f"its sidecar {sidecar.name} was not used: {text}")
            continue
        if captions is not None:
            told = (told or []) + [one for one in captions if one not in (told or [])]

    tags = read_tags(path)
    named = read_path(path.relative_to(folder))
    tagged = {"tempo": read_tempo(tags.get("bpm")), "key": read_key(tags.get("key", ""))}
    for name, values in (("tempo", (tagged["tempo"], named.tempo)),
                         ("key", (tagged["key"], named.key))):  # fmt: skip
        known = next((value for value in values if value is not None), None)
        if name not in label.facts and known is not None:
            label.facts[name] = known
    if told is not None:
        label.captions = told
        return label
    tempo, key = label.facts.get("tempo"), label.facts.get("key")
    words = _tag_words(tags, path) or named.words
    if text := caption(words, key if isinstance(key, str) else None, tempo):
        label.captions = [text]
    return label


def _sidecars(path: Path) -> list[Path]:
    names = [path.with_suffix(".json"), path.with_name(path.name + ".json")]
    names += [path.with_suffix(".txt"), path.with_name(path.name + ".txt")]
    return [name for name in names if name.is_file()]


def _tag_words(tags: Mapping[str, str], path: Path) -> str:
    """Title, genre and comment; '' where they say no more than the file's name."""
    title = read_name(tags.get("title", "")).words
    genre, comment = tags.get("genre", "").lower(), comment_of(tags)
    if not genre and not comment and title == read_name(path.stem).words:
        return ""
    return ", ".join(dict.fromkeys(part for part in (comment, genre, title) if part))


# ---------------------------------------------------------------- sidecars


def _text(sidecar: Path) -> str:
    if sidecar.stat().st_size > LARGEST:
        raise _BadSidecar("it is larger than 1 MB")
    raw = sidecar.read_bytes()
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise _BadSidecar("it is not UTF-8 text") from None
    if "\0" in text:
        raise _BadSidecar("it is not text")
    return text


def _read_lines(sidecar: Path) -> list[str]:
    lines = [" ".join(line.split()) for line in _text(sidecar).splitlines()]
    captions = [line for line in lines if line]
    if not captions:
        raise _BadSidecar("it is empty")
    return captions


def _read_json(sidecar: Path, problems: list[str]) -> tuple[list[str] | None, dict[str, Any]]:
    """Captions (None where it has none to say) and facts. One bad fact does not spoil the rest."""
    try:
        found = json.loads(_text(sidecar), parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise _BadSidecar(f"it is not JSON ({problem})") from None
    if not isinstance(found, dict):
        raise _BadSidecar("it is no JSON object")
    captions = found.pop("captions", found.pop("caption", None))
    if isinstance(captions, str):
        captions = [captions]
    if captions is not None:
        if not isinstance(captions, list) or not all(isinstance(one, str) for one in captions):
            problems.append(f"in {sidecar.name} captions is not a list of texts")
            captions = None
        else:
            captions = [" ".join(one.split()) for one in captions if one.strip()]
    for name, why in _bad_facts(found):
        problems.append(f"in {sidecar.name} {name} = {found.pop(name)!r} was not used: {why}")
    return captions, found


def _bad_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    bad = []
    tempo, beats, key = (facts.get(name) for name in ("tempo", "beats_per_bar", "key"))
    low, high = TEMPO_RANGE
    if tempo is not None and not (_number(tempo) and low <= tempo <= high):
        bad.append(("tempo", f"use a number from {low:g} to {high:g} bpm"))
    if beats is not None and not (_number(beats) and 1 <= beats <= MOST_BEATS):
        bad.append(("beats_per_bar", f"use a number from 1 to {MOST_BEATS}"))
    if key is not None and not isinstance(key, str):
        bad.append(("key", 'use a text such as "A minor"'))
    return bad


def _number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")
