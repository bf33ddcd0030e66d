"""One take's files, each whole or not there: names, tags, sound, tokens, description."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from daw_bridge.atomic import replace_file, write_wav
from daw_bridge.take_chunks import TakeFile, Tokens, chunks_for, read_take_file
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import table_of


def free_path(folder: Path, record: TakeRecord) -> Path:
    """Where its WAV goes. What is there already is never written over."""
    plain = unicodedata.normalize("NFKD", record.prompt).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32].rstrip("-")
    stem = f"take-{record.take:04d}" + (f"-{slug}" if slug else "")
    path, more = folder / f"{stem}.wav", 1
    while path.exists() or path.with_suffix(".json").exists():
        more += 1
        path = folder / f"{stem}-{more}.wav"
    return path


def write_take(
    path: Path,
    record: TakeRecord,
    blocks: Iterable[np.ndarray],
    samples: int,
    channels: int,
    codes: Tokens,
    before: Tokens,
) -> None:
    """Sound and tokens. before: tokens that the take continues. Raises OSError."""
    write_wav(
        path,
        _first(blocks, samples),
        channels=channels,
        tags=_tags(record),
        chunks=lambda sound: chunks_for(record, samples, codes, before, sound),
    )
    write_codes(path.with_suffix(".npy"), codes)


def write_codes(path: Path, codes: Tokens) -> None:
    with replace_file(path) as file:
        np.save(file, codes.astype(np.int16), allow_pickle=False)


def write_sidecar(record: TakeRecord) -> None:
    """The description, whose presence says that the take is whole. Raises OSError."""
    with replace_file(Path(record.path).with_suffix(".json")) as file:
        file.write(json.dumps(table_of(record), indent=1, ensure_ascii=False).encode())


def copy_sound(source: Path, path: Path) -> None:
    """A WAV as it is. Raises OSError."""
    with source.open("rb") as file, replace_file(path) as copy:
        shutil.copyfileobj(file, copy)


def read_codes(path: Path) -> Tokens:
    """What `write_codes` wrote. Raises OSError; ValueError for what holds no tokens."""
    codes = np.load(path, allow_pickle=False)
    if codes.ndim != 2 or codes.dtype.kind not in "iu":
        raise ValueError("no tokens")
    return codes


def own_codes(record: TakeRecord) -> Tokens | None:
    """A take's tokens: from beside its WAV or from inside it."""
    return _codes_of(record, ".npy", lambda found: found.codes)


def context_codes(record: TakeRecord) -> Tokens | None:
    """Tokens that a take continues and that are no take's of this folder, if there are any."""
    codes = _codes_of(record, ".context.npy", lambda found: found.context)
    return codes if codes is not None and codes.shape[1] else None


def _codes_of(
    record: TakeRecord, suffix: str, inside: Callable[[TakeFile], Tokens]
) -> Tokens | None:
    path = Path(record.path)
    try:
        return read_codes(path.with_suffix(suffix))
    except (OSError, ValueError):
        pass
    try:
        found = read_take_file(path)
    except (OSError, ValueError):
        return None
    return inside(found) if found else None


def _first(blocks: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    for block in blocks:
        yield block[:samples]
        samples -= min(samples, len(block))


def _tags(record: TakeRecord) -> dict[str, str]:
    comment = f"seed {record.seed}, {record.tempo:g} bpm, model {record.model} {record.digest}"
    licences = {record.model: record.licence}
    for use in record.adapters:
        if use.weight:
            comment += f", adapter {use.name} {use.digest} at {use.weight:g}"
            licences[f"adapter {use.name}"] = use.licence
    rights = "; ".join(f"{name}: {licence}" for name, licence in licences.items() if licence)
    return {
        "title": record.prompt or f"take {record.take}",
        "comment": comment,
        "copyright": f"made with {rights}" if rights else "",
        "software": "daw-bridge",
        "date": record.created[:10],
    }
