"""The tree of takes on disk. One thread, the disk thread, calls the methods that write.

A take in flight is two growing raw files beside a description, so that even `kill -9` loses
no more than the last block; when it is whole it becomes

    take-0007-funky-drums.wav   24-bit PCM, and all that follows in its chunks (take_chunks.py)
    take-0007-funky-drums.npy   tokens [codebooks, frames], int16
    take-0007-….context.npy     tokens of the clip it continues, if it does
    take-0007-funky-drums.json  everything else; its presence says that the take is whole

each written beside its place and moved there. A disk that is full is reported once; the
audio is then kept in memory and written as soon as there is room. The WAV alone is enough to
have the take back.
"""

from __future__ import annotations

import errno
import re
import tempfile
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from core.errors import BadInput, DawBridgeError
from core.generation.messages import Codes
from core.types import SAMPLES_PER_FRAME
from daw_bridge.disk_messages import LoopReady
from daw_bridge.partial_take import PartialTake, find_partial_takes
from daw_bridge.take_adoption import adopt_files
from daw_bridge.take_chunks import TakeFile, read_take_file
from daw_bridge.take_closing import TakeCloser
from daw_bridge.take_index import TakeIndex
from daw_bridge.take_lineage import Lineage
from daw_bridge.take_numbers import TakeNumbers
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_shelf import TakeShelf
from daw_bridge.take_sound import read_sound


def default_folder() -> Path:
    return Path(platformdirs.user_data_dir("daw-bridge", appauthor=False)) / "takes"


class TakeLibrary:
    """All takes of one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads the folder back and recovers takes that a crash cut short.

        Raises BadInput when the folder cannot be made or read.
        """
        self.folder = folder or default_folder()
        self.recovered: tuple[int, ...] = ()
        self.problems: tuple[str, ...] = ()  # a line for each file that was passed over
        self._index = TakeIndex(self.folder)
        self._growing: dict[int, PartialTake] = {}
        self._lineage = Lineage(self._growing, self._index.find)
        self._closer = TakeCloser(self.folder, self._growing, self._index, self._lineage)
        self._shelf = TakeShelf(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.problems = self._index.read()
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as no:
            if no.errno != errno.ENOSPC or not self.folder.is_dir():  # room can be made later
                raise BadInput(
                    f"takes cannot be kept in {self.folder}: {no.strerror}; choose another folder"
                    " with --takes"
                ) from None
        self._numbers = TakeNumbers(self.folder)
        self._recover()

    # ------------------------------------------------------------------ any thread

    def records(self) -> tuple[TakeRecord, ...]:
        """All whole takes, oldest first."""
        return self._index.records()

    def children(self, take: int | None) -> tuple[TakeRecord, ...]:
        """The takes that continue `take`; None: those that continue none."""
        return tuple(r for r in self.records() if r.parent == take)

    @property
    def current(self) -> int:
        """The take that was current when the folder was last used; else the newest; 0: none."""
        last, takes = self._numbers.current, [record.take for record in self.records()]
        return last if last in takes else max(takes, default=0)

    def claim_numbers(self) -> int:
        """The first number that this program may give to a take. No number is given twice, and
        another program on the folder gets others."""
        named = (re.match(r"\.?take-(\d{1,9})", file.name) for file in self.folder.iterdir())
        return self._numbers.claim(max((int(name[1]) for name in named if name), default=0))

    # ------------------------------------------------------------------ a take in flight

    def open(self, record: TakeRecord) -> None:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        parent = self._index.find(record.parent)
        named = replace(
            record,
            created=created,
            uid=uuid.uuid4().hex,
            parent_uid=parent.uid if parent else "",
        )
        self._growing[record.take] = PartialTake(self.folder, named)
        self.keep_current(record.take)

    def keep_current(self, take: int) -> None:
        """Remember the current take. Quiet: what a full disk refuses is told by the audio."""
        growing = max(self._growing, default=0)
        try:
            self._numbers.note(last=growing, current=take)
        except OSError:
            return

    def add_pcm(self, take: int, pcm: np.ndarray) -> None:
        """Raises OSError once when the disk refuses; the audio is kept nonetheless."""
        if take in self._growing:
            self._growing[take].add_pcm(pcm)

    def add_codes(self, take: int, first_frame: int, codes: Codes) -> None:
        if take in self._growing:
            self._growing[take].add_codes(first_frame, codes)

    def cut(self, take: int, frames: int, samples: int) -> None:
        """Sound and tokens after these were taken back before they were heard."""
        if take in self._growing:
            self._growing[take].cut(frames, samples)

    def add_context(self, take: int, codes: Codes) -> None:
        """The tokens of the clip that it continues, for takes that continue it in turn."""
        if take in self._growing:
            self._growing[take].set_context(codes)

    def note(self, record: TakeRecord) -> None:
        """What has changed about a take in flight, so that a crash does not forget it."""
        if record.take in self._growing:
            self._growing[record.take].note_record(record)

    def close(self, record: TakeRecord) -> TakeRecord | None:
        """Write the take whole. None: nothing was made, so nothing is kept.

        Raises OSError when the disk refuses and that was not told; `write_waiting` tries again.
        """
        partial = self._growing.get(record.take)
        if partial is None:
            return None
        if partial.samples <= (0 if record.frames else record.lead):
            partial.discard()
            del self._growing[record.take]
            return None
        known = partial.record
        record = replace(record, created=known.created, uid=known.uid, parent_uid=known.parent_uid)
        try:
            return self._closer.close(record)
        except OSError:
            if partial.refused:  # that was told while it grew
                return None
            raise

    def close_loop(self, record: TakeRecord) -> tuple[TakeRecord, LoopReady]:
        """`TakeCloser.make_loop`."""
        return self._closer.make_loop(record)

    def write_waiting(self) -> tuple[TakeRecord, ...]:
        """Try again what the disk refused. Quiet: the trouble was already told."""
        return self._closer.write_waiting()

    def stop(self) -> tuple[str, ...]:
        """Let go of takes in flight; the next start recovers them. What the disk still refuses
        goes to the system's temporary folder: a line for each says where it is."""
        said = self._closer.rescue()
        for partial in self._growing.values():
            partial.release()
        self._growing.clear()
        self._numbers.release()
        return said

    # ------------------------------------------------------------------ looking back

    def mark(self, take: int, *, kept: bool = True) -> TakeRecord:
        """Note that a take is one to keep. Raises BadInput if there is none such."""
        if take in self._growing:
            self._growing[take].kept = kept
            return self._growing[take].record
        return self._changed(take, kept=kept)

    def rename(self, take: int, name: str) -> TakeRecord:
        """Give a take that is whole a name; its files keep theirs. Raises BadInput, OSError."""
        return self._changed(take, name=name)

    def discard(self, take: int) -> None:
        """Move a take's files aside. Raises BadInput, OSError."""
        record = self._index.need(take)
        self._numbers.note(last=take)  # so that the number is not given again
        self._shelf.put(record)
        self._index.drop(take)

    def reclaim(self, take: int | None) -> TakeRecord:
        """Bring a take's files back (None: those discarded last). Raises BadInput, OSError."""
        record = self._shelf.fetch(take)
        self._index.add(record)
        return record

    def sound(self, take: int, first: int, count: int) -> tuple[np.ndarray, int]:
        """Samples of a take's WAV, float32 [at most count, channels], and how many it has.

        Raises BadInput where there is no such file any more, or one that is not as we wrote it.
        """
        return read_sound(self._index.need(take), first, count)

    def _changed(self, take: int, **changes: Any) -> TakeRecord:
        record = replace(self._index.need(take), **changes)
        self._index.describe(record)
        return record

    def codes_until(self, take: int, frame: int | None) -> tuple[Codes, TakeRecord, int]:
        """`Lineage.codes_until`. Raises BadInput."""
        return self._lineage.codes_until(take, frame)

    def codes_before(self, take: int) -> tuple[Codes, TakeRecord]:
        """`Lineage.codes_before`. Raises BadInput."""
        return self._lineage.codes_before(take)

    # ------------------------------------------------------------------ files of ours

    def take_of(self, path: Path) -> int | TakeFile | None:
        """What take a dropped file is: the number of one that is here, another folder's, or none.

        Raises OSError; ValueError for a take's file that is damaged.
        """
        found = read_take_file(path)
        if found is None or found.edited:
            return found
        known = (r.take for r in self.records() if r.uid and r.uid == found.record.uid)
        return next(known, found)

    def adopt(self, path: Path, take: int) -> TakeRecord:
        """Take a WAV of ours that is not of this folder into it, as number `take`.

        Its parent is found again if it is here. Raises OSError, ValueError, BadInput.
        """
        record = adopt_files(path, take, self.folder, self.records())
        self._index.describe(record)
        return record

    # ------------------------------------------------------------------ after a crash

    def _recover(self) -> None:
        recovered = []
        for partial in find_partial_takes(self.folder):
            take = partial.record.take
            if self._index.find(take):  # it was written, and killed before it was tidied up
                partial.discard()
                continue
            self._growing[take] = partial
            heard = max(0, partial.samples - partial.record.lead) // SAMPLES_PER_FRAME
            frames = min(partial.codes.shape[1], heard) if heard else 0
            record = replace(partial.record, frames=frames or heard, complete=False)
            try:
                if self.close(record) is not None:
                    recovered.append(take)
            except OSError:  # no room now: it stays as it is for the next start
                self._closer.give_up(take)
        self.recovered = tuple(recovered)


def problem_of(error: OSError | DawBridgeError) -> tuple[str, str]:
    """Code and one line for a person."""
    if isinstance(error, DawBridgeError):
        return error.code, str(error)
    return "disk", f"takes cannot be written ({error.strerror or error}); make room: they are kept"
