"""MusicGen-Style's ear in AudioCraft's own format: its sizes and its tensors' names. Pure.

Of AudioCraft's two ears, MERT and the codec, the published model's is read: MERT.
Source: `audiocraft/modules/conditioners.py` of 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from core.errors import BadCheckpoint
from core.model.style import StyleConfig

OWN = "condition_provider.conditioners.self_wav."
EAR, LISTENER = "style_ear.", "style_listener."  # ours, and MERT's
HEADS = {"xsmall": 8, "default": 8, "large": 16}  # the one size that no tensor tells
_LAYER = re.compile(rf"{re.escape(OWN)}transformer\.(layers\.(\d+)\..+)")
_BOOK = re.compile(rf"{re.escape(OWN)}rvq\.vq\.layers\.(\d+)\._codebook\.embed")
_LEARNT = re.compile(
    rf"{re.escape(OWN)}(embed\.(weight|bias)|output_proj\.(weight|bias)|batch_norm\.\w+)"
)
_NOT_NEEDED = re.compile(r"\._codebook\.(inited|cluster_size|embed_avg)$")  # of its training


def style_config(
    state: Mapping[str, Tensor], told: Mapping[str, Any], listener: Mapping[str, Any]
) -> StyleConfig:
    """told: `conditioners.self_wav.style` of the configuration. listener: MERT's config.json.

    Raises BadCheckpoint for one that is not understood; KeyError and the like where a part lacks.
    """
    ear, scale = told.get("model_name"), told.get("transformer_scale", "default")
    if ear != "mert":
        raise BadCheckpoint(f"the checkpoint's style is heard by {str(ear)[:40]!r}, not by MERT;"
                            " this kind of model is not understood")  # fmt: skip
    if scale not in HEADS:
        raise BadCheckpoint(f"the checkpoint's style has the size {str(scale)[:40]!r}, which is"
                            " not understood")  # fmt: skip
    books = [one for name, one in state.items() if _BOOK.fullmatch(name)]
    layers = {int(found[2]) for name in state if (found := _LAYER.fullmatch(name))}
    entries, width = books[0].shape
    return StyleConfig(
        listener=listener,
        width=width,
        layers=len(layers),
        heads=HEADS[scale],
        ffn=state[f"{OWN}transformer.layers.0.linear1.weight"].shape[0],
        books=len(books),
        entries=entries,
        every=max(1, int(told.get("ds_factor", 15))),
        normed=f"{OWN}batch_norm.running_mean" in state,
    )


def split(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The language model's tensors as they are, and the ear's under our names.

    Raises BadCheckpoint for one of the ear's that has no place in it.
    """
    rest, ear, books = {}, {}, {}
    for name, one in state.items():
        if not name.startswith(OWN):
            rest[name] = one
        elif found := _LAYER.fullmatch(name) or _LEARNT.fullmatch(name):
            ear[EAR + found[1]] = one
        elif found := _BOOK.fullmatch(name):
            books[int(found[1])] = one
        elif not _NOT_NEEDED.search(name):
            raise BadCheckpoint(
                f"the weights hold {name[:80]}, which MusicGen-Style has not; this kind of model is"
                " not understood"
            )
    if len({one.shape for one in books.values()}) != 1:
        raise BadCheckpoint("the style's codebooks are of different sizes; get it again")
    ear[f"{EAR}codebooks"] = torch.stack([books[book] for book in sorted(books)])
    return rest, ear
