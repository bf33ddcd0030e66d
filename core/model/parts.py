"""A checkpoint's other parts: text encoder, codec and tokenizer, which transformers gives.

Each is made of its configuration (the Hugging Face layout's) and filled with the tensors under its
prefix. What does not fit is told as BadCheckpoint, in one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    EncodecConfig,
    EncodecModel,
    HubertConfig,
    HubertModel,
    T5Config,
    T5EncoderModel,
)
from transformers.utils import logging as transformers_logging

from core.errors import BadCheckpoint
from core.model.audiocraft_style import EAR, LISTENER
from core.model.config import ModelConfig
from core.model.style import StyleConfig, StyleEar
from core.model.weights import reason_of
from core.types import MODEL_RATE, SAMPLES_PER_FRAME

TOKENIZERS = ("tokenizer.json", "spiece.model", "tokenizer.model")


def tensors_of(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under a prefix, without it, as float32."""
    found = {name: one for name, one in weights.items() if name.startswith(prefix)}
    if not found:
        raise BadCheckpoint(f"the weights have no {prefix[:-1]}; get the checkpoint again")
    return {
        name.removeprefix(prefix): one.float() if one.is_floating_point() else one
        for name, one in found.items()
    }


def fill(part: nn.Module, what: str, weights: Mapping[str, Tensor], assign: bool) -> None:
    """All tensors of `part`; those left over are not looked at. what: its name for people."""
    try:
        missing = part.load_state_dict(weights, strict=False, assign=assign).missing_keys
    except RuntimeError as problem:  # torch: a shape is not the config's
        raise BadCheckpoint(
            f"the weights of the {what} do not fit config.json; get the checkpoint again"
        ) from problem
    if missing:
        raise BadCheckpoint(f"the weights lack {what} {missing[0]}; get the checkpoint again")


def text_encoder_of(raw: Mapping[str, Any], weights: Mapping[str, Tensor]) -> T5EncoderModel:
    if raw.get("model_type") != "t5":
        raise BadCheckpoint(
            f"the text encoder is {raw.get('model_type')!r}; only T5 is understood here"
        )
    with torch.device("meta"):  # its random weights would be thrown away
        encoder = T5EncoderModel(sub_config(T5Config, raw, "text encoder"))
    own = tensors_of(weights, "text_encoder.")
    # The one table has two names, and files hold it under either.
    table = own.get("shared.weight", own.get("encoder.embed_tokens.weight"))
    if table is not None:
        own |= {"shared.weight": table, "encoder.embed_tokens.weight": table}
    fill(encoder, "text encoder", own, assign=True)
    return encoder


def codec_of(
    raw: Mapping[str, Any], model: ModelConfig, weights: Mapping[str, Tensor]
) -> EncodecModel:
    if raw.get("model_type") != "encodec":
        raise BadCheckpoint(f"the codec is {raw.get('model_type')!r}; only EnCodec is understood")
    config = sub_config(EncodecConfig, raw, "codec")
    if config.sampling_rate != MODEL_RATE or config.hop_length != SAMPLES_PER_FRAME:
        raise BadCheckpoint(
            f"the codec runs at {config.sampling_rate} Hz with {config.hop_length} samples a frame;"
            f" {MODEL_RATE} Hz with {SAMPLES_PER_FRAME} is needed (EnCodec 32 kHz)"
        )
    books = config.num_quantizers * model.audio_channels
    if books != model.codebooks or config.codebook_size != model.vocab:
        raise BadCheckpoint(
            f"the codec has {books} codebooks of {config.codebook_size}, the language model"
            f" {model.codebooks} of {model.vocab}; they do not belong together"
        )
    if min(config.num_filters, config.hidden_size, config.codebook_dim, config.kernel_size) < 1:
        raise BadCheckpoint("config.json's codec has a size below 1; get the checkpoint again")
    codec = EncodecModel(config)
    fill(codec, "codec", norms_renamed(tensors_of(weights, "audio_encoder.")), assign=False)
    return codec


def style_ear_of(style: StyleConfig, model: ModelConfig, weights: Mapping[str, Tensor]) -> StyleEar:
    ear = empty_ear(style, model)
    heard = norms_renamed(tensors_of(weights, LISTENER))
    own = tensors_of(weights, EAR)
    fill(ear, "ear", own | {f"listener.{n}": one for n, one in heard.items()}, assign=True)
    return ear


def empty_ear(style: StyleConfig, model: ModelConfig) -> StyleEar:
    """Without memory for its weights.

    MERT is HuBERT, whose code transformers has; of its own code nothing is run.
    """
    raw = dict(style.listener)
    more = any(raw.get(what) for what in ("deepnorm", "feature_extractor_cqt"))  # than HuBERT
    if raw.pop("model_type", None) != "mert_model" or more:
        raise BadCheckpoint("the style model's ear is no MERT-v1-95M; put that one in its place")
    raw |= {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}  # of its training
    with torch.device("meta"):
        listener = HubertModel(sub_config(HubertConfig, raw, "ear"))
        return StyleEar(style, listener, model.hidden)


def norms_renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """weight_norm's names before torch 2 → those since."""
    return {
        re.sub(r"\.weight_v$", ".parametrizations.weight.original1", name_g): one
        for name, one in weights.items()
        for name_g in [re.sub(r"\.weight_g$", ".parametrizations.weight.original0", name)]
    }


def sub_config(kind: Any, raw: Mapping[str, Any], what: str) -> Any:
    try:
        return kind.from_dict(dict(raw))
    except Exception as problem:  # transformers validates with many classes
        raise BadCheckpoint(
            f"config.json's {what} is not understood ({reason_of(problem)})"
        ) from problem


def tokenizer_in(folder: Path) -> Any:
    # It reads config.json too, and warns that the special token lies outside the vocabulary,
    # which is how MusicGen has it.
    if not any((folder / name).exists() for name in TOKENIZERS):  # it would invent an empty one
        raise BadCheckpoint(f"{folder} has no tokenizer.json; get the checkpoint again")
    loudness = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as problem:  # transformers raises many classes here
        raise BadCheckpoint(
            f"{folder} has no tokenizer that can be read (tokenizer.json); get the checkpoint again"
        ) from problem
    finally:
        transformers_logging.set_verbosity(loudness)
