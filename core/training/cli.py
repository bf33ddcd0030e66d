"""What `daw-bridge tokenize` and `daw-bridge train` run."""

from __future__ import annotations

from pathlib import Path

from core.errors import BadInput
from core.model.checkpoint import load_checkpoint
from core.training.audio_folder import audio_files
from core.training.codec import CodecTrainer, CodecTraining, finished_codec
from core.training.run import read_toml
from core.training.tokens import tokenize_folder
from core.training.transformer import TransformerTrainer, TransformerTraining


def tokenize(folder: Path, out: Path, model: str = "starter") -> int:
    """A folder of 32 kHz audio → token shards. Returns how many clips were written.

    model: whose codec: a checkpoint, or the folder of a codec's training run.
    Raises BadInput when the folder is missing or holds no audio.
    """
    if not folder.is_dir():
        raise BadInput(f"no folder {folder}; name one that holds WAV or FLAC files")
    if not audio_files(folder):
        raise BadInput(f"no audio below {folder}; put WAV or FLAC files there")
    run = Path(model) / "last.pt"
    codec = finished_codec(run) if run.is_file() else load_checkpoint(model).codec
    return tokenize_folder(codec, folder, out)


def train(config: Path) -> None:
    """Train what the TOML file's `kind` says: a codec or a Transformer. Resumes by itself."""
    kind = read_toml(config).get("kind")
    if kind == "codec":
        CodecTrainer(CodecTraining.read(config)).run()
    elif kind == "transformer":
        TransformerTrainer(TransformerTraining.read(config)).run()
    else:
        raise BadInput(f"{config.name} says kind = {kind!r}; use 'codec' or 'transformer'")
