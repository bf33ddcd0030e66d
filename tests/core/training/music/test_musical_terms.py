from __future__ import annotations

import pytest

from core.training.music.musical_terms import read_key, read_tempo


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        ("Am", "A minor"),
        ("F# minor", "F# minor"),
        ("Gbm", "F# minor"),
        ("Db", "Db major"),
        ("C#", "Db major"),
        ("H", None),
        ("8A", "A minor"),  # Camelot
        ("8B", "C major"),
        ("5A", "C minor"),
        ("12B", "E major"),
        ("1A", "G# minor"),
        ("1m", "A minor"),  # Open Key
        ("2d", "G major"),
        ("13A", None),
        ("o", None),
        ("", None),
    ],
)
def test_keys_in_tags(tag: str, key: str | None) -> None:
    assert read_key(tag) == key


@pytest.mark.parametrize(
    ("tag", "tempo"),
    [("120", 120), ("92,5", 92.5), ("128.00 BPM", 128), ("0", None), ("nan", None), ("fast", None),
     (None, None), (True, None), ("1e9", None)],
)  # fmt: skip
def test_tempos_in_tags(tag: object, tempo: float | None) -> None:
    assert read_tempo(tag) == tempo
