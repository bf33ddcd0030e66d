"""The key of a clip: its chroma against the key profiles of Krumhansl and Kessler.

(Krumhansl, 1990, "Cognitive Foundations of Musical Pitch", chapter 4: the probe-tone ratings,
correlated with the clip's pitch-class distribution in all 24 keys.) The composer's modes count as
the major or minor key that has their third, as its captions call them.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from core.training.measure.spectra import Clip, Matrix, chroma

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHIFTS = {"": 0, "#": 1, "b": -1}

Key = tuple[int, bool]  # pitch class of the tonic, whether minor


def parse_key(name: str) -> Key:
    """'F# minor' → (6, True). ValueError for what is no key."""
    tonic, _, mode = name.partition(" ")
    if tonic[:1] not in _CLASSES or tonic[1:] not in _SHIFTS or mode not in ("major", "minor"):
        raise ValueError(f"not a key: {name!r}")
    return (_CLASSES[tonic[0]] + _SHIFTS[tonic[1:]]) % 12, mode == "minor"


def estimate_key(pcm: Clip) -> Key | None:
    """The key that fits best; None for a clip without any pitch class that stands out."""
    columns = chroma(pcm)
    loud = columns.sum(axis=0)
    if loud.max(initial=0.0) < 1e-6:
        return None
    # Each moment counts by its level's root: a loud chord is not the whole piece.
    profile = (columns / np.maximum(np.sqrt(loud), 1e-6)).mean(axis=1)
    if profile.std() < 1e-9:
        return None
    standard = (profile - profile.mean()) / profile.std()
    best = int(np.argmax(_profiles() @ standard))
    return best % 12, best >= 12


def key_score(found: Key | None, asked: Key) -> float:
    """MIREX's audio key detection: 1, a fifth 0.5, relative key 0.3, parallel key 0.2, else 0."""
    if found is None:
        return 0.0
    up, same_mode = (found[0] - asked[0]) % 12, found[1] == asked[1]
    if same_mode:
        return {0: 1.0, 7: 0.5, 5: 0.5}.get(up, 0.0)
    if up == 0:
        return 0.2
    relative = 3 if asked[1] else 9  # A minor → C major; C major → A minor
    return 0.3 if up == relative else 0.0


@cache
def _profiles() -> Matrix:
    """[24, 12]: the majors from C up, then the minors, each standardised."""
    rows = [np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]
    table = np.array(rows)
    return (table - table.mean(axis=1, keepdims=True)) / table.std(axis=1, keepdims=True)
