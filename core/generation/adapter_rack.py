"""The adapters of a loaded model: found, read, weighed, named for takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.generation.messages import LoadedAdapter
from core.model.adapter_file import read_adapter
from core.model.adapter_location import locate_adapter
from core.model.adapters import AdapterBlend
from core.model.checkpoint import LoadedModel


@dataclass(frozen=True, slots=True)
class _Slot:
    told: LoadedAdapter
    stamp: tuple[int, int]  # size and time of the file that was read


class AdapterRack:
    """Used by the thread that runs the model, between two steps."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._blend = AdapterBlend(loaded.lm)
        self._slots: dict[Path, _Slot] = {}

    @property
    def loaded(self) -> tuple[LoadedAdapter, ...]:
        """In the order in which they came."""
        return tuple(slot.told for slot in self._slots.values())

    def use(self, asked: str, weight: float) -> bool:
        """Load an adapter or change its weight; 0 unloads it. A file that changed is read again.

        asked: a name in the user's folder, or a path. Returns whether the prompt's keys and
        values are to be made anew. Raises BadAdapter; what was loaded then stays as it is.
        """
        if weight == 0:
            stale = self._unload(asked)
        else:
            stale = self._load(locate_adapter(asked), asked, weight)
        if stale:
            self._loaded.conditioner.forget_keys()
        return stale

    def _load(self, path: Path, asked: str, weight: float) -> bool:
        found, slot = path.stat(), self._slots.get(path)
        stamp = (found.st_size, found.st_mtime_ns)
        if slot is not None and slot.stamp == stamp:
            told = slot.told
            stale = self._blend.weigh(str(path), weight)
            told = LoadedAdapter(told.name, weight, told.digest, told.licence, told.trigger)
        else:
            adapter = read_adapter(path, self._loaded.config, self._loaded.digest)
            stale = self._blend.put(str(path), adapter, weight)
            told = LoadedAdapter(asked, weight, adapter.digest, adapter.licence, adapter.trigger)
        self._slots[path] = _Slot(told, stamp)
        return stale

    def _unload(self, asked: str) -> bool:
        """By the name it was loaded with, for its file may be gone, or else by its file."""
        path = next((p for p, slot in self._slots.items() if slot.told.name == asked), None)
        path = path or locate_adapter(asked)
        self._slots.pop(path, None)
        return self._blend.drop(str(path))
