"""Models for a program that reads: `models list --json`, and the progress of `models get --json`.

The panel's Models page asks so, in a child process: it loads no torch of its own.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from core.errors import DawBridgeError

SUITED = ("float32", "bfloat16", "int8")


def models_table(folders: list[str]) -> dict[str, object]:
    """All of it as JSON takes it. Bytes are whole numbers; null is not known."""
    from huggingface_hub import constants

    from core.model.catalogue import PUBLIC, installed
    from core.model.memory import memory_of

    here = [
        {**asdict(one), "folder": str(one.folder), "memory": _memory(one.name, one.problem)}
        for one in installed(folders)
    ]
    cache = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    memory = memory_of()
    return {
        "installed": here,
        "public": [asdict(one) for one in PUBLIC],
        "disk_free": shutil.disk_usage(there).free,
        "cache": str(cache),
        "memory_free": memory.free,
        "memory_total": memory.total,
    }


def _memory(model: str, problem: str) -> dict[str, int]:
    """Bytes that it takes with a take, by precision; none where it cannot be read."""
    from core.model.checkpoint import read_info
    from core.model.location import without_downloads

    if problem:
        return {}
    with suppress(DawBridgeError), without_downloads():
        read = read_info(model)
        return {name: read.memory(name).all for name in SUITED}
    return {}


def tell(table: dict[str, object]) -> None:
    """One line of JSON on stdout, there at once."""
    sys.stdout.write(json.dumps(table) + "\n")
    sys.stdout.flush()


class JsonProgress:
    """Stands where a bar would, and tells each percent once."""

    def __init__(self) -> None:
        self._told = (-1, "")

    def __enter__(self) -> JsonProgress:
        return self

    def __exit__(self, *left: object) -> None:
        pass

    def loading(self, fraction: float, what: str) -> None:
        told = (int(100 * fraction), what)
        if told != self._told:
            self._told = told
            tell({"fraction": fraction, "what": what})
