"""Music as tokens on disk: safetensors shards of codes, a JSON index beside each.

A shard `tokens-00003.safetensors` holds one int16 tensor `codes` [codebooks, frames], the
clips one after the other; `tokens-00003.json` says where each clip lies and what is known of
it (its sidecar's facts, its captions). A shard is there whole or not at all.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from rich.progress import track
from safetensors.numpy import load_file, save_file
from transformers import EncodecModel

from core.errors import BadInput
from core.training.audio_folder import audio_files
from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME

CLIPS_A_SHARD = 64


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
        return FRAME_RATE * 60 / float(tempo) * float(self.facts.get("beats_per_bar", 4))


def _facts(path: Path) -> dict[str, Any]:
    sidecar = path.with_suffix(".json")
    if sidecar.exists():
        return dict(json.loads(sidecar.read_text()))
    text = path.with_suffix(".txt")
    if text.exists():
        lines = [line.strip() for line in text.read_text().splitlines() if line.strip()]
        return {"captions": lines}
    return {}


@torch.inference_mode()
def encode_clip(codec: EncodecModel, path: Path) -> NDArray[np.int16]:
    """A 32 kHz file as codes int16 [codebooks, frames]; channels are averaged."""
    pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != MODEL_RATE:
        raise BadInput(f"{path.name} is at {rate} Hz; convert it to {MODEL_RATE} Hz")
    frames = len(pcm) // SAMPLES_PER_FRAME
    if frames == 0:
        raise BadInput(f"{path.name} is shorter than a frame; leave it out")
    mono = torch.from_numpy(pcm[: frames * SAMPLES_PER_FRAME].mean(axis=1))[None, None]
    # The encoder sees the clip whole: no chunking, so no seams between chunks.
    codes = codec.quantizer.encode(codec.encoder(mono))  # [codebooks, 1, frames]
    return codes[:, 0, :frames].to(torch.int16).numpy()


def tokenize_folder(codec: EncodecModel, folder: Path, out: Path) -> int:
    """Write token shards of every audio file below `folder`; goes on where it was stopped.

    A bad file is reported in one line and left out. Returns the clips written this time.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = {clip["name"] for index in _indices(out) for clip in index["clips"]}
    todo = [p for p in audio_files(folder) if p.stem not in done]
    number = len(list(out.glob("tokens-*.json")))
    shard: list[TokenClip] = []
    written = 0
    for path in track(todo, description="tokenizing"):
        try:
            facts = _facts(path)
            codes = encode_clip(codec, path)
        except (BadInput, soundfile.LibsndfileError, json.JSONDecodeError) as problem:
            print(f"left out {path.name}: {problem}")
            continue
        shard.append(TokenClip(path.stem, codes, list(facts.pop("captions", [])), facts))
        if len(shard) == CLIPS_A_SHARD:
            _write_shard(out, number, shard)
            written, number, shard = written + len(shard), number + 1, []
    if shard:
        _write_shard(out, number, shard)
        written += len(shard)
    return written


def _write_shard(out: Path, number: int, clips: list[TokenClip]) -> None:
    stem = out / f"tokens-{number:05d}"
    index, start = [], 0
    for clip in clips:
        length = clip.codes.shape[1]
        index.append(
            {"name": clip.name, "start": start, "frames": length, "captions": clip.captions}
            | {"facts": clip.facts}
        )
        start += length
    codes = np.concatenate([clip.codes for clip in clips], axis=1)
    save_file({"codes": np.ascontiguousarray(codes)}, stem.with_suffix(".tmp"))
    os.replace(stem.with_suffix(".tmp"), stem.with_suffix(".safetensors"))
    # The index last: a shard counts from the moment its index is there.
    temporary = stem.with_suffix(".json.tmp")
    temporary.write_text(json.dumps({"clips": index}))
    os.replace(temporary, stem.with_suffix(".json"))


def _indices(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text()) | {"path": path}
        for path in sorted(folder.glob("tokens-*.json"))
    ]


def read_tokens(folder: Path) -> list[TokenClip]:
    """Every clip of every shard. Raises BadInput when there is none."""
    clips = []
    for index in _indices(folder):
        codes = load_file(index["path"].with_suffix(".safetensors"))["codes"]
        clips += [
            TokenClip(
                entry["name"],
                codes[:, entry["start"] : entry["start"] + entry["frames"]],
                entry["captions"],
                entry["facts"],
            )
            for entry in index["clips"]
        ]
    if not clips:
        raise BadInput(f"no tokens in {folder}; make some with 'daw-bridge tokenize'")
    return clips
