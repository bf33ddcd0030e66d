"""Where an adapter is: a file, or a name in the `adapters` folder of the user's data."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from core.errors import BadAdapter
from core.generation.params import is_adapter_name

SUFFIX = ".safetensors"


def adapters_folder() -> Path:
    return Path(platformdirs.user_data_dir("daw-bridge", appauthor=False)) / "adapters"


def adapter_names() -> list[str]:
    """The adapters in the user's folder, by name."""
    folder = adapters_folder()
    return sorted(p.stem for p in folder.glob(f"*{SUFFIX}") if is_adapter_name(p.name))


def named_path(name: str) -> Path:
    """The file that a name stands for, whether it is there or not."""
    return adapters_folder() / f"{name.removesuffix(SUFFIX)}{SUFFIX}"


def locate_adapter(asked: str) -> Path:
    """The file of a name or path. Raises BadAdapter when there is none."""
    short = asked if len(asked) <= 80 else f"{asked[:79]}…"
    try:
        path = named_path(asked) if is_adapter_name(asked) else Path(asked).expanduser()
        there = path.exists()
    except (OSError, ValueError, RuntimeError) as refused:  # too long, no such user's home
        why = getattr(refused, "strerror", None) or str(refused).rstrip(".")
        raise BadAdapter(f"{short} is no path here ({why}); check the path") from None
    if there:
        return path.resolve()
    if not is_adapter_name(asked):
        raise BadAdapter(f"there is no adapter {short}; check the path")
    known = adapter_names()
    have = f"there are: {', '.join(known[:8])}" if known else "none is there yet"
    raise BadAdapter(f"there is no adapter {short!r} in {path.parent}; {have}")
