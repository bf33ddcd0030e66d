"""A checkpoint in AudioCraft's own format: `state_dict.bin` and `compression_state_dict.bin`.

Each is a table with the weights (`best_state`) and the training's configuration as YAML
(`xp.cfg`), as `audiocraft.utils.export` writes them. The codec's may only name another codec
(`pretrained`). T5 is never inside, nor MERT, by which a style model hears: their folders lie
beside them, or they come from the hub.
What is read becomes the Hugging Face layout's config and names, and goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from core.errors import BadCheckpoint
from core.model.audiocraft_names import MELODY, TEXT, codec_names, language_model_names
from core.model.audiocraft_style import LISTENER, split, style_config
from core.model.config import ModelConfig
from core.model.location import CODEC_STATE, LISTENER_ID, STATE, Progress, locate, locate_hub
from core.model.style import StyleConfig
from core.model.weights import read_json, read_table, read_weights, weights_files
from core.types import FRAME_RATE, MODEL_RATE

CODEC_ID = "facebook/encodec_32khz"
CHROMA_HOP = 4_096  # samples
SECONDS = 30  # of a training window, where the configuration does not say


@dataclass(frozen=True, slots=True, eq=False)
class AudiocraftParts:
    """What can be told without reading the weights.

    text_encoder, audio_encoder: sub-configs of the Hugging Face layout.
    text_folder: T5 with its tokenizer. own: the weights files that are the checkpoint's.
    style, listener_folder: a style model's ear, and MERT.
    """

    config: ModelConfig
    text_encoder: Mapping[str, Any]
    audio_encoder: Mapping[str, Any]
    text_folder: Path
    own: tuple[Path, ...]
    codec_folder: Path | None
    style: StyleConfig | None = None
    listener_folder: Path | None = None

    def tensors(
        self, progress: Callable[[float], None] = lambda fraction: None, prefix: str = ""
    ) -> dict[str, Tensor]:
        """As `read_weights`: all tensors under Hugging Face's names that start with `prefix`."""
        made: dict[str, Tensor] = {}
        if "audio_encoder.".startswith(prefix):
            codec = self._codec()
            made |= {f"audio_encoder.{name}": one for name, one in codec.items()}
        progress(0.2)
        if prefix == "audio_encoder.":
            return made
        text = weights_files(self.text_folder)
        for part in ("shared.", "encoder."):  # it has a decoder too, which is not wanted
            found = read_weights(text, prefix=part)
            made |= {f"text_encoder.{name}": one for name, one in found.items()}
        progress(0.4)
        state = _package(self.own[0])[0]
        if self.listener_folder is not None:
            state, ear = split(state)
            heard = read_weights(weights_files(self.listener_folder))
            made |= ear | {LISTENER + name: one for name, one in heard.items()}
        made |= language_model_names(state)
        progress(1.0)
        return {name: one for name, one in made.items() if name.startswith(prefix)}

    def _codec(self) -> dict[str, Tensor]:
        if self.codec_folder is not None:
            return read_weights(weights_files(self.codec_folder))
        return codec_names(_package(self.own[1])[0])


def read_audiocraft(folder: Path, progress: Progress | None = None) -> AudiocraftParts:
    """Find out what a folder holds. Downloads what else it needs: T5, the codec, MERT.

    Raises BadCheckpoint: not whole, not MusicGen, or a part that is not there.
    """
    state, settings = _package(folder / STATE)
    config = _config(state, settings)
    listener_folder, style = None, None
    if config.hears_style:
        listener_folder, style = _listener(folder, state, settings, progress)
    text_folder = _text_folder(folder, settings, progress)
    text_encoder = read_json(text_folder / "config.json")
    if not (folder / CODEC_STATE).exists():
        raise BadCheckpoint(f"{folder} lacks {CODEC_STATE}, the codec; get the checkpoint again")
    table = read_table(folder / CODEC_STATE)
    if "pretrained" not in table:
        return AudiocraftParts(
            config, text_encoder, _codec_config(_package(folder / CODEC_STATE)[1]), text_folder,
            (folder / STATE, folder / CODEC_STATE), None, style, listener_folder,
        )  # fmt: skip
    named = str(table["pretrained"]).removeprefix("//pretrained/")
    if named != CODEC_ID:
        raise BadCheckpoint(
            f"the checkpoint's codec is {named[:60]}; only {CODEC_ID} is understood"
        )
    codec_folder = _beside_or_hub(folder, (CODEC_ID,), "codec", progress)
    audio_encoder = read_json(codec_folder / "config.json")
    return AudiocraftParts(
        config, text_encoder, audio_encoder, text_folder, (folder / STATE, folder / CODEC_STATE),
        codec_folder, style, listener_folder,
    )  # fmt: skip


def _package(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the configuration of one file."""
    table = read_table(path)
    state, text = table.get("best_state"), table.get("xp.cfg")
    if not isinstance(state, Mapping) or not isinstance(text, str):
        raise BadCheckpoint(
            f"{path} is no exported checkpoint (best_state and xp.cfg); export it with"
            " audiocraft.utils.export"
        )
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise BadCheckpoint(f"{path} has a configuration that is no YAML; export it again") from (
            problem
        )
    if not isinstance(settings, dict):
        raise BadCheckpoint(f"{path} has a configuration that is no table; export it again")
    return {str(n): one for n, one in state.items() if isinstance(one, Tensor)}, settings


def _said(settings: Mapping[str, Any], path: str, otherwise: Any = None) -> Any:
    """A value of the configuration by its dotted path; `${a.b}` refers to another one."""
    for _ in range(8):
        found: Any = settings
        for word in path.split("."):
            found = found.get(word) if isinstance(found, Mapping) else None
        reference = re.fullmatch(r"\$\{([\w.]+)\}", found) if isinstance(found, str) else None
        if reference is None:
            return otherwise if found is None else found
        path = reference[1]
    return otherwise


# ---------------------------------------------------------------- the language model


def _config(state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> ModelConfig:
    """Sizes are the tensors'; what tensors do not tell is the configuration's."""
    _check_kind(settings)
    try:
        books = sum(bool(re.fullmatch(r"emb\.\d+\.weight", name)) for name in state)
        layers = {m[1] for name in state if (m := re.match(r"transformer\.layers\.(\d+)\.", name))}
        entries, hidden = state["emb.0.weight"].shape
        ffn = state["transformer.layers.0.linear1.weight"].shape[0]
        text_hidden = state[f"{TEXT}output_proj.weight"].shape[1]
        seconds = float(_said(settings, "dataset.segment_duration", SECONDS))
        sung = state.get(f"{MELODY}output_proj.weight")
        listens = 0 if sung is None else sung.shape[1]
        of_style = _said(settings, "conditioners.self_wav.model") == "style"
        delays = _said(settings, "codebooks_pattern.delay.delays")
        interleaved = bool(_said(settings, "interleave_stereo_codebooks.use", False))
        made = ModelConfig(
            hidden=hidden,
            layers=len(layers),
            heads=int(_said(settings, "transformer_lm.num_heads")),
            ffn=ffn,
            codebooks=books,
            vocab=entries - 1,
            audio_channels=2 if interleaved else 1,
            text_hidden=text_hidden,
            window_frames=round(seconds * FRAME_RATE),
            activation=str(_said(settings, "transformer_lm.activation", "gelu")),
            chroma_bins=0 if of_style else listens,
            chroma_frames=(
                1 + int(seconds * MODEL_RATE) // CHROMA_HOP if listens and not of_style else 0
            ),
            style_width=listens if of_style else 0,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise BadCheckpoint(
            f"{STATE} lacks or garbles {problem}; it is no MusicGen, or not whole"
        ) from problem
    if delays is not None and list(delays) != list(made.delays):
        raise BadCheckpoint(
            f"the checkpoint delays its codebooks by {str(delays)[:40]}, MusicGen by"
            f" {list(made.delays)}; it is not understood"
        )
    return made


def _check_kind(settings: Mapping[str, Any]) -> None:
    """Raises BadCheckpoint for a relative of MusicGen that is another model."""
    expected: dict[str, tuple[Any, ...]] = {
        "lm_model": ("transformer_lm",),
        "codebooks_pattern.modeling": ("delay",),
        "transformer_lm.norm_first": (True,),
        "transformer_lm.norm": ("layer_norm",),
        "transformer_lm.positional_embedding": ("sin",),
        "transformer_lm.kv_repeat": (1,),
        "conditioners.self_wav.model": ("chroma_stem", "style"),
        "conditioners.description.model": ("t5",),
        "fuser.cross_attention_pos_emb": (False,),
        "sample_rate": (MODEL_RATE,),
    }
    for path, understood in expected.items():
        found = _said(settings, path, understood[0])
        if found not in understood:
            raise BadCheckpoint(
                f"the checkpoint has {path} {str(found)[:40]!r}, MusicGen {understood[0]!r}; this"
                " kind of model is not understood"
            )


# ---------------------------------------------------------------- its other parts


def _text_folder(folder: Path, settings: Mapping[str, Any], progress: Progress | None) -> Path:
    name = str(_said(settings, "conditioners.description.t5.name", "t5-base"))
    known = {"t5-small", "t5-base", "t5-large", "t5-3b", "t5-11b"}
    if name in known:
        ids = (name, f"google-t5/{name}")
    elif re.fullmatch(r"google/flan-t5-\w+", name):
        ids = (name,)
    else:
        raise BadCheckpoint(f"the checkpoint's text encoder is {name[:60]}; only T5 is understood")
    return _beside_or_hub(folder, ids, "text encoder", progress)


def _listener(
    folder: Path,
    state: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    progress: Progress | None,
) -> tuple[Path, StyleConfig]:
    """MERT, and the sizes of the ear that it is part of."""
    found = _beside_or_hub(folder, (LISTENER_ID,), "ear", progress)
    told = _said(settings, "conditioners.self_wav.style", {})
    try:
        return found, style_config(state, told, read_json(found / "config.json"))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as problem:
        raise BadCheckpoint(
            f"{STATE} lacks or garbles {problem}; it is no MusicGen-Style, or not whole"
        ) from problem


def _beside_or_hub(
    folder: Path, ids: tuple[str, ...], what: str, progress: Progress | None
) -> Path:
    """A part in the Hugging Face layout: a folder of its name in the checkpoint's, or the hub's."""
    beside = folder / ids[-1].rpartition("/")[2]
    if (beside / "config.json").exists():
        return locate(str(beside))
    try:
        return locate_hub(ids, progress)
    except BadCheckpoint as problem:
        raise BadCheckpoint(
            f"its {what} is missing: {str(problem).partition(';')[0]}; connect to the internet"
            f" once, or put a copy in {beside}"
        ) from problem


def _codec_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """EncodecConfig's fields of a codec's configuration."""
    if _said(settings, "compression_model", "encodec") != "encodec":
        raise BadCheckpoint(
            f"the codec is {_said(settings, 'compression_model')!r}; only EnCodec is understood"
        )

    def seanet(name: str, otherwise: Any) -> Any:
        return _said(settings, f"seanet.{name}", otherwise)

    try:
        bins, books = int(_said(settings, "rvq.bins", 1024)), int(_said(settings, "rvq.n_q", 8))
        bits = (bins - 1).bit_length()
        return {
            "model_type": "encodec",
            "target_bandwidths": [books * FRAME_RATE * bits / 1000],
            "sampling_rate": int(_said(settings, "sample_rate", MODEL_RATE)),
            "audio_channels": int(_said(settings, "channels", 1)),
            "normalize": bool(_said(settings, "encodec.renormalize", False)),
            "hidden_size": int(seanet("dimension", 128)),
            "num_filters": int(seanet("n_filters", 32)),
            "num_residual_layers": int(seanet("n_residual_layers", 1)),
            "upsampling_ratios": [int(ratio) for ratio in seanet("ratios", [8, 5, 4, 2])],
            "norm_type": str(seanet("norm", "weight_norm")),
            "kernel_size": int(seanet("kernel_size", 7)),
            "last_kernel_size": int(seanet("last_kernel_size", 7)),
            "residual_kernel_size": int(seanet("residual_kernel_size", 3)),
            "dilation_growth_rate": int(seanet("dilation_base", 2)),
            "use_causal_conv": bool(_said(settings, "encodec.causal", False)),
            "pad_mode": str(seanet("pad_mode", "constant")),
            "compress": int(seanet("compress", 2)),
            "num_lstm_layers": int(seanet("lstm", 2)),
            "trim_right_ratio": float(seanet("decoder.trim_right_ratio", 1.0)),
            "codebook_size": bins,
            "use_conv_shortcut": not seanet("true_skip", True),
        }
    except (TypeError, ValueError) as problem:
        raise BadCheckpoint(
            f"{CODEC_STATE} has a configuration that is not understood ({problem})"
        ) from problem
