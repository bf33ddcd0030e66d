"""What would be faster than a loaded model on this machine: fewer bits, or a smaller model."""

from __future__ import annotations

from core.errors import BadCheckpoint
from core.model import int4_linear, int8_linear
from core.model.catalogue import PUBLIC
from core.model.checkpoint import INT4, INT8, LoadedModel, read_info
from core.model.config import ModelConfig
from core.model.location import STARTER, cached, without_downloads

MUCH = 0.5  # of a model's weights, that a smaller one has at most


def fewer_bits(loaded: LoadedModel) -> str:
    """The next dtype that reads fewer bits a weight, '' where there is none."""
    if loaded.device.type == "cpu":
        if loaded.precision not in (INT8, INT4) and int8_linear.can_quantise():
            return INT8
        return INT4 if loaded.precision != INT4 and int4_linear.can_quantise() else ""
    return "float16" if loaded.device.type == "cuda" and loaded.precision == "float32" else ""


def smaller_model(loaded: LoadedModel) -> str:
    """The largest of the models on this machine that are much smaller; '' for none. It plays as
    many channels, if there is such a one."""
    found: list[tuple[bool, int, str]] = []
    for name in (STARTER, *(one.id for one in PUBLIC if cached(one.id) is not None)):
        try:
            with without_downloads():
                config = read_info(name).config
        except BadCheckpoint:
            continue
        if _size(config) <= MUCH * _size(loaded.config):
            same = config.audio_channels == loaded.config.audio_channels
            found.append((same, _size(config), name))
    return max(found)[2] if found else ""


def _size(config: ModelConfig) -> int:
    """What grows with the language model's weights."""
    return config.layers * config.hidden * config.hidden
