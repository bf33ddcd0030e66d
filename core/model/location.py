"""Where a checkpoint is: a folder, a Hugging Face hub id, or the word 'starter'.

A hub id that was downloaded before is used as it is, without a look at the network:
a model does not change under a musician, and starting needs no connection.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from tqdm.auto import tqdm

from core.errors import BadCheckpoint
from core.model.resumed_download import fetch_large
from core.model.weights import reason_of, weights_files

Progress = Callable[[float, str], None]  # fraction 0…1 and a word a person reads

STARTER = "starter"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
SMALL_FILES = ["*.json", "*.model", "README.md"]
SAFE_WEIGHTS = ["model.safetensors", "model-*.safetensors"]
OLD_WEIGHTS = ["pytorch_model.bin", "pytorch_model-*.bin"]
STATE, CODEC_STATE = "state_dict.bin", "compression_state_dict.bin"  # AudioCraft's own format
WEIGHTS = (SAFE_WEIGHTS, OLD_WEIGHTS, [STATE, CODEC_STATE])  # the first that is whole is taken
LISTENER_ID = "m-a-p/MERT-v1-95M"  # by which a style model hears
CONNECT_SECONDS = 3.0
_stays_here = ContextVar("stays_here", default=False)


def locate(model: str, progress: Progress | None = None) -> Path:
    """The folder that holds the checkpoint `model`; downloads a hub id that is not there yet.

    Raises BadCheckpoint with one line: no such folder, no such id, no network. Without a
    network it takes seconds to say so.
    """
    if model == STARTER:
        return _starter()
    try:
        path = Path(model).expanduser()
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError, RuntimeError):  # a name too long, no such user's home
        path, is_folder, exists = Path(), False, False
        model = model if len(model) <= 80 else f"{model[:79]}…"
    if model and is_folder:
        return path.resolve()
    if model and exists:
        raise BadCheckpoint(f"{model} is a file; give the folder that holds config.json")
    if not HUB_ID.fullmatch(model):
        raise BadCheckpoint(
            f"there is no folder {model!r}; give a checkpoint's folder, a hub id such as"
            " facebook/musicgen-small, or 'starter'"
        )
    return locate_hub((model,), progress)


def locate_hub(ids: Sequence[str], progress: Progress | None = None) -> Path:
    """The folder of a hub id, under whichever of its names it was downloaded; else it is now,
    by the last one. Raises BadCheckpoint."""
    for model in ids:
        if (folder := cached(model)) is not None:
            return folder
    return _downloaded(ids[-1], progress or _silent)


def _silent(fraction: float, what: str) -> None:
    """No one watches."""


def _starter() -> Path:
    folder = Path(str(files("presets") / "models" / STARTER))
    if not (folder / "config.json").exists():
        raise BadCheckpoint(
            "the starter model is not part of this installation; give --model a checkpoint's"
            " folder or a hub id such as facebook/musicgen-small"
        )
    return folder


def holds_weights(folder: Path) -> bool:
    """Whether there is a config and every weights file; or all that AudioCraft's own format has."""
    if (folder / STATE).exists() and (folder / CODEC_STATE).exists():
        return True
    try:
        return (folder / "config.json").exists() and bool(weights_files(folder))
    except BadCheckpoint:
        return False


def cached(model: str) -> Path | None:
    """The snapshot of an earlier download, None when there is none or it is not whole."""
    for weights in WEIGHTS:
        patterns = SMALL_FILES + weights
        try:
            folder = Path(snapshot_download(model, allow_patterns=patterns, local_files_only=True))
        except (OSError, ValueError):  # huggingface_hub: nothing cached, or a part is missing
            continue
        if holds_weights(folder):
            return folder
    return None


def _downloaded(model: str, progress: Progress) -> Path:
    def report(fraction: float) -> None:
        progress(fraction, "downloading")

    def fetch(patterns: list[str]) -> Path:
        snapshot_download(model, allow_patterns=SMALL_FILES)  # they say what it is
        files = snapshot_download(model, allow_patterns=patterns, dry_run=True)
        fetch_large(model, files, _reporting_bar, report)
        bar = _reporting_bar(report)
        return Path(snapshot_download(model, allow_patterns=patterns, tqdm_class=bar))

    with _asking_the_hub(model):
        for weights in WEIGHTS[:-1]:
            if holds_weights(folder := fetch(SMALL_FILES + weights)):
                return folder
        return fetch(SMALL_FILES + WEIGHTS[-1])


@contextmanager
def without_downloads() -> Iterator[None]:
    """Inside, what is not on this machine is a BadCheckpoint at once."""
    token = _stays_here.set(True)
    try:
        yield
    finally:
        _stays_here.reset(token)


def missing_bytes(model: str) -> int:
    """What a download of a hub id would still fetch. Asks the hub. Raises BadCheckpoint."""
    with _asking_the_hub(model):
        for weights in WEIGHTS:
            patterns = SMALL_FILES + weights
            files = snapshot_download(model, allow_patterns=patterns, dry_run=True)
            if any(fnmatch(one.filename, pattern) for one in files for pattern in weights):
                return sum(one.file_size or 0 for one in files if one.will_download)
    return 0


@contextmanager
def _asking_the_hub(model: str) -> Iterator[None]:
    """Whatever goes wrong with it becomes one line of BadCheckpoint."""
    if _stays_here.get():
        raise BadCheckpoint(f"{model} is not on this machine; `daw-bridge models get` downloads it")
    if constants.HF_HUB_OFFLINE:
        raise BadCheckpoint(
            f"{model} is not on this machine and HF_HUB_OFFLINE is set; give a folder, or unset it"
        )
    if not _hub_answers():
        raise BadCheckpoint(
            f"{model} is not on this machine and {_hub_host()} does not answer; connect to the"
            " internet once, or give a checkpoint's folder"
        )

    try:
        yield
    except BadCheckpoint:
        raise
    except GatedRepoError as problem:
        raise BadCheckpoint(
            f"{model} asks for an account; accept its terms on {_hub_host()} and log in with"
            " `hf auth login`"
        ) from problem
    except RepositoryNotFoundError as problem:
        raise BadCheckpoint(f"{_hub_host()} has no model {model}; check the id") from problem
    except Exception as problem:  # its errors, its HTTP client's and the disk's
        if getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise BadCheckpoint(
                f"downloading {model} stopped, for the disk of {constants.HF_HUB_CACHE} is full;"
                " make room and try again (what has come is kept), or set HF_HOME to another disk"
            ) from problem
        raise BadCheckpoint(
            f"downloading {model} failed ({reason_of(problem)}); try again"
        ) from problem


def _hub_host() -> str:
    return urlsplit(constants.ENDPOINT).hostname or constants.ENDPOINT


def _hub_answers() -> bool:
    """Whether the hub takes a connection within seconds.

    Asked first because huggingface_hub tries again for minutes. In a thread because
    looking up a name has no time limit of its own. Behind a proxy there is no telling.
    """
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return True
    url = urlsplit(constants.ENDPOINT)
    port = url.port or (80 if url.scheme == "http" else 443)
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((url.hostname or "", port), CONNECT_SECONDS).close()
        except OSError:
            return
        answered.set()

    asking = threading.Thread(target=connect, name="hub-connect", daemon=True)
    asking.start()
    asking.join(CONNECT_SECONDS + 1)
    return answered.is_set()


def _reporting_bar(report: Callable[[float], None]) -> type[tqdm]:
    """A progress bar that draws nothing and tells how far the bytes are."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)  # huggingface_hub's own bars have names
            super().__init__(*args, **kwargs)

        def display(self, *args: Any, **kwargs: Any) -> None:
            """Nothing: the caller shows it."""

        def update(self, n: float | None = 1) -> bool | None:
            moved = super().update(n)
            if self.unit == "B" and self.total:
                report(min(1.0, self.n / self.total))
            return moved

    return Bar
