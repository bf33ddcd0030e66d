"""A folder of rendered pieces: NNNNNNNN.flac and NNNNNNNN.json, resumable."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from core.training.composer.captions import captions
from core.training.composer.compose import compose, plan
from core.training.composer.render import RATE, render
from core.training.composer.score import Piece
from core.training.composer.words import instrument_names, names_key

WORDINGS = 6


def facts(piece: Piece) -> dict[str, Any]:
    """What is known of a piece, ready for JSON; `key` is null where none is heard."""
    rng = np.random.default_rng([piece.seed, 4])
    return {
        "seed": piece.seed,
        "style": piece.style,
        "subset": piece.subset,
        "tempo": piece.tempo,
        "key": piece.key if names_key(piece) else None,
        "beats_per_bar": piece.beats_per_bar,
        "bars": piece.bars,
        "swing": piece.swing,
        "samples": piece.samples(RATE),
        "rate": RATE,
        "instruments": [instrument_names(track)[0] for track in piece.tracks],
        "roles": [track.role for track in piece.tracks],
        "captions": captions(piece, rng, WORDINGS),
    }


def write_piece(folder: Path, seed: int, index: int) -> float:
    """Render the `index`-th piece into `folder` unless it is there; its length in seconds.

    The JSON is written last: where it stands, the audio beside it is whole.
    """
    piece = compose(*plan(seed, index))
    audio, sidecar = folder / f"{index:08d}.flac", folder / f"{index:08d}.json"
    if audio.is_file() and sidecar.is_file():
        return piece.seconds
    half = folder / f".{index:08d}.{os.getpid()}"
    try:
        sf.write(half, render(piece), RATE, subtype="PCM_16", format="FLAC")
        os.replace(half, audio)
        half.write_text(json.dumps(facts(piece), indent=1) + "\n", encoding="utf-8")
        os.replace(half, sidecar)
    finally:
        half.unlink(missing_ok=True)
    return piece.seconds


def write_corpus(folder: Path, hours: float, seed: int, workers: int = 1) -> Iterator[float]:
    """Fill `folder` with pieces 0, 1, … until they last `hours`; yields each one's seconds.

    Any prefix of the files is a balanced set. Raises MissingProgram and OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write = partial(write_piece, folder, seed)
    wanted = hours * 3600.0
    done, index = 0.0, 0
    if workers <= 1:
        while done < wanted:
            seconds = write(index)
            done, index = done + seconds, index + 1
            yield seconds
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while done < wanted:
            # A chunk at a time, so that the last one overshoots by a few pieces at most.
            chunk = max(1, min(workers * 8, int((wanted - done) / 30.0)))
            for seconds in pool.map(write, range(index, index + chunk)):
                done += seconds
                yield seconds
            index += chunk
