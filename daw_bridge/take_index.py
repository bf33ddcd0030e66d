"""The takes of a folder that are whole: read back, from sidecars or from what a WAV says of itself,
and known by number.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from core.errors import BadInput
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import record_of
from daw_bridge.take_writing import write_sidecar

LARGEST_SIDECAR = 4 << 20  # bytes
LINES_SAID = 5


class TakeIndex:
    """The disk thread changes it, any thread reads it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # guards _records
        self._records: dict[int, TakeRecord] = {}

    def read(self) -> tuple[str, ...]:
        """The folder as it is; a line for each file that was passed over. Raises OSError."""
        found, problems = read_folder(self._folder)
        with self._lock:
            self._records.update(found)
        return problems

    def records(self) -> tuple[TakeRecord, ...]:
        """Oldest first."""
        with self._lock:
            return tuple(self._records[take] for take in sorted(self._records))

    def find(self, take: int | None) -> TakeRecord | None:
        with self._lock:
            return None if take is None else self._records.get(take)

    def need(self, take: int) -> TakeRecord:
        """Raises BadInput where there is none such."""
        found = self.find(take)
        if found is None:
            raise BadInput(f"no take {take} in {self._folder}")
        return found

    def describe(self, record: TakeRecord) -> None:
        """Write its sidecar, and know it. Raises OSError."""
        write_sidecar(record)
        self.add(record)

    def add(self, record: TakeRecord) -> None:
        with self._lock:
            self._records[record.take] = record

    def drop(self, take: int) -> None:
        with self._lock:
            del self._records[take]


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
