"""Writes a transformers MusicGen as AudioCraft would: the same weights in its own format.

The names and the configuration follow AudioCraft's exports; `xp.cfg` is cut down to what it builds
a model of (`tests/core/audiocraft_reference.py` has it do so), `${…}` references and all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from transformers import EncodecModel

from tests.core.tiny_checkpoints import AnyMusicgen, tiny_tokenizer

REDIRECT = "facebook/encodec_32khz"

_LM = (
    (r"model\.decoder\.embed_tokens\.(\d+)", r"emb.\1"),
    (r"lm_heads\.(\d+)", r"linears.\1"),
    (r"model\.decoder\.layer_norm", "out_norm"),
    (r"model\.decoder\.layers", "transformer.layers"),
    (r"encoder_attn_layer_norm", "norm_cross"),
    (r"self_attn_layer_norm", "norm1"),
    (r"final_layer_norm", "norm2"),
    (r"encoder_attn\.", "cross_attention."),
    (r"fc1", "linear1"),
    (r"fc2", "linear2"),
)


def write_audiocraft(folder: Path, model: AnyMusicgen, *, codec: str = "inside") -> Path:
    """Into `folder`, made if missing, with T5 beside it as `t5-base`.

    codec: "inside"; "folded", its norms folded into the weights; "named", the redirect alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            "best_state": language_model_state(model),
            "xp.cfg": yaml.safe_dump(language_model_settings(model)),
            "version": "1.4.0a2",
            "exported": True,
        },
        folder / "state_dict.bin",
    )
    if codec == "named":
        table: dict[str, Any] = {"pretrained": REDIRECT, "exported": True, "version": "1.4.0a2"}
    else:
        table = {
            "best_state": codec_state(model.audio_encoder, folded=codec == "folded"),
            "xp.cfg": yaml.safe_dump(codec_settings(model.audio_encoder)),
            "version": "1.4.0a2",
            "exported": True,
        }
    torch.save(table, folder / "compression_state_dict.bin")
    model.text_encoder.save_pretrained(folder / "t5-base")
    tiny_tokenizer().save_pretrained(folder / "t5-base")
    return folder


def language_model_state(model: AnyMusicgen) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, one in model.decoder.state_dict().items():
        for theirs, ours in _LM:
            name = re.sub(theirs, ours, name)
        merged = re.fullmatch(r"(.+)\.([qkv])_proj\.weight", name)
        if merged:
            parts.setdefault(f"{merged[1]}.in_proj_weight", {})[merged[2]] = one
        elif "embed_positions" not in name:
            made[name] = one
    made |= {name: torch.cat([of[k] for k in "qkv"]) for name, of in parts.items()}
    conditioners = "condition_provider.conditioners."
    for what, ours in (("enc_to_dec_proj", "description"), ("audio_enc_to_dec_proj", "self_wav")):
        for name, one in getattr(model, what, torch.nn.Module()).state_dict().items():
            made[f"{conditioners}{ours}.output_proj.{name}"] = one
    if hasattr(model, "audio_enc_to_dec_proj"):
        made[f"{conditioners}self_wav.chroma.spec.window"] = torch.hann_window(16_384)
    return made


def language_model_settings(model: AnyMusicgen) -> dict[str, Any]:
    decoder = model.config.decoder
    sung = hasattr(model, "audio_enc_to_dec_proj")
    stereo = decoder.audio_channels == 2
    order = ["self_wav", "description"] if sung else []
    chroma = {"sample_rate": "${sample_rate}", "n_chroma": 12, "radix2_exp": 14, "argmax": True}
    melody = {"self_wav": {"model": "chroma_stem", "chroma_stem": chroma}}
    return {
        "solver": "musicgen",
        "sample_rate": 32_000,
        "channels": decoder.audio_channels,
        "lm_model": "transformer_lm",
        "codebooks_pattern": {
            "modeling": "delay",
            "delay": {"delays": [0, 0, 1, 1, 2, 2, 3, 3] if stereo else [0, 1, 2, 3]},
        },
        "transformer_lm": {
            "n_q": decoder.num_codebooks,
            "card": decoder.vocab_size,
            "dim": decoder.hidden_size,
            "num_heads": decoder.num_attention_heads,
            "num_layers": decoder.num_hidden_layers,
            "hidden_scale": decoder.ffn_dim // decoder.hidden_size,
            "activation": "gelu",
            "norm_first": True,
            "norm": "layer_norm",
            "positional_embedding": "sin",
            "bias_ff": False,
            "bias_attn": False,
            "bias_proj": False,
            "layer_scale": None,
            "causal": True,
            "memory_efficient": True,
        },
        "classifier_free_guidance": {"training_dropout": 0.1, "inference_coef": 3.0},
        "attribute_dropout": {},
        "fuser": {
            "cross_attention_pos_emb": False,
            "sum": [],
            "input_interpolate": [],
            "prepend": order,
            "cross": [] if sung else ["description"],
        },
        "conditioners": {
            **(melody if sung else {}),
            "description": {"model": "t5", "t5": {"name": "t5-base", "finetune": False}},
        },
        "dataset": {"segment_duration": 30, "generate": "${sample_rate}"},
        **({"interleave_stereo_codebooks": {"use": True, "per_timestep": False}} if stereo else {}),
    }


def codec_state(codec: EncodecModel, folded: bool = False) -> dict[str, Tensor]:
    if folded:
        for module in codec.modules():
            if torch.nn.utils.parametrize.is_parametrized(module):
                torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    made: dict[str, Tensor] = {}
    for name, one in codec.state_dict().items():
        name = name.replace("parametrizations.weight.original0", "weight_g")
        name = name.replace("parametrizations.weight.original1", "weight_v")
        up = re.fullmatch(r"(decoder\.layers\.\d+)\.conv\.(.+)", name)
        if up and isinstance(codec.get_submodule(f"{up[1]}.conv"), torch.nn.ConvTranspose1d):
            name = f"{up[1]}.convtr.convtr.{up[2]}"
        else:
            name = name.replace(".conv.", ".conv.conv.")
        name = name.replace("coder.layers.", "coder.model.")
        name = name.replace("quantizer.layers.", "quantizer.vq.layers.")
        made[name.replace(".codebook.", "._codebook.")] = one
    return made


def codec_settings(codec: EncodecModel) -> Mapping[str, Any]:
    config = codec.config
    return {
        "sample_rate": config.sampling_rate,
        "channels": 1,
        "compression_model": "encodec",
        "encodec": {
            "autoencoder": "seanet",
            "quantizer": "rvq",
            "sample_rate": "${sample_rate}",
            "channels": "${channels}",
            "causal": False,
            "renormalize": False,
        },
        "seanet": {
            "dimension": config.hidden_size,
            "n_filters": config.num_filters,
            "n_residual_layers": config.num_residual_layers,
            "ratios": list(config.upsampling_ratios),
            "norm": "weight_norm",
            "kernel_size": 7,
            "residual_kernel_size": 3,
            "last_kernel_size": 7,
            "dilation_base": 2,
            "pad_mode": config.pad_mode,
            "true_skip": True,
            "compress": 2,
            "lstm": 2,
            "causal": "${encodec.causal}",
            "decoder": {"trim_right_ratio": 1.0},
            "encoder": {},
        },
        "rvq": {"n_q": config.num_quantizers, "bins": config.codebook_size},
    }
