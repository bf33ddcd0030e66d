"""Reading a checkpoint's weights files: safetensors first, `pytorch_model.bin` second.

Nothing is ever unpickled but tensors (`weights_only`). Both formats come whole or as
shards with an index. Errors are BadCheckpoint with one line.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import BadCheckpoint

FORMATS = ("model.safetensors", "pytorch_model.bin")
DIGEST_LENGTH = 16
REASON_LENGTH = 100
CHEAP_BYTES = 64 * 2**20  # below this a digest is not worth remembering


def weights_files(folder: Path) -> list[Path]:
    """The files that hold the weights, in order. Raises BadCheckpoint when one is missing."""
    for name in FORMATS:
        index = folder / f"{name}.index.json"
        if (folder / name).exists():
            return [folder / name]
        if index.exists():
            return _shards(index)
    raise BadCheckpoint(f"{folder} has no weights (model.safetensors); get the checkpoint again")


def _shards(index: Path) -> list[Path]:
    named = read_json(index).get("weight_map")
    if not isinstance(named, Mapping) or not named:
        raise BadCheckpoint(f"{index} names no weights files; get the checkpoint again")
    names = sorted({str(name) for name in named.values()})
    for name in names:
        if Path(name).name != name or not (index.parent / name).exists():
            raise BadCheckpoint(f"{index.parent} lacks {name}; get the checkpoint again")
    return [index.parent / name for name in names]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises BadCheckpoint when it is not one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadCheckpoint(f"{path} cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise BadCheckpoint(
            f"{path} is not JSON ({problem}); get the checkpoint again"
        ) from problem
    if not isinstance(found, dict):
        raise BadCheckpoint(f"{path} is not a JSON object; get the checkpoint again")
    return found


def read_weights(
    paths: list[Path],
    progress: Callable[[float], None] = lambda fraction: None,
    prefix: str = "",
) -> dict[str, Tensor]:
    """Every tensor of the files whose name starts with `prefix`, on the CPU.

    progress: fraction of the files' bytes read. Of safetensors only what is asked for is read.
    """
    total = sum(path.stat().st_size for path in paths) or 1
    done, found = 0, {}
    for path in paths:
        reader = _read_safetensors if path.suffix == ".safetensors" else _read_pickle
        found.update(reader(path, prefix))
        done += path.stat().st_size
        progress(done / total)
    return found


def check_weights(path: Path) -> None:
    """Raises BadCheckpoint where a glance tells: a safetensors file that is cut short."""
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError) as problem:
            raise BadCheckpoint(_why_unreadable(path, problem)) from problem


def _read_safetensors(path: Path, prefix: str) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as opened:
            names = [name for name in opened.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as problem:
        raise BadCheckpoint(_why_unreadable(path, problem)) from problem


def _read_pickle(path: Path, prefix: str) -> dict[str, Tensor]:
    return {
        name: one
        for name, one in read_table(path).items()
        if isinstance(one, Tensor) and name.startswith(prefix)
    }


def read_table(path: Path) -> dict[str, Any]:
    """What torch.save wrote, if it is a table: tensors, numbers, texts, nothing that is run.

    Tensors stay on the disk until they are used, where the file's format allows that.
    """
    try:
        mapped = zipfile.is_zipfile(path)
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as problem:
        raise BadCheckpoint(
            f"{path} holds more than tensors, or is cut short; it was not loaded. Give the model"
            " as model.safetensors"
        ) from problem
    except (RuntimeError, OSError, EOFError, ValueError) as problem:
        raise BadCheckpoint(_why_unreadable(path, problem)) from problem
    if not isinstance(found, dict):
        raise BadCheckpoint(f"{path} is not a table of tensors; get the checkpoint again")
    return {str(name): one for name, one in found.items()}


def _why_unreadable(path: Path, problem: Exception) -> str:
    try:
        with path.open("rb") as opened:
            pointer = opened.read(24).startswith(b"version https://git-lfs")
    except OSError:
        pointer = False
    if pointer:
        return f"{path} is a git-lfs pointer, not the weights; run `git lfs pull` in its folder"
    return (
        f"{path} is cut short or not a weights file ({reason_of(problem)}); get the checkpoint"
        " again"
    )


def reason_of(problem: BaseException) -> str:
    """Another library's message as one short clause for ours."""
    line = (str(problem).strip().splitlines() or [type(problem).__name__])[0].rstrip(".")
    return line if len(line) <= REASON_LENGTH else line[:REASON_LENGTH].rsplit(" ", 1)[0] + " …"


# ---------------------------------------------------------------- the digest


def digest_of(paths: list[Path]) -> str:
    """Names the weights in takes: the first 16 hex characters of sha256.

    Of the one file, or of the list of the shards' own digests. Large files are hashed once
    and remembered by path, size and time in the user's cache folder.
    """
    each = [_file_digest(path) for path in paths]
    whole = each[0] if len(each) == 1 else hashlib.sha256("".join(each).encode()).hexdigest()
    return whole[:DIGEST_LENGTH]


def _file_digest(path: Path) -> str:
    real = path.resolve()
    if real.parent.name == "blobs" and len(real.name) == 64:
        return real.name  # huggingface_hub names its blobs by their sha256
    stat = real.stat()
    if stat.st_size < CHEAP_BYTES:
        return _sha256(real)
    key = f"{real}:{stat.st_size}:{stat.st_mtime_ns}"
    memory = Path(platformdirs.user_cache_dir("daw-bridge")) / "digests.json"
    try:
        known = json.loads(memory.read_text())
        if isinstance(known, dict) and isinstance(known.get(key), str):
            return known[key]
    except (OSError, ValueError):
        known = None
    digest = _sha256(real)
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        kept = known if isinstance(known, dict) else {}
        part = memory.with_suffix(".part")
        part.write_text(json.dumps(kept | {key: digest}))
        part.replace(memory)
    except OSError:
        pass  # a cache that cannot be written costs seconds at the next start, no more
    return digest


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
