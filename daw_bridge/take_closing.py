"""Takes that are over become files: now, or when the disk has room, or elsewhere when it is late.
Disk thread only.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.types import SAMPLES_PER_FRAME
from daw_bridge.disk_messages import LoopReady
from daw_bridge.partial_take import PartialTake
from daw_bridge.take_index import TakeIndex
from daw_bridge.take_lineage import Lineage
from daw_bridge.take_loop import make_loop_of
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_writing import free_path, write_codes, write_take


class TakeCloser:
    """growing: takes in flight, by number; one that was written whole is taken out of them."""

    def __init__(
        self, folder: Path, growing: dict[int, PartialTake], index: TakeIndex, lineage: Lineage
    ) -> None:
        self._folder, self._growing = folder, growing
        self._index, self._lineage = index, lineage
        self._unwritten: dict[int, TakeRecord] = {}  # waiting for room
        self._loops: dict[int, np.ndarray] = {}  # what is heard of a take that is a loop

    def make_loop(self, record: TakeRecord) -> tuple[TakeRecord, LoopReady]:
        """Of a take that is whole: one round of it, with its wrap, is what `close` writes.

        What is left of the take's own sound is in its tokens.
        """
        made = make_loop_of(record, self._growing[record.take])
        self._loops[record.take] = made.pcm
        return replace(record, drift=made.drift), made

    def close(self, record: TakeRecord) -> TakeRecord:
        """The record with its path. Raises OSError; `write_waiting` tries again."""
        self._unwritten[record.take] = record
        return self._write(record)

    def write_waiting(self) -> tuple[TakeRecord, ...]:
        """Try again what the disk refused. Quiet: the trouble was already told."""
        written = []
        for record in tuple(self._unwritten.values()):
            try:
                written.append(self._write(record))
            except OSError:
                break
        return tuple(written)

    def rescue(self) -> tuple[str, ...]:
        """What the disk still refuses goes to the system's temporary folder: a line for each."""
        said = tuple(self._rescue(record) for record in self._unwritten.values())
        self._unwritten.clear()
        return said

    def give_up(self, take: int) -> None:
        """It stays as it is, for the next start."""
        self._growing.pop(take).release()
        self._unwritten.pop(take, None)

    def _rescue(self, record: TakeRecord) -> str:
        """Write the WAV, which holds all of a take, where there is room."""
        try:
            folder = Path(tempfile.mkdtemp(prefix="daw-bridge-"))
            path = self._write_sound(record, folder).path
        except OSError as refused:
            why = refused.strerror or refused
            return f"take {record.take} could not be written anywhere ({why}) and is lost"
        return f"take {record.take} found no room in {self._folder}; it is in {path}"

    def _write(self, record: TakeRecord) -> TakeRecord:
        partial = self._growing[record.take]
        record = self._write_sound(record, self._folder)
        if partial.context is not None:
            write_codes(Path(record.path).with_suffix(".context.npy"), partial.context)
        self._index.describe(record)
        partial.discard()
        del self._growing[record.take]
        self._unwritten.pop(record.take, None)
        self._loops.pop(record.take, None)
        return record

    def _write_sound(self, record: TakeRecord, folder: Path) -> TakeRecord:
        """WAV and tokens; the record with their path. Raises OSError."""
        partial = self._growing[record.take]
        samples = partial.samples
        if record.complete or 0 <= samples - record.samples < SAMPLES_PER_FRAME:
            samples = record.samples or samples  # to the sample, or where a frame ends
        path = free_path(folder, record)
        record = replace(record, path=str(path), kept=record.kept or partial.kept)
        codes = partial.codes
        codes = codes[:, : record.frames] if record.frames else codes
        before = self._lineage.before(record, codes.shape[0])
        loop = self._loops.get(record.take)
        blocks = partial.blocks() if loop is None else [loop]
        write_take(path, record, blocks, samples, partial.channels, codes, before)
        return record
