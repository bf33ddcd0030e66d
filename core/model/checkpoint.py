"""A checkpoint in the Hugging Face layout or AudioCraft's own → everything generation needs.

    loaded = load_checkpoint("starter", device="cpu")
    stream = TokenStream(loaded.lm, loaded.conditioner, Prompt("…"), SamplingParams())

Whatever is wrong with a checkpoint is told as BadCheckpoint, in one line.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import EncodecModel

from core.errors import BadCheckpoint
from core.model import int4_linear, int8_linear
from core.model.acceleration import prepare
from core.model.audiocraft import AudiocraftParts, read_audiocraft
from core.model.checkup import check_names, check_numbers
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.cpu_precision import AUTO, chosen
from core.model.language_model import LanguageModel
from core.model.location import STATE, Progress, locate
from core.model.memory import MemoryParts, check_memory, memory_of, memory_parts
from core.model.packed_linear import pack
from core.model.parts import codec_of, style_ear_of, text_encoder_of, tokenizer_in
from core.model.placement import Placement, placement
from core.model.style import StyleConfig, StyleEar
from core.model.weights import (
    digest_of,
    read_json,
    read_weights,
    weights_files,
)

log = logging.getLogger(__name__)

MIN_WINDOW = 50  # a generation_config's max_length below a second is nobody's window
PUBLIC_LICENCE = "CC-BY-NC-4.0"  # of every facebook/musicgen-* checkpoint
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
INT8, INT4 = "int8", "int4"  # bits of the blocks' weights; all else in float32
FEW_BITS = {INT8: int8_linear.quantise, INT4: int4_linear.quantise}


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointInfo:
    """What can be told of a checkpoint without reading its weights.

    text_encoder, audio_encoder: the sub-configs of config.json, as they are there.
    weights: the files that are the checkpoint's own. audiocraft: where its format is that one.
    """

    folder: Path
    name: str
    licence: str
    config: ModelConfig
    text_encoder: Mapping[str, Any]
    audio_encoder: Mapping[str, Any]
    weights: tuple[Path, ...]
    audiocraft: AudiocraftParts | None = None

    @property
    def window_frames(self) -> int:
        return self.config.window_frames

    @property
    def style(self) -> StyleConfig | None:
        """A style model's ear."""
        return None if self.audiocraft is None else self.audiocraft.style

    @property
    def tokenizer_folder(self) -> Path:
        return self.folder if self.audiocraft is None else self.audiocraft.text_folder

    def memory(self, precision: str) -> MemoryParts:
        """What it needs, loaded in that precision."""
        tables = (self.text_encoder, self.audio_encoder)
        return memory_parts(self.config, *tables, precision, self.style)

    def tensors(
        self, progress: Callable[[float], None] = lambda fraction: None, prefix: str = ""
    ) -> dict[str, Tensor]:
        """Those whose Hugging Face name starts with `prefix`, on the CPU. Raises BadCheckpoint."""
        if self.audiocraft is not None:
            return self.audiocraft.tensors(progress, prefix)
        return read_weights(list(self.weights), progress, prefix)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A checkpoint in memory, in eval mode, without gradients.

    lm: in the precision asked for. On a CPU float32 and bfloat16 are packed
        (core/model/packed_linear.py), int8 and int4 are quantised (core/model/int8_linear.py,
        core/model/int4_linear.py); to train or save, make one with
        `LanguageModel.from_hugging_face` instead.
    precision: of the language model: a dtype's name, 'int8' or 'int4'.
    codec: float32 always, and so is the text encoder.
    name, licence: for people. digest: names the weights in takes.
    device: of the language model; the others may lie elsewhere (core/model/placement.py).
    notice: what gave way because memory is short, one line; '' for nothing.
    why: the precision was chosen, one line; '' where it was asked for.
    ear: what a style model hears a clip by; None of another.
    window_frames: the window the model was trained on.
    """

    lm: LanguageModel
    conditioner: Conditioner
    codec: EncodecModel
    info: CheckpointInfo
    digest: str
    device: torch.device
    precision: str
    notice: str = ""
    why: str = ""
    ear: StyleEar | None = None

    @property
    def config(self) -> ModelConfig:
        return self.info.config

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def licence(self) -> str:
        return self.info.licence

    @property
    def window_frames(self) -> int:
        return self.info.window_frames


def load_checkpoint(
    model: str,
    device: torch.device | str = "cpu",
    precision: str = "float32",
    progress: Progress | None = None,
    *,
    trainable: bool = False,
) -> LoadedModel:
    """Load a checkpoint: a folder, a hub id, or 'starter'.

    device: a torch device that exists ('auto' is for the caller to resolve).
    precision: of the language model: float32, bfloat16, float16; on a CPU also int8, int4 and
        'auto' (core/model/cpu_precision.py).
    progress: called with a fraction 0…1 and a word, from this thread or a download's.
    trainable: leave the weights unpacked, so that gradients flow through them.
    """
    report = progress or (lambda fraction, what: None)
    device = torch.device(device)
    info = read_info(model, report)
    why = ""
    if precision == AUTO:
        choice = chosen(info.config)
        precision, why = choice.precision, choice.why
        log.info("%s computes in %s", info.name, why)
    if device.type == "cpu" or trainable:
        place = Placement(device, device, device, precision)
        tight = check_memory(info.memory(precision).all, memory_of(device), info.name)
    else:
        sizes = {name: info.memory(name) for name in (precision, "float16")}
        place = placement(sizes, device, precision, memory_of(device), info.name)
        tight, precision = place.notice, place.precision
    prepare(device)
    if tight:
        log.warning(tight)
    report(0.0, tight or "reading weights")
    weights = info.tensors(lambda part: report(0.8 * part, "reading weights"))
    digest = digest_of(list(info.weights))
    report(0.9, "building the model")
    few_bits = FEW_BITS.get(precision)  # made from the weights as they are in the file
    dtype = None if few_bits else DTYPES[precision]
    lm = LanguageModel.from_hugging_face(weights, info.config).to(device=device, dtype=dtype)
    encoder = text_encoder_of(info.text_encoder, weights).to(place.text)
    codec = codec_of(info.audio_encoder, info.config, weights).to(place.codec)
    made = {"language_model": lm, "text_encoder": encoder, "codec": codec}
    ear = None
    if info.style is not None:
        made["style_ear"] = ear = style_ear_of(info.style, info.config, weights).to(place.text)
    for part in made.values():
        part.eval().requires_grad_(False)
    check_numbers(**made)
    weights.clear()  # so that a layer's are free as soon as it has others
    if few_bits:
        few_bits(lm)
    elif not trainable:
        pack(lm)
    conditioner = Conditioner(encoder, tokenizer_in(info.tokenizer_folder), lm, ear=ear)
    report(1.0, "ready")
    return LoadedModel(
        lm, conditioner, codec, info, digest, device, precision, place.notice, why, ear
    )


def load_codec(
    model: str, device: torch.device | str = "cpu", progress: Progress | None = None
) -> tuple[EncodecModel, CheckpointInfo]:
    """A checkpoint's codec alone: of a large model's weights only these are read.

    In eval mode, without gradients, float32. Raises BadCheckpoint.
    """
    info = read_info(model, progress)
    codec = codec_of(info.audio_encoder, info.config, info.tensors(prefix="audio_encoder."))
    return codec.to(device).eval().requires_grad_(False), info


def read_info(model: str, progress: Progress | None = None) -> CheckpointInfo:
    """Find a checkpoint (downloading a hub id if need be) and read all but the weights."""
    folder = locate(model, progress)
    name = model if not Path(model).is_dir() else folder.name
    if (folder / STATE).exists() and not _has_both(folder):
        parts = read_audiocraft(folder, progress)
        return CheckpointInfo(
            folder, name, licence_of(folder, model, {}), parts.config, parts.text_encoder,
            parts.audio_encoder, parts.own, parts,
        )  # fmt: skip
    if not (folder / "config.json").exists():
        raise BadCheckpoint(f"{folder} has no config.json; give a MusicGen checkpoint's folder")
    raw = read_json(folder / "config.json")
    config = ModelConfig.from_hugging_face(raw, _trained_window(folder))
    return CheckpointInfo(
        folder=folder,
        name=name,
        licence=licence_of(folder, model, raw),
        config=config,
        text_encoder=raw["text_encoder"],
        audio_encoder=raw.get("audio_encoder", {}),
        weights=tuple(weights_files(folder)),
    )


def check_checkpoint(model: str, progress: Progress | None = None) -> None:
    """Find out what can be told to be wrong without reading the weights.

    Downloads a hub id if need be. Raises BadCheckpoint: not there, not understood, cut short.
    """
    info = read_info(model, progress)
    if info.audiocraft is None:
        check_names(info.weights, info.config)
    tokenizer_in(info.tokenizer_folder)


def _has_both(folder: Path) -> bool:
    """Whether there is the Hugging Face layout too: it names its own text encoder and codec."""
    try:
        return (folder / "config.json").exists() and bool(weights_files(folder))
    except BadCheckpoint:
        return False


def _trained_window(folder: Path) -> int | None:
    """generation_config.json's max_length: 1500 in the public checkpoints, 30 s."""
    path = folder / "generation_config.json"
    length = read_json(path).get("max_length") if path.exists() else None
    return length if isinstance(length, int) and length >= MIN_WINDOW else None


def licence_of(folder: Path, model: str, config: Mapping[str, Any]) -> str:
    """The model card's licence; 'unknown' where nothing says. config: of config.json."""
    card = folder / "README.md"
    if card.exists():
        text = card.read_text(encoding="utf-8", errors="replace")
        front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
        stated = front and re.search(r"^license:\s*['\"]?([\w.+-]+)", front[1], re.MULTILINE)
        if stated:
            word = stated[1]
            return word.upper() if word.lower().startswith(("cc-", "cc0", "mit", "gpl")) else word
    origins = (model, str(config.get("_name_or_path", "")))
    public = any(origin.startswith("facebook/musicgen-") for origin in origins)
    return PUBLIC_LICENCE if public else "unknown"
