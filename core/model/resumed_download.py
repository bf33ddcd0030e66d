"""Large files of a hub model, taken up where an earlier download broke off, in any process.

huggingface_hub 2 begins a file anew in each process: it writes to a name of its own each time. A
model's weights are gigabytes, so here they come first, into a name that stays, and are put where
huggingface_hub looks for them: among the cache's blobs, under their sha256, which is checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.file_download import DryRunFileInfo, http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers
from tqdm.auto import tqdm

from core.errors import BadCheckpoint

LARGE = 10_000_000  # bytes from which on a file is worth it
PART = ".part.incomplete"  # a piece that is taken up; huggingface_hub's own are not
_SHA256 = re.compile(r"[0-9a-f]{64}")

Report = Callable[[float], None]  # fraction of all the files' bytes
Bar = Callable[[Report], type[tqdm]]


def fetch_large(model: str, files: list[DryRunFileInfo], bar: Bar, report: Report) -> None:
    """Those of `files` that are large and missing. Raises what huggingface_hub raises, OSError for
    the disk's, and BadCheckpoint for a file that is not what the hub says."""
    missing = [one for one in files if one.will_download]
    whole = sum(one.file_size or 0 for one in missing) or 1
    done = 0
    for one in missing:
        size = one.file_size or 0
        if size >= LARGE:
            before = done / whole
            share = size / whole
            _fetch(model, one, bar(lambda part, b=before, s=share: report(b + s * part)))
        done += size


def _fetch(model: str, file: DryRunFileInfo, bar: type[tqdm]) -> None:
    url = hf_hub_url(model, file.filename, revision=file.commit_hash)
    about = get_hf_file_metadata(url)
    name = about.etag or ""
    if not _SHA256.fullmatch(name):
        return  # not a large file to the hub: it has no digest to check
    repo = f"models--{model.replace('/', '--')}"
    blob = Path(constants.HF_HUB_CACHE) / repo / "blobs" / name
    lock = Path(constants.HF_HUB_CACHE) / ".locks" / repo / f"{name}.lock"
    for folder in (blob.parent, lock.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if blob.exists():
            return
        part = blob.with_name(name + PART)
        with part.open("ab") as opened:
            had = min(opened.tell(), about.size or 0)
            opened.truncate(had)
            http_get(
                url, opened, resume_size=had, headers=build_hf_headers(), expected_size=about.size,
                displayed_filename=file.filename, tqdm_class=bar,
            )  # fmt: skip
        with part.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if digest != name:
            part.unlink()
            raise BadCheckpoint(f"{file.filename} of {model} came damaged; get it again")
        part.replace(blob)
