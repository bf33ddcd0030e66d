"""How much memory a model needs, told before it is loaded, and how much there is.

Counted from the sizes in its configuration: no weight is read. The working memory of a step is
small beside the weights and the cache of one take, and is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import EncodecConfig, EncodecModel, T5Config, T5EncoderModel

from core.errors import BadCheckpoint
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.model.parts import empty_ear
from core.model.style import StyleConfig

GB = 1e9
WEIGHT_BYTES = {
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "int8": 1,
    "int4": 5 / 8,
}  # of the blocks
CACHE_BYTES = {"float32": 4}  # others keep it in 16 bits
ROWS = 2  # guidance's branches; of words and a style there are three
SMALLER = "use a smaller model"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the machine's memory, or of a GPU's. None: this system does not say."""

    free: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class MemoryParts:
    """Bytes. weights: the language model's; cache: one take's; text, codec: in float32.

    text: a style model's ear, which lies where the text encoder does, is counted with it.
    """

    weights: int
    cache: int
    text: int
    codec: int

    @property
    def all(self) -> int:
        return self.weights + self.cache + self.text + self.codec


def memory_parts(
    config: ModelConfig,
    text_encoder: Mapping[str, Any],
    audio_encoder: Mapping[str, Any],
    precision: str = "float32",
    style: StyleConfig | None = None,
) -> MemoryParts:
    """Of a loaded model with one take's cache. precision: of the language model; the text encoder
    and the codec are float32 always. One that is not understood counts nothing: whoever loads it
    says what is wrong.
    """
    others = []
    with torch.device("meta"):
        model = LanguageModel(config)
        blocks, bits = _count(model.layers), WEIGHT_BYTES[precision]
        weights = int(blocks * bits) + (_count(model) - blocks) * int(bits if bits > 1 else 4)
        for kind, own, table in (
            (T5EncoderModel, T5Config, text_encoder),
            (EncodecModel, EncodecConfig, audio_encoder),
        ):
            others.append(0)
            if table.get("model_type") == own.model_type:
                with suppress(Exception):
                    others[-1] = _count(kind(own.from_dict(dict(table)))) * 4
    if style is not None:
        with suppress(BadCheckpoint):
            others[0] += _count(empty_ear(style, config)) * 4
    positions = config.window_frames + config.max_delay + config.prefix_frames
    cache = 2 * config.layers * (ROWS + config.hears_style) * positions * config.hidden
    return MemoryParts(weights, cache * CACHE_BYTES.get(precision, 2), *others)


def _count(model: nn.Module) -> int:
    kept = {id(one): one.numel() for one in (*model.parameters(), *model.buffers())}
    return sum(kept.values())


def check_memory(needed: int, there: Memory, name: str) -> str:
    """One line where it will be tight, '' where it will not.

    Raises BadCheckpoint where it cannot fit however much is closed.
    """
    needs = f"{name} needs {needed / GB:.1f} GB of memory"
    if there.total is not None and needed > there.total:
        raise BadCheckpoint(
            f"{needs}, and this machine has {there.total / GB:.1f} GB; {SMALLER}, or"
            " --dtype bfloat16"
        )
    if there.free is not None and needed > there.free:
        return f"{needs}, {there.free / GB:.1f} GB is free; close other programs, or {SMALLER}"
    return ""


def memory_of(device: torch.device | str = "cpu") -> Memory:
    """What `device` has. Swap counts in the total: what only fits there is slow, not lost."""
    device = torch.device(device)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Memory(free, total)
    if device.type == "mps":
        return Memory(None, torch.mps.recommended_max_memory())
    try:
        table = _meminfo(Path("/proc/meminfo").read_text())
        memory = Memory(table["MemAvailable"], table["MemTotal"] + table.get("SwapTotal", 0))
    except (OSError, KeyError, ValueError):  # no Linux
        try:
            memory = Memory(None, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (AttributeError, OSError, ValueError):  # Windows
            memory = Memory(None, None)
    return _within_container(memory)


def _meminfo(text: str) -> dict[str, int]:
    """`Name: 123 kB` a line → bytes."""
    lines = [line.replace(":", " ").split() for line in text.splitlines()]
    return {words[0]: int(words[1]) * 1024 for words in lines if len(words) == 3}


def _within_container(memory: Memory, group: Path = Path("/sys/fs/cgroup")) -> Memory:
    """A container may be allowed less (cgroup 2)."""
    try:
        most = int((group / "memory.max").read_text())  # 'max' where there is no limit
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return memory
    free = most - used if memory.free is None else min(memory.free, most - used)
    return Memory(free, most if memory.total is None else min(memory.total, most))
