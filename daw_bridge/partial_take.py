"""A take in flight on disk: raw audio and tokens that grow. Disk thread only.

.take-0007.json   the description, as it was when the take was asked for
.take-0007.pcm    float32, interleaved; locked while its writer lives
.take-0007.codes  int16, frame after frame
.take-0007.context  tokens of the clip that it continues, if it does
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

import numpy as np

from daw_bridge.atomic import replace_file
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import record_of
from daw_bridge.take_writing import read_codes, write_codes

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be moved or removed there, which is enough
    fcntl = None


PIECE = 1 << 20  # bytes read at a time


class PartialTake:
    """Appends what arrives; what the disk refuses waits in memory, in order."""

    def __init__(self, folder: Path, record: TakeRecord, *, recover: bool = False) -> None:
        """Never raises when making a new take: a refusal is told by the first `add_pcm`."""
        self.record = record
        self.kept = False
        self.context: np.ndarray | None = None  # tokens before it that are no other take's
        self.samples = 0
        self._channels = 1
        self._base = folder / f".take-{record.take:04d}"
        self._codebooks = 4
        self._codes: list[np.ndarray] = []
        self._frames = 0
        self._waiting: list[bytes] = []
        self._told = False
        self._file: IO[bytes] | None = None
        self._codes_file: IO[bytes] | None = None
        if recover:
            try:
                self._read_back()
            except BaseException:
                self.release()
                raise
        else:
            self._begin()

    # ------------------------------------------------------------------ growing

    def add_pcm(self, pcm: np.ndarray) -> None:
        """Raises OSError the first time that the disk refuses, not again until it has obeyed."""
        pcm = np.ascontiguousarray(pcm, np.float32)
        self._note(channels=pcm.shape[1], codebooks=self._codebooks)
        self.samples += len(pcm)
        self._waiting.append(pcm.tobytes())
        try:
            if self._file is None:
                self._begin(strict=True)
            assert self._file is not None
            while self._waiting:
                written = self._file.write(self._waiting[0])
                if written < len(self._waiting[0]):
                    self._waiting[0] = self._waiting[0][written:]
                else:
                    self._waiting.pop(0)
            self._told = False
        except OSError:
            if not self._told:
                self._told = True
                raise

    @property
    def refused(self) -> bool:
        """Whether the disk refused audio, and that was told."""
        return self._told

    def add_codes(self, first_frame: int, codes: np.ndarray) -> None:
        """Tokens [codebooks, frames]; a restarted engine may tell some twice: they are skipped."""
        fresh = codes[:, max(0, self._frames - first_frame) :]
        if not fresh.shape[1]:
            return
        self._note(channels=self._channels, codebooks=codes.shape[0])
        self._codes.append(fresh.astype(np.int16))
        self._frames += fresh.shape[1]
        try:
            if self._codes_file is not None:
                self._codes_file.write(fresh.T.astype("<i2").tobytes())
        except OSError:  # they are still in memory; the audio's refusal is what is told
            self._codes_file = None

    def cut(self, frames: int, samples: int) -> None:
        """Keep the tokens before that frame and the sound before that sample, both counted from
        its first new frame; others take the place of the rest."""
        samples = max(0, samples + self.record.lead)
        if frames < self._frames:
            self._codes, self._frames = [self.codes[:, :frames]], frames
            try:
                if self._codes_file is not None:
                    self._codes_file.seek(frames * 2 * self._codebooks)
                    self._codes_file.truncate()
            except OSError:  # as in `add_codes`
                self._codes_file = None
        if samples < self.samples:
            waiting = b"".join(self._waiting)
            size = 4 * self._channels
            excess = (self.samples - samples) * size
            self.samples = samples
            self._waiting = [waiting[: len(waiting) - excess]] if excess < len(waiting) else []
            if excess > len(waiting) and self._file is not None:
                self._file.seek(samples * size)
                self._file.truncate()

    def note_record(self, record: TakeRecord) -> None:
        """What is known by now: a prompt that took over, say. Kept for a recovery."""
        self.record = replace(record, created=self.record.created, uid=self.record.uid)
        with contextlib.suppress(OSError):  # the audio's own refusal is what is told
            self._describe()

    def set_context(self, codes: np.ndarray) -> None:
        """Tokens [codebooks, frames] that the take continues and that are no other take's."""
        self.context = codes.astype(np.int16)
        with contextlib.suppress(OSError):
            write_codes(self._context_path, self.context)

    @property
    def _context_path(self) -> Path:
        return self._base.with_suffix(".context")

    def blocks(self) -> Iterator[np.ndarray]:
        """All audio so far, in pieces [samples, channels]: from the file, then what waits."""
        size, rest = 4 * self._channels, b""
        for piece in self._pieces():
            rest += piece
            whole = len(rest) // size * size
            yield np.frombuffer(rest[:whole], np.float32).reshape(-1, self._channels)
            rest = rest[whole:]

    @property
    def channels(self) -> int:
        return self._channels

    def _pieces(self) -> Iterator[bytes]:
        path = self._base.with_suffix(".pcm")
        if self._file is not None:
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        yield from self._waiting

    @property
    def codes(self) -> np.ndarray:
        """All tokens so far [codebooks, frames]."""
        none = np.zeros((self._codebooks, 0), np.int16)
        return np.concatenate(self._codes, axis=1) if self._codes else none

    # ------------------------------------------------------------------ files

    def release(self) -> None:
        """Close the files and leave them for the next start."""
        for file in (self._file, self._codes_file):
            if file is not None:
                file.close()
        self._file = self._codes_file = None

    def discard(self) -> None:
        """Remove the files: the take is written whole, or empty."""
        self.release()
        for suffix in (".json", ".pcm", ".codes", ".context"):
            self._base.with_suffix(suffix).unlink(missing_ok=True)

    def _note(self, *, channels: int, codebooks: int) -> None:
        """What the raw files hold, for whoever reads them back; known with the first block."""
        if (channels, codebooks) == (self._channels, self._codebooks):
            return
        self._channels, self._codebooks = channels, codebooks
        with contextlib.suppress(OSError):  # the audio's own refusal is what is told
            self._describe()

    def _describe(self) -> None:
        held = {"channels": self._channels, "codebooks": self._codebooks}
        text = json.dumps({**asdict(self.record), "path": "", **held})
        with replace_file(self._base.with_suffix(".json")) as file:
            file.write(text.encode())

    def _begin(self, *, strict: bool = False) -> None:
        pcm_path = self._base.with_suffix(".pcm")
        try:
            self._file = pcm_path.open("xb", buffering=0)  # another program's stays as it is
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._codes_file = self._base.with_suffix(".codes").open("wb", buffering=0)
            self._describe()  # last: with it the take is one that can be recovered
        except OSError:
            if self._file is not None:
                self.discard()
            if strict:
                raise

    def _read_back(self) -> None:
        """Raises OSError when another process is still writing it."""
        pcm_path = self._base.with_suffix(".pcm")
        self._file = pcm_path.open("r+b", buffering=0)
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        codes_path = self._base.with_suffix(".codes")
        raw = codes_path.read_bytes() if codes_path.exists() else b""
        described = json.loads(self._base.with_suffix(".json").read_text(encoding="utf-8"))
        self._channels = int(described.get("channels", 1))
        self._codebooks = codebooks = int(described.get("codebooks", 4))
        values = np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")
        self._codes = [values[: len(values) // codebooks * codebooks].reshape(-1, codebooks).T]
        self._frames = self._codes[0].shape[1]
        self.samples = pcm_path.stat().st_size // (4 * self._channels)
        with contextlib.suppress(OSError, ValueError):
            self.context = read_codes(self._context_path)


def find_partial_takes(folder: Path) -> Iterator[PartialTake]:
    """Takes that a process left behind without closing them, oldest first."""
    for path in sorted(folder.glob(".take-*.json")):
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            yield PartialTake(folder, record_of(table, path=""), recover=True)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # another process writes it, or it is no description of ours
