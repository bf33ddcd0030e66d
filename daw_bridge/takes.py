"""The tree of takes on disk. One thread, the disk thread, calls the methods that write.

A take in flight is two growing raw files beside a description, so that even `kill -9` loses
no more than the last block; when it is whole it becomes

    take-0007-funky-drums.wav   24-bit PCM, prompt, seed and licence in its INFO chunk
    take-0007-funky-drums.npy   tokens [codebooks, frames], int16
    take-0007-….context.npy     tokens of the clip it continues, if it does
    take-0007-funky-drums.json  everything else; its presence says that the take is whole

each written beside its place and moved there. A disk that is full is reported once; the
audio is then kept in memory and written as soon as there is room.
"""

from __future__ import annotations

import errno
import json
import re
import tempfile
import threading
import unicodedata
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import platformdirs

from core.errors import BadInput, DawBridgeError
from core.generation.messages import Codes
from daw_bridge.atomic import replace_file, write_wav
from daw_bridge.effects import TakeRecord
from daw_bridge.partial_take import PartialTake, find_partial_takes

SIDECAR_VERSION = 1


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
        self._lock = threading.Lock()  # guards _records: read by any thread
        self._records: dict[int, TakeRecord] = {}
        self._growing: dict[int, PartialTake] = {}
        self._unwritten: dict[int, TakeRecord] = {}  # closed, and waiting for room
        sidecars: list[Path] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            sidecars = sorted(self.folder.glob("take-*.json"))
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as no:
            if no.errno != errno.ENOSPC or not self.folder.is_dir():  # room can be made later
                raise BadInput(
                    f"takes cannot be kept in {self.folder}: {no.strerror}; choose another folder"
                    " with --takes"
                ) from None
        for sidecar in sidecars:
            record = _read_sidecar(sidecar)
            if record is not None:
                self._records[record.take] = record
        self._recover()

    # ------------------------------------------------------------------ any thread

    def records(self) -> tuple[TakeRecord, ...]:
        """All whole takes, oldest first."""
        with self._lock:
            return tuple(self._records[take] for take in sorted(self._records))

    def children(self, take: int | None) -> tuple[TakeRecord, ...]:
        """The takes that continue `take`; None: those that continue none."""
        return tuple(r for r in self.records() if r.parent == take)

    @property
    def next_take(self) -> int:
        """A number that no take in the folder has, whole or not."""
        named = (re.match(r"\.?take-(\d+)", file.name) for file in self.folder.iterdir())
        return max((int(name[1]) for name in named if name), default=0) + 1

    # ------------------------------------------------------------------ a take in flight

    def open(self, record: TakeRecord) -> None:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        self._growing[record.take] = PartialTake(self.folder, replace(record, created=created))

    def add_pcm(self, take: int, pcm: np.ndarray) -> None:
        """Raises OSError once when the disk refuses; the audio is kept nonetheless."""
        if take in self._growing:
            self._growing[take].add_pcm(pcm)

    def add_codes(self, take: int, first_frame: int, codes: Codes) -> None:
        if take in self._growing:
            self._growing[take].add_codes(first_frame, codes)

    def add_context(self, take: int, codes: Codes) -> None:
        """The tokens of the clip that it continues, for takes that continue it in turn."""
        if take in self._growing:
            self._growing[take].context = codes.astype(np.int16)

    def close(self, record: TakeRecord) -> TakeRecord | None:
        """Write the take whole. None: nothing was made, so nothing is kept.

        Raises OSError when the disk refuses and that was not told; `write_waiting` tries again.
        """
        partial = self._growing.get(record.take)
        if partial is None:
            return None
        if partial.samples == 0:
            partial.discard()
            del self._growing[record.take]
            return None
        record = replace(record, created=partial.record.created)
        self._unwritten[record.take] = record
        try:
            return self._write(record)
        except OSError:
            if partial.refused:  # that was told while it grew
                return None
            raise

    def write_waiting(self) -> tuple[TakeRecord, ...]:
        """Try again what the disk refused. Quiet: the trouble was already told."""
        written = []
        for record in tuple(self._unwritten.values()):
            try:
                written.append(self._write(record))
            except OSError:
                break
        return tuple(written)

    def stop(self) -> None:
        """Let go of takes in flight; the next start recovers them."""
        for partial in self._growing.values():
            partial.release()
        self._growing.clear()

    # ------------------------------------------------------------------ looking back

    def mark(self, take: int) -> TakeRecord:
        """Note that a take is one to keep. Raises BadInput if there is none such."""
        if take in self._growing:
            self._growing[take].kept = True
            return self._growing[take].record
        record = replace(self._record(take), kept=True)
        self._write_sidecar(record)
        return record

    def codes_until(
        self, take: int, frame: int | None, limit: int
    ) -> tuple[Codes, TakeRecord, int]:
        """The last `limit` frames of tokens up to `frame` of a take, reaching back into the
        takes it continues; its record; and the frame. Raises BadInput when there are none."""
        partial = self._growing.get(take)
        record = partial.record if partial else self._record(take)
        codes = partial.codes if partial else self._codes(record)
        end = codes.shape[1] if frame is None else min(frame, codes.shape[1])
        parts, have, before = [codes[:, :end]], end, record
        parent, at = record.parent, record.at
        while have < limit and parent is not None and parent in self._records:
            before = self._records[parent]
            older = self._codes(before)[:, :at]
            if older.shape[0] != codes.shape[0]:
                break
            parts.insert(0, older)
            have += older.shape[1]
            parent, at = before.parent, before.at
        if have < limit and parent is None:
            growing = partial if before is record else None
            context = growing.context if growing else _context(before)
            if context is not None and context.shape[0] == codes.shape[0]:
                parts.insert(0, context)
        if have == 0:
            raise BadInput(f"take {take} has no tokens yet; wait until some of it is made")
        return np.concatenate(parts, axis=1)[:, -limit:].astype(np.int64), record, end

    def _record(self, take: int) -> TakeRecord:
        with self._lock:
            if take not in self._records:
                raise BadInput(f"no take {take} in {self.folder}")
            return self._records[take]

    def _codes(self, record: TakeRecord) -> np.ndarray:
        try:
            return np.load(Path(record.path).with_suffix(".npy"), allow_pickle=False)
        except (OSError, ValueError):
            raise BadInput(f"the tokens of take {record.take} are missing or broken") from None

    # ------------------------------------------------------------------ writing

    def _write(self, record: TakeRecord) -> TakeRecord:
        partial = self._growing[record.take]
        codes = partial.codes
        path = self.folder / f"{_stem(record)}.wav"
        record = replace(record, path=str(path), kept=record.kept or partial.kept)
        write_wav(path, partial.blocks(), channels=partial.channels, tags=_tags(record))
        with replace_file(path.with_suffix(".npy")) as file:
            np.save(file, codes.astype(np.int16), allow_pickle=False)
        if partial.context is not None:
            with replace_file(path.with_suffix(".context.npy")) as file:
                np.save(file, partial.context, allow_pickle=False)
        self._write_sidecar(record)
        partial.discard()
        del self._growing[record.take]
        self._unwritten.pop(record.take, None)
        return record

    def _write_sidecar(self, record: TakeRecord) -> None:
        path = Path(record.path)
        table = {"version": SIDECAR_VERSION, **asdict(record), "path": path.name}
        with replace_file(path.with_suffix(".json")) as file:
            file.write(json.dumps(table, indent=1, ensure_ascii=False).encode())
        with self._lock:
            self._records[record.take] = record

    def _recover(self) -> None:
        recovered = []
        for partial in find_partial_takes(self.folder):
            self._growing[partial.record.take] = partial
            frames = partial.codes.shape[1] or partial.samples // 640
            record = replace(partial.record, frames=frames, complete=False)
            try:
                if self.close(record) is not None:
                    recovered.append(record.take)
            except OSError:  # no room now: it stays as it is for the next start
                partial.release()
                self._growing.pop(record.take, None)
                self._unwritten.pop(record.take, None)
        self.recovered = tuple(recovered)


def _stem(record: TakeRecord) -> str:
    plain = unicodedata.normalize("NFKD", record.prompt).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32].rstrip("-")
    return f"take-{record.take:04d}" + (f"-{slug}" if slug else "")


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
    }


def _context(record: TakeRecord) -> np.ndarray | None:
    """The tokens of the clip that a take continues, where there was one."""
    try:
        return np.load(Path(record.path).with_suffix(".context.npy"), allow_pickle=False)
    except (OSError, ValueError):
        return None


def _read_sidecar(path: Path) -> TakeRecord | None:
    """A record, or None for a file that is broken, of another kind or without its audio."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        wav = path.with_suffix(".wav")
        return TakeRecord.of(table, path=str(wav)) if wav.exists() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def problem_of(error: OSError | DawBridgeError) -> tuple[str, str]:
    """Code and one line for a person."""
    if isinstance(error, DawBridgeError):
        return error.code, str(error)
    return "disk", f"takes cannot be written ({error.strerror or error}); make room: they are kept"
