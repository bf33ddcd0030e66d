"""What `daw-bridge tokenize` and `daw-bridge train` run."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

from core.codec.encodec import Codec
from core.codec.loudness import DEFAULT_TARGET
from core.errors import BadCheckpoint, BadInput
from core.model.checkpoint import load_codec
from core.model.device_choice import resolve_device
from core.training.codec.trainer import CodecTrainer, CodecTraining, finished_codec
from core.training.lora.settings import LoraTraining
from core.training.lora.trainer import LoraTrainer
from core.training.music.audio_folder import audio_files, foreign_files
from core.training.run.config_file import read_toml
from core.training.tokens.report import Report
from core.training.tokens.tokenizing import tokenize_folder
from core.training.transformer.settings import TransformerTraining
from core.training.transformer.trainer import TransformerTrainer


def tokenize(
    folder: Path,
    out: Path,
    model: str = "starter",
    loudness: float | None = DEFAULT_TARGET,
    device: str = "auto",
) -> Report:
    """A folder of music → token shards; goes on where it was stopped.

    model: whose codec: a checkpoint, or the folder of a codec's training run. loudness: LUFS,
    None leaves levels as they are. Raises BadInput when there is nothing to be used, and what
    `tokenize_folder` raises.
    """
    if folder.is_file():
        raise BadInput(f"{folder} is a file; name the folder that holds it")
    if not folder.is_dir():
        raise BadInput(f"no folder {folder}; name one that holds WAV or FLAC files")
    if not audio_files(folder) and not foreign_files(folder):
        raise BadInput(f"no audio below {folder}; put WAV or FLAC files there")
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; name a folder for the tokens")
    report = tokenize_folder(_codec_of(model, device), folder, out, loudness=loudness)
    if not report.clips and not report.kept:
        raise BadInput(f"no music below {folder} can be used; {report.summary()}")
    return report


def _codec_of(model: str, device: str) -> Codec:
    place, _ = resolve_device(device, "auto")
    run = Path(model) / "last.pt"
    if not run.is_file():
        codec, info = load_codec(model, place)
        return Codec(codec, info.config.audio_channels)
    try:
        codec = finished_codec(run)
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as problem:
        raise BadCheckpoint(f"{run} is not a codec's run, or is damaged") from problem
    return Codec(codec.to(place).requires_grad_(False))


def train(config: Path) -> bool:
    """Train what the TOML file's `kind` says. Resumes by itself.

    → False where Ctrl-C stopped it before its end: it is saved, and the same call goes on.
    """
    kind = read_toml(config).get("kind")
    if kind == "codec":
        return CodecTrainer(CodecTraining.read(config)).run()
    elif kind == "transformer":
        return TransformerTrainer(TransformerTraining.read(config)).run()
    elif kind == "lora":
        LoraTrainer(LoraTraining.read(config)).run()
    else:
        raise BadInput(f"{config.name} says kind = {kind!r}; use 'codec', 'transformer' or 'lora'")
    return True
