"""AudioCraft's parameter names → Hugging Face's, for the language model and for EnCodec. Pure.

What is not understood is refused: a tensor left over would be a part of the model left out.
Source: `audiocraft/models/lm.py`, `modules/transformer.py` and `modules/seanet.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from core.errors import BadCheckpoint
from core.model.hugging_face import DECODER, HEADS, MELODY_PROJECTION, PROJECTION

TEXT = "condition_provider.conditioners.description."
MELODY = "condition_provider.conditioners.self_wav."

# Computed, not learnt; and the text encoder, where someone kept its tensors too.
_NOT_NEEDED = re.compile(rf"{re.escape(MELODY)}chroma\.|{re.escape(TEXT)}t5\.")

_LAYER = re.compile(r"transformer\.layers\.(\d+)\.(.+)")
_IN_LAYER = {
    "norm1.weight": "self_attn_layer_norm.weight",
    "norm1.bias": "self_attn_layer_norm.bias",
    "norm_cross.weight": "encoder_attn_layer_norm.weight",
    "norm_cross.bias": "encoder_attn_layer_norm.bias",
    "norm2.weight": "final_layer_norm.weight",
    "norm2.bias": "final_layer_norm.bias",
    "linear1.weight": "fc1.weight",
    "linear2.weight": "fc2.weight",
    "self_attn.out_proj.weight": "self_attn.out_proj.weight",
    "cross_attention.out_proj.weight": "encoder_attn.out_proj.weight",
}
_MERGED = {
    "self_attn.in_proj_weight": "self_attn",
    "cross_attention.in_proj_weight": "encoder_attn",
}
_OUTSIDE = (
    (r"emb\.(\d+)\.weight", rf"{DECODER}embed_tokens.\1.weight"),
    (r"linears\.(\d+)\.weight", rf"{HEADS}\1.weight"),
    (r"out_norm\.(weight|bias)", rf"{DECODER}layer_norm.\1"),
    (re.escape(TEXT) + r"output_proj\.(weight|bias)", rf"{PROJECTION}\1"),
    (re.escape(MELODY) + r"output_proj\.(weight|bias)", rf"{MELODY_PROJECTION}\1"),
)


def language_model_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The language model's tensors. Raises BadCheckpoint for one that has no place in MusicGen."""
    return dict(pair for name, one in state.items() for pair in _renamed(name, one))


def _renamed(name: str, one: Tensor) -> Iterator[tuple[str, Tensor]]:
    if _NOT_NEEDED.match(name):
        return
    for pattern, theirs in _OUTSIDE:
        if re.fullmatch(pattern, name):
            yield re.sub(pattern, theirs, name), one
            return
    found = _LAYER.fullmatch(name)
    inside = found[2].replace(".mha.", ".") if found else ""
    if found and inside in _IN_LAYER:
        yield f"{DECODER}layers.{found[1]}.{_IN_LAYER[inside]}", one
    elif found and inside in _MERGED and one.ndim == 2 and one.shape[0] % 3 == 0:
        for part, piece in zip("qkv", one.chunk(3), strict=True):
            yield f"{DECODER}layers.{found[1]}.{_MERGED[inside]}.{part}_proj.weight", piece
    else:
        raise BadCheckpoint(
            f"the weights hold {name[:80]}, which MusicGen has not; this kind of model is not"
            " understood"
        )


def codec_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """EnCodec's tensors. Weights whose norm was folded in are taken apart again: v is the weight,
    g its norm over all but the first dimension, which gives the same product."""
    made: dict[str, Tensor] = {}
    for name, one in state.items():
        name = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
        name = name.replace(".conv.conv.", ".conv.").replace(".convtr.convtr.", ".conv.")
        name = name.replace("quantizer.vq.layers.", "quantizer.layers.")
        name = name.replace("._codebook.", ".codebook.")
        if name.endswith(".conv.weight"):
            made[f"{name}_v"] = one
            made[f"{name}_g"] = one.flatten(1).norm(dim=1).view(-1, *[1] * (one.ndim - 1))
        else:
            made[name] = one
    return made
