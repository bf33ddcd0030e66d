"""Composed clips on disk, rendered once: a file's name says which score and renderer made it.

A clip is the first ten seconds of a piece as 16-bit FLAC. Files are whole or not there, so a run
that was stopped goes on from the next clip.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import soundfile
from rich.progress import track

from core.training.composer import render as renderer
from core.training.composer.score import Piece
from core.training.measure.prompts import CLIP_SECONDS
from core.types import MODEL_RATE


def composed_paths(pieces: Sequence[Piece], folder: Path, what: str) -> list[Path]:
    """FLAC files of the first ten seconds of each piece; what is not yet there is rendered.

    Raises MissingProgram without FluidSynth or sound font, OSError where nothing can be written.
    """
    home = folder / "composed"
    home.mkdir(parents=True, exist_ok=True)
    paths = [home / _name(piece) for piece in pieces]
    todo = [pair for pair in zip(pieces, paths, strict=True) if not pair[1].is_file()]
    for piece, path in track(todo, description=f"rendering {what}", disable=not todo):
        half = path.with_suffix(f".{os.getpid()}.tmp")
        pcm = renderer.render(piece)[: int(CLIP_SECONDS * MODEL_RATE)]
        soundfile.write(half, pcm, MODEL_RATE, subtype="PCM_16", format="FLAC")
        os.replace(half, path)
    return paths


def _name(piece: Piece) -> str:
    """Of the score, the renderer's source and the sound font: another sound, another name."""
    score = hashlib.sha256(repr(piece).encode()).hexdigest()[:16]
    return f"{piece.seed}-{score}-{_renderer_digest()}.flac"


@cache
def _renderer_digest() -> str:
    source = Path(renderer.__file__).read_bytes()
    font = str(renderer.find_sound_font().stat().st_size).encode()
    return hashlib.sha256(source + font).hexdigest()[:8]
