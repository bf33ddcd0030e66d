"""The takes of a folder, read back: from sidecars, or from what a WAV says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import record_of

LARGEST_SIDECAR = 4 << 20  # bytes
LINES_SAID = 5


def read_folder(folder: Path) -> tuple[Mapping[int, TakeRecord], tuple[str, ...]]:
    """Records by number, and a line for each file that was passed over. Raises OSError."""
    names = {file.name for file in folder.iterdir()}
    records: dict[int, TakeRecord] = {}
    lines: list[str] = []
    for name in sorted(name for name in names if re.fullmatch(r"take-.*\.(json|wav)", name)):
        path = folder / name
        stem = name.rsplit(".", 1)[0]
        if name.endswith(".json") and f"{stem}.wav" not in names:
            continue  # its sound was deleted, and so it was
        if name.endswith(".wav") and f"{stem}.json" in names:
            continue
        try:
            record = _of_sidecar(path) if name.endswith(".json") else _of_wav(path)
        except (OSError, ValueError) as refused:
            lines.append(f"{name} is passed over: {_why(refused)}")
            continue
        if record is None:
            continue
        if record.take in records:
            other = Path(records[record.take].path).name
            lines.append(f"{name} is passed over: {other} is take {record.take} already")
            continue
        records[record.take] = record
    if len(lines) > LINES_SAID:
        more = len(lines) - LINES_SAID
        lines[LINES_SAID:] = [f"and {more} more files of {folder} are passed over"]
    return records, tuple(lines)


def _of_sidecar(path: Path) -> TakeRecord:
    if path.stat().st_size > LARGEST_SIDECAR:
        raise ValueError("it is too large for a take's description")
    try:
        table = json.loads(path.read_bytes())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("it is damaged") from None
    return record_of(table, path=str(path.with_suffix(".wav")))


def _of_wav(path: Path) -> TakeRecord | None:
    """A take whose sidecar is gone; None for a sound file of another kind."""
    found = read_take_file(path)
    if found is None or path.name != found.name:
        return None  # a copy, or somebody else's: it can be dropped to continue it
    return None if found.edited else found.record_at(path)


def _why(refused: OSError | ValueError) -> str:
    if isinstance(refused, OSError):
        return refused.strerror or type(refused).__name__
    return str(refused)
