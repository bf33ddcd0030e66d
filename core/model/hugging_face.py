"""Our parameter names ⇄ Hugging Face's, for the language model's part of a checkpoint.

Ours differ in two ways: query, key and value of self-attention are one matrix, and the
codebooks share one embedding table and one head matrix. Both ways are pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from core.errors import BadCheckpoint
from core.model.config import ModelConfig

DECODER = "decoder.model.decoder."
HEADS = "decoder.lm_heads."
PROJECTION = "enc_to_dec_proj."
MELODY_PROJECTION = "audio_enc_to_dec_proj."

# One to one inside a layer: our name, theirs.
_SAME = (
    ("self_attn_norm.weight", "self_attn_layer_norm.weight"),
    ("self_attn_norm.bias", "self_attn_layer_norm.bias"),
    ("self_attn.out_proj.weight", "self_attn.out_proj.weight"),
    ("cross_attn_norm.weight", "encoder_attn_layer_norm.weight"),
    ("cross_attn_norm.bias", "encoder_attn_layer_norm.bias"),
    ("cross_attn.q_proj.weight", "encoder_attn.q_proj.weight"),
    ("cross_attn.k_proj.weight", "encoder_attn.k_proj.weight"),
    ("cross_attn.v_proj.weight", "encoder_attn.v_proj.weight"),
    ("cross_attn.out_proj.weight", "encoder_attn.out_proj.weight"),
    ("ffn_norm.weight", "final_layer_norm.weight"),
    ("ffn_norm.bias", "final_layer_norm.bias"),
    ("fc1.weight", "fc1.weight"),
    ("fc2.weight", "fc2.weight"),
)
_CROSS = "cross_attn"  # not there in a model that reads a prefix
_QKV = tuple(f"self_attn.{part}_proj.weight" for part in "qkv")


def wanted_by_us(name: str) -> bool:
    """Whether a tensor of a whole checkpoint belongs to the language model."""
    return name.startswith(("decoder.", PROJECTION, MELODY_PROJECTION))


def _same(config: ModelConfig) -> list[tuple[str, str]]:
    return [one for one in _SAME if not (config.reads_prefix and one[0].startswith(_CROSS))]


def from_hugging_face(weights: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Our state dict out of Hugging Face's. Tensors that need no merging are not copied.

    Raises BadCheckpoint when one is missing, its shape is not the config's or it is not of floats.
    """

    def take(name: str, *shape: int) -> Tensor:
        found = weights.get(name)
        if found is None:
            raise BadCheckpoint(f"the weights lack {name}; get the checkpoint again")
        if tuple(found.shape) != shape:
            raise BadCheckpoint(
                f"the weights' {name} has shape {list(found.shape)}, config.json says"
                f" {list(shape)}; get the checkpoint again"
            )
        if not found.is_floating_point():
            raise BadCheckpoint(
                f"the weights' {name} are {str(found.dtype).removeprefix('torch.')}, not floats;"
                " get the checkpoint again"
            )
        return found

    _check_no_more(weights, config)
    hidden, ffn, books = config.hidden, config.ffn, range(config.codebooks)
    shapes = {"fc1.weight": (ffn, hidden), "fc2.weight": (hidden, ffn)}
    ours = {
        "embed_codes.weight": torch.cat(
            [take(f"{DECODER}embed_tokens.{k}.weight", config.vocab + 1, hidden) for k in books]
        ),
        "heads.weight": torch.cat(
            [take(f"{HEADS}{k}.weight", config.vocab, hidden) for k in books]
        ),
        "norm.weight": take(f"{DECODER}layer_norm.weight", hidden),
        "norm.bias": take(f"{DECODER}layer_norm.bias", hidden),
    }
    if config.projects_text:
        ours["text_proj.weight"] = take(f"{PROJECTION}weight", hidden, config.text_hidden)
        ours["text_proj.bias"] = take(f"{PROJECTION}bias", hidden)
    if config.projects_melody:
        ours["melody_proj.weight"] = take(f"{MELODY_PROJECTION}weight", hidden, config.chroma_bins)
        ours["melody_proj.bias"] = take(f"{MELODY_PROJECTION}bias", hidden)
    for index in range(config.layers):
        mine, theirs = f"layers.{index}.", f"{DECODER}layers.{index}."
        ours[mine + "self_attn.qkv_proj.weight"] = torch.cat(
            [take(theirs + name, hidden, hidden) for name in _QKV]
        )
        for our_name, their_name in _same(config):
            norm = "norm" in their_name
            shape = (hidden,) if norm else shapes.get(their_name, (hidden, hidden))
            ours[mine + our_name] = take(theirs + their_name, *shape)
    return ours


def _check_no_more(weights: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Layers or codebooks beyond the config's are another model's: cut off, they make noise."""
    for kind, most in (("layers", config.layers), ("embed_tokens", config.codebooks)):
        prefix = f"{DECODER}{kind}."
        for name in weights:
            number = name.removeprefix(prefix).partition(".")[0]
            if name.startswith(prefix) and number.isdecimal() and int(number) >= most:
                raise BadCheckpoint(
                    f"the weights hold {name}, and config.json says {most} {kind};"
                    " config.json is another model's, get the checkpoint again"
                )


def to_hugging_face(ours: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Hugging Face's state dict (the language model's part) out of ours; all copied."""
    theirs: dict[str, Tensor] = {}
    for book, table in enumerate(ours["embed_codes.weight"].chunk(config.codebooks)):
        theirs[f"{DECODER}embed_tokens.{book}.weight"] = table
    for book, head in enumerate(ours["heads.weight"].chunk(config.codebooks)):
        theirs[f"{HEADS}{book}.weight"] = head
    theirs[f"{DECODER}layer_norm.weight"] = ours["norm.weight"]
    theirs[f"{DECODER}layer_norm.bias"] = ours["norm.bias"]
    if config.projects_text:
        theirs[f"{PROJECTION}weight"] = ours["text_proj.weight"]
        theirs[f"{PROJECTION}bias"] = ours["text_proj.bias"]
    if config.projects_melody:
        theirs[f"{MELODY_PROJECTION}weight"] = ours["melody_proj.weight"]
        theirs[f"{MELODY_PROJECTION}bias"] = ours["melody_proj.bias"]
    for index in range(config.layers):
        mine, prefix = f"layers.{index}.", f"{DECODER}layers.{index}."
        parts = ours[mine + "self_attn.qkv_proj.weight"].chunk(3)
        theirs.update({prefix + name: part for name, part in zip(_QKV, parts, strict=True)})
        theirs.update({prefix + their: ours[mine + our] for our, their in _same(config)})
    return {name: one.detach().clone().contiguous() for name, one in theirs.items()}
