"""Whether a checkpoint's weights are what its configuration says, as far as a look tells.

Before they are read: safetensors files name their tensors and shapes in front, so that a model
which cannot be loaded is refused in milliseconds, while the one before still plays. After: that
they are numbers. Errors are BadCheckpoint with one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from core.errors import BadCheckpoint
from core.model.config import ModelConfig
from core.model.hugging_face import from_hugging_face
from core.model.weights import check_weights

PARTS = {"text_encoder.": "text encoder", "audio_encoder.": "codec"}


def check_names(paths: Iterable[Path], config: ModelConfig) -> None:
    """Names and shapes of a checkpoint in the Hugging Face layout; no weight is read.

    Of a pickle nothing can be told so, but whether it is cut short when it is read.
    """
    named: dict[str, Tensor] = {}
    for path in paths:
        check_weights(path)
        if path.suffix != ".safetensors":
            return
        with safe_open(path, framework="pt") as opened, torch.device("meta"):
            for name in opened.keys():  # noqa: SIM118
                named[name] = torch.empty(opened.get_slice(name).get_shape())
    from_hugging_face(named, config)
    for prefix, what in PARTS.items():
        if not any(name.startswith(prefix) for name in named):
            raise BadCheckpoint(
                f"the weights have no {prefix[:-1]} (the {what}); get the checkpoint again"
            )


def check_numbers(**parts: nn.Module) -> None:
    """Every weight is a number: one that is not would make noise, or silence, of all that follows.

    A sum tells: whatever it meets, NaN and infinity stay. It costs one reading of the weights.
    """
    for what, part in parts.items():
        for name, one in chain(part.named_parameters(), part.named_buffers()):
            if one.is_floating_point() and not one.sum(dtype=torch.float32).isfinite():
                raise BadCheckpoint(
                    f"the weights of the {what.replace('_', ' ')} hold values that are no numbers"
                    f" (NaN or infinity, in {name}); get the checkpoint again"
                )
