"""The folder of tokens while it is being written: locked, checked, one shard at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from safetensors.numpy import save

from core.errors import BadInput, DawBridgeError
from core.training.tokens.clips import TokenClip, shard_indices

CLIPS_A_SHARD = 64
LOCK = ".lock"


class TokensRefused(DawBridgeError):
    """The disk does not take the tokens; what was written before is whole."""

    code = "disk"


@dataclass(frozen=True, slots=True)
class Origin:
    """Which file a clip came from, as it was then.

    file: path below the folder of music. piece, pieces: the how-manieth of how many.
    at: samples at 32 kHz where the piece starts. notes: what was noticed about the file.
    """

    file: str
    size: int
    mtime_ns: int
    piece: int
    pieces: int
    at: int
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class StoredClip:
    """A clip that is on disk, without its codes."""

    origin: Origin
    frames: int
    captions: list[str]
    facts: dict[str, Any]


class TokenStore:
    """Use as a context manager: it holds the folder's lock from start to end.

    setting: what all shards must agree on, by name ("codec", "loudness" …); it is kept in
    every index. folder: of the music.
    Raises BadInput when another run holds the folder, or when its shards were made otherwise;
    TokensRefused when it cannot be written.
    """

    def __init__(self, out: Path, folder: Path, setting: dict[str, Any]) -> None:
        self.out, self.folder, self.setting = out, folder, setting
        self.stored: dict[str, list[StoredClip]] = {}  # by file
        self._waiting: list[tuple[TokenClip, Origin]] = []
        self._number = 0
        self._lock = FileLock(out / LOCK)

    def __enter__(self) -> TokenStore:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BadInput(
                f"another run is writing {self.out}; wait for it to end, or name another folder"
            ) from None
        except OSError as refused:
            raise self._refused(refused) from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *left: object) -> None:
        self._lock.release()

    def _open(self) -> None:
        for half in self.out.glob("*.tmp"):  # of a run that was killed
            half.unlink(missing_ok=True)
        for index in shard_indices(self.out):
            self._check(index)
            self._number = int(index["path"].stem.rpartition("-")[2]) + 1
            for entry in index["clips"]:
                clip = StoredClip(
                    Origin(**entry["from"]), entry["frames"], entry["captions"], entry["facts"]
                )
                self.stored.setdefault(clip.origin.file, []).append(clip)

    def _check(self, index: dict[str, Any]) -> None:
        if "codec" not in index:
            raise BadInput(
                f"the tokens in {self.out} do not say which codec made them (they are of an"
                " earlier version); name a new folder"
            )
        for name, wanted in self.setting.items():
            if index.get(name) != wanted:
                raise BadInput(
                    f"the tokens in {self.out} were made with {name} {index.get(name)}, not"
                    f" {wanted}; use the same again, or name a new folder"
                )
        before = Path(index.get("folder", ""))
        if before != self.folder.absolute() and before.is_dir():
            raise BadInput(
                f"{self.out} holds the tokens of {before}; name another folder, or put all the"
                " music below one"
            )

    # ---------------------------------------------------------------- writing

    def add(self, clip: TokenClip, origin: Origin) -> bool:
        """Keep a clip; writes a shard when there are enough, and says whether it did."""
        self._waiting.append((clip, origin))
        if len(self._waiting) < CLIPS_A_SHARD:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Write what waits. Safe to call again after it was interrupted anywhere."""
        if not self._waiting:
            return
        stem = self.out / f"tokens-{self._number:05d}"
        entries, start = [], 0
        for clip, origin in self._waiting:
            frames = clip.codes.shape[1]
            entries.append(_entry(clip.name, start, frames, clip.captions, clip.facts, origin))
            start += frames
        codes = np.concatenate([clip.codes for clip, _ in self._waiting], axis=1)
        self._write(stem.with_suffix(".safetensors"), save({"codes": np.ascontiguousarray(codes)}))
        self._write_index(stem.with_suffix(".json"), entries)
        done, self._waiting = self._waiting, []
        self._number += 1
        for clip, origin in done:
            stored = StoredClip(origin, clip.codes.shape[1], clip.captions, clip.facts)
            self.stored.setdefault(origin.file, []).append(stored)

    def relabel(self, file: str, captions: list[str], facts: dict[str, Any]) -> None:
        """New captions and facts for a file's clips; `write_labels` puts them on disk."""
        for clip in self.stored.get(file, []):
            clip.captions, clip.facts = captions, facts | _place(clip.facts)

    def drop(self, files: Iterable[str]) -> None:
        """Forget files that changed. Their codes stay in the shards, unused."""
        for file in files:
            self.stored.pop(file, None)

    def write_labels(self) -> None:
        """Bring the indices on disk to what `relabel` and `drop` left."""
        for index in shard_indices(self.out):
            entries = []
            for entry in index["clips"]:
                origin = Origin(**entry["from"])
                clips = self.stored.get(origin.file, [])
                same = next((clip for clip in clips if clip.origin == origin), None)
                if same is not None:
                    entries.append(entry | {"captions": same.captions, "facts": same.facts})
            if entries != index["clips"]:
                self._write_index(index["path"], entries)

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """A file beside the shards."""
        self._write(self.out / name, (json.dumps(content, indent=1) + "\n").encode())

    def _write_index(self, path: Path, entries: list[dict[str, Any]]) -> None:
        header = self.setting | {"folder": str(self.folder.absolute())}
        self._write(path, json.dumps(header | {"clips": entries}).encode())

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, also when the power goes. Raises TokensRefused."""
        half = path.with_name(path.name + ".tmp")
        try:
            with half.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(half, path)
        except OSError as refused:
            half.unlink(missing_ok=True)
            raise self._refused(refused) from None

    def _refused(self, refused: OSError) -> TokensRefused:
        clips = sum(map(len, self.stored.values()))
        kept = f"{clips} clips there are safe; " if clips else ""
        return TokensRefused(
            f"cannot write {self.out} ({refused.strerror or refused}); {kept}make room or choose"
            " another folder, and run the same command again"
        )


def _entry(
    name: str, start: int, frames: int, captions: list[str], facts: dict[str, Any], origin: Origin
) -> dict[str, Any]:
    where = {slot: getattr(origin, slot) for slot in Origin.__slots__}
    return {
        "name": name, "start": start, "frames": frames, "captions": captions, "facts": facts,
        "from": where,
    }  # fmt: skip


def _place(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that come from the cut and not from a label."""
    return {name: facts[name] for name in ("piece", "pieces", "start_seconds") if name in facts}
