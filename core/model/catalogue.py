"""The public MusicGen checkpoints, and those on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from core.errors import BadCheckpoint, BadInput
from core.model.checkpoint import PUBLIC_LICENCE, licence_of
from core.model.config import ModelConfig
from core.model.location import (
    HUB_ID,
    LISTENER_ID,
    STARTER,
    cached,
    holds_weights,
    locate,
)
from core.model.resumed_download import PART
from core.model.weights import read_json


@dataclass(frozen=True, slots=True)
class PublicModel:
    """One that anybody may download.

    size: of the language model, as its model card says. gigabytes: of the download, about,
        counted from the architecture in float32; the hub knows the exact number.
    plays: what it does beside following a text, in mono.
    """

    id: str
    size: str
    gigabytes: float
    plays: str
    licence: str = PUBLIC_LICENCE


PUBLIC = tuple(
    PublicModel(f"facebook/musicgen-{name}", size, gigabytes, plays)
    for name, size, gigabytes, plays in (
        ("small", "300M", 2.4, ""),
        ("medium", "1.5B", 8.0, ""),
        ("large", "3.3B", 13.6, ""),
        ("melody", "1.5B", 6.2, "melody"),
        ("melody-large", "3.3B", 10.4, "melody"),
        ("stereo-small", "300M", 2.4, "stereo"),
        ("stereo-medium", "1.5B", 8.1, "stereo"),
        ("stereo-large", "3.3B", 13.8, "stereo"),
        ("stereo-melody", "1.5B", 6.3, "melody, stereo"),
        ("stereo-melody-large", "3.3B", 10.5, "melody, stereo"),
        ("style", "1.5B", 6.7, "style"),
    )
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A model on this machine. problem: why it cannot be loaded, one line; '' if it can.

    bytes: on the disk; what a download that was broken off left behind counts too.
    removable: it came from the hub.
    """

    name: str
    folder: Path
    bytes: int
    licence: str = ""
    problem: str = ""
    removable: bool = False


def installed(folders: Iterable[str] = ()) -> list[Installed]:
    """The starter, `folders`, and what lies in the hub's cache. Needs no network.

    Models of other kinds in that cache are other programs', and are left out; but T5 and the
    codec, which files in AudioCraft's own format need, are named.
    """
    found = [_described(STARTER)]
    found += [_described(folder) for folder in dict.fromkeys(folders) if Path(folder).is_dir()]
    for model in _in_hub_cache():
        repo = _repo_folder(model)
        if model in PARTS:
            found.append(Installed(model, repo, _bytes_of(repo), problem=PARTS[model],
                                   removable=True))  # fmt: skip
        elif _is_musicgen(model, repo):
            found.append(_described(model, repo))
    return found


def _in_hub_cache() -> list[str]:
    """Ids of all models there, also those of which only a piece has come."""
    try:
        scan = scan_cache_dir(constants.HF_HUB_CACHE)
    except (CacheNotFound, ValueError, OSError):
        return []
    whole = {repo.repo_path.name for repo in scan.repos}
    begun = {one.file_path.parents[1].name for one in scan.incomplete_files}
    names = sorted(name for name in whole | begun if name.startswith("models--"))
    return [name.removeprefix("models--").replace("--", "/", 1) for name in names]


PARTS = {
    "t5-base": "a part of models in AudioCraft's format",
    "google-t5/t5-base": "a part of models in AudioCraft's format",
    LISTENER_ID: f"a part of models that follow a style, weights under {PUBLIC_LICENCE}",
    "facebook/encodec_32khz": "a part of models in AudioCraft's format",
}


def _is_musicgen(model: str, repo: Path) -> bool:
    if any(model == one.id for one in PUBLIC):
        return True
    for snapshot in repo.glob("snapshots/*"):
        config = snapshot / "config.json"
        if config.exists() and '"musicgen' in config.read_text(errors="replace"):
            return True
        if (snapshot / "state_dict.bin").exists():
            return True
    return False


def _described(model: str, repo: Path | None = None) -> Installed:
    """repo: its folder in the hub's cache. Never downloads, never reads weights."""
    folder = cached(model) if repo else locate(model)
    whole = folder is not None and holds_weights(folder)
    problem, licence = "", ""
    if folder is not None and whole:
        config = folder / "config.json"
        try:
            raw = read_json(config) if config.exists() else {}
            if raw:
                ModelConfig.from_hugging_face(raw)
            licence = licence_of(folder, model, raw)
        except BadCheckpoint as bad:
            problem = str(bad)
    else:
        problem = (
            f"not whole; `daw-bridge models get {model}` gets the rest" if repo else "not whole"
        )
    where = repo or folder or Path(model)
    return Installed(model, where, _bytes_of(where), licence, problem, repo is not None)


def _bytes_of(folder: Path) -> int:
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def described(model: str) -> Installed | None:
    """A folder, the starter or a hub id; None for one that was not downloaded. No network.

    Raises BadInput for what is none of these.
    """
    if model == STARTER or Path(model).is_dir():
        return _described(model)
    repo = _repo_folder(model)
    return _described(model, repo) if repo.is_dir() else None


def on_disk(model: str) -> tuple[int, Path]:
    """Bytes and folder of a hub model. Raises BadInput for what is not in the hub's cache."""
    repo = _repo_folder(model)
    if not repo.is_dir():
        raise BadInput(f"{model} was not downloaded; `daw-bridge models list` shows what was")
    return _bytes_of(repo), repo


def remove(model: str) -> int:
    """Take a hub model off this machine; → bytes that came free. Raises as `on_disk`."""
    size, repo = on_disk(model)
    scan = scan_cache_dir(constants.HF_HUB_CACHE)
    hashes = [
        revision.commit_hash
        for one in scan.repos
        if one.repo_path.name == repo.name
        for revision in one.revisions
    ]
    scan.delete_revisions(*hashes).execute()
    shutil.rmtree(repo, ignore_errors=True)  # of a download that had only begun
    if repo.exists():
        raise BadInput(f"{repo} could not be deleted; delete it by hand")
    return size


def begun(model: str) -> int:
    """Bytes of large files that a broken-off download left, and that are taken up again."""
    return sum(one.stat().st_size for one in _repo_folder(model).glob(f"blobs/*{PART}"))


def drop_pieces(model: str) -> None:
    """Delete what a broken-off download left of small files: huggingface_hub cannot use it."""
    for piece in _repo_folder(model).glob("blobs/*.incomplete"):
        if not piece.name.endswith(PART):
            with suppress(OSError):
                piece.unlink()


def _repo_folder(model: str) -> Path:
    if model == STARTER:
        raise BadInput("the starter model is part of the program and stays")
    if Path(model).is_dir() or not (HUB_ID.fullmatch(model) or model in PARTS):
        raise BadInput(f"{model} is no hub id; a folder of your own you delete yourself")
    return Path(constants.HF_HUB_CACHE) / f"models--{model.replace('/', '--')}"
