"""Music as tokens on disk: safetensors shards of codes, a JSON index beside each.

A shard `tokens-00003.safetensors` holds one int16 tensor `codes` [codebooks, frames], the
clips one after the other; `tokens-00003.json` says where each clip lies, what is known of it
(its sidecar's facts, its captions), which file it came from, and whose codec made it. A shard
is there whole or not at all: it counts from the moment its index is there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from transformers import EncodecModel

from core.errors import BadInput
from core.types import FRAME_RATE

DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class TokenClip:
    """One clip: codes int16 [codebooks, frames], captions, and its sidecar's facts."""

    name: str
    codes: NDArray[np.int16]
    captions: list[str]
    facts: dict[str, Any]

    @property
    def frames_a_bar(self) -> float | None:
        """Codec frames in a bar, None where the tempo is not known."""
        tempo = self.facts.get("tempo")
        if not tempo:
            return None
        return FRAME_RATE * 60 / float(tempo) * float(self.facts.get("beats_per_bar") or 4)


def codec_digest(codec: EncodecModel) -> str:
    """Names what decides the tokens: encoder and codebooks, not the decoder.

    Of the weights as float16, so that a codec and the checkpoint it was exported to are one.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(codec.state_dict().items()):
        if name.startswith("encoder.") or name.endswith("codebook.embed"):
            digest.update(f"{name} {list(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().to(torch.float16).numpy().tobytes())
    return digest.hexdigest()[:DIGEST_LENGTH]


def shard_indices(folder: Path) -> list[dict[str, Any]]:
    """Every shard's index, with its `path`. Raises BadInput for one that is damaged."""
    found = []
    for path in sorted(folder.glob("tokens-*.json")):
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(index["clips"], list):
                raise ValueError("no list of clips")
        except (ValueError, KeyError, TypeError) as problem:
            raise BadInput(
                f"{path} is damaged ({problem}); delete it and its .safetensors, and tokenize again"
            ) from None
        found.append(index | {"path": path})
    return found


def codec_of(folder: Path) -> str | None:
    """The digest of the codec that made a folder's tokens; None for shards that do not say.

    Raises BadInput where shards are of different codecs.
    """
    digests = {index.get("codec") for index in shard_indices(folder)}
    if len(digests) > 1:
        raise BadInput(
            f"the shards in {folder} were made by different codecs; tokenize the music again"
            " into a new folder"
        )
    return digests.pop() if digests else None


def read_tokens(folder: Path) -> list[TokenClip]:
    """Every clip of every shard.

    Raises BadInput when there is none, when shards are of different codecs, or damaged.
    """
    clips = []
    for index in shard_indices(folder):
        path = index["path"].with_suffix(".safetensors")
        try:
            codes = load_file(path)["codes"]
            for entry in index["clips"]:
                start, end = entry["start"], entry["start"] + entry["frames"]
                if not 0 <= start < end <= codes.shape[1]:
                    raise ValueError(f"{entry['name']} lies outside of it")
                clips.append(
                    TokenClip(entry["name"], codes[:, start:end], entry["captions"], entry["facts"])
                )
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as problem:
            raise BadInput(
                f"{path} cannot be read ({problem}); delete it and its .json, and tokenize again"
            ) from None
    codec_of(folder)
    if not clips:
        raise BadInput(f"no tokens in {folder}; make some with 'daw-bridge tokenize'")
    return clips
