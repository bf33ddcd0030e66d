"""A WAV of ours from another folder finds its place in this one's tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from core.errors import BadInput
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_writing import copy_sound, free_path, write_codes


def adopt_files(source: Path, take: int, folder: Path, records: Iterable[TakeRecord]) -> TakeRecord:
    """Copy sound and tokens of `source` into `folder` as number `take`; the record that is to
    be written last. Its parent is found again if it is among `records`.

    Raises OSError; ValueError and BadInput for a file that is no whole take.
    """
    found = read_take_file(source)
    if found is None or found.edited:
        raise BadInput(f"{source} has changed while it was read; try again")
    known, uid = found.record, found.record.parent_uid
    parent = next((r.take for r in records if uid and r.uid == uid), None)
    record = replace(
        known,
        take=take,
        parent=parent,
        at=None if parent is None else known.at,
        before=parent,
        source=known.source if parent else known.source or str(source),
    )
    path = free_path(folder, record)
    copy_sound(source, path)
    write_codes(path.with_suffix(".npy"), found.codes)
    if parent is None and found.context.shape[1]:
        write_codes(path.with_suffix(".context.npy"), found.context)
    return replace(record, path=str(path))
