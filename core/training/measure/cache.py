"""Arrays that were costly to make, kept under a name that says what they were made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray]


def kept(folder: Path, name: str, made_from: object, make: Callable[[], Arrays]) -> Arrays:
    """The arrays that `make` gives, from disk where they were made from the same before.

    made_from: everything the result depends on, with a repr that says all of it.
    A file that cannot be read is made again. Raises OSError where nothing can be written.
    """
    digest = hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]
    path = folder / f"{name}-{digest}.npz"
    if path.is_file():
        try:
            with np.load(path, allow_pickle=False) as found:
                return {key: found[key] for key in found.files}
        except (OSError, ValueError, EOFError, KeyError):
            path.unlink()
    arrays = make()
    folder.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}.tmp")
    with half.open("wb") as file:
        np.savez(file, **{key: np.asarray(value) for key, value in arrays.items()})
    os.replace(half, path)
    return arrays
