"""Takes that were deleted: their files, moved into a folder beside the others, not destroyed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from core.errors import BadInput
from daw_bridge.take_index import read_folder
from daw_bridge.take_record import TakeRecord

SUFFIXES = (".json", ".npy", ".context.npy", ".wav")  # the description goes first, comes last


class TakeShelf:
    """`.daw-bridge/deleted` of a folder of takes, a folder a take."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = folder / ".daw-bridge" / "deleted"

    def put(self, record: TakeRecord) -> None:
        """Move a take's files there; what is gone already is no matter. Raises OSError."""
        place = self._shelf / f"{record.take}"
        place.mkdir(parents=True, exist_ok=True)
        path = Path(record.path)
        for suffix in SUFFIXES:
            file = path.with_suffix(suffix)
            if file.exists():
                os.replace(file, place / file.name)
        place.touch()  # the one deleted last is the newest

    def fetch(self, take: int | None) -> TakeRecord:
        """Bring a take back. Raises BadInput where there is none such, OSError."""
        place = self._place(take)
        found, _ = read_folder(place)
        record = next(iter(found.values()), None)
        if record is None:
            raise BadInput(f"the files of take {place.name} are gone: it cannot be restored")
        path = self._folder / Path(record.path).name
        if path.exists():
            raise BadInput(f"{path} is in the way of take {record.take}; move it elsewhere first")
        for suffix in reversed(SUFFIXES):
            file = Path(record.path).with_suffix(suffix)
            if file.exists():
                os.replace(file, path.with_suffix(suffix))
        with contextlib.suppress(OSError):  # something of somebody else's is in it
            place.rmdir()
        return replace(record, path=str(path))

    def _place(self, take: int | None) -> Path:
        if take is not None:
            place = self._shelf / f"{take}"
            if not place.is_dir():
                raise BadInput(f"take {take} was not deleted, or not from {self._folder}")
            return place
        places = list(self._shelf.iterdir()) if self._shelf.is_dir() else []
        if not places:
            raise BadInput("nothing to restore: no take was deleted")
        return max(places, key=lambda place: place.stat().st_mtime_ns)
