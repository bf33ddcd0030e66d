"""Which part of a model runs where, decided from counted sizes before a weight is read.

Where a GPU has too little memory, this gives way, in this order, until what is left fits: the text
encoder (it runs once a prompt), the codec (a CPU decodes many times faster than real time), and
bits of the language model's weights, if they were asked for in float32. What gave way is told in
one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core.errors import BadCheckpoint
from core.model.memory import GB, SMALLER, Memory, MemoryParts

CPU = torch.device("cpu")
WORKING = 700_000_000  # bytes: the CUDA context, kernels' workspaces, captured steps


class NoRoom(BadCheckpoint):
    """The device cannot hold even the language model. needs: how much is needed and there."""

    def __init__(self, needs: str) -> None:
        super().__init__(f"{needs}; close other programs, {SMALLER}, or --device cpu")
        self.needs = needs


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each part runs, and the language model's precision. notice: what gave way, or ''."""

    lm: torch.device
    text: torch.device
    codec: torch.device
    precision: str
    notice: str = ""


def placement(
    parts: dict[str, MemoryParts], device: torch.device, precision: str, there: Memory, name: str
) -> Placement:
    """parts: of each precision that may be chosen, the one that is asked for among them.

    On MPS the codec runs on the CPU always: its convolutions have come out wrong on some versions
    of macOS. Raises NoRoom.
    """
    if device.type == "cpu":
        return Placement(CPU, CPU, CPU, precision)
    room = there.free if there.free is not None else there.total
    needed = _bytes(parts[precision], device, text=True, codec=device.type != "mps")
    for chosen, text, codec, given in _ways_down(device, precision):
        fits = room is None or _bytes(parts[chosen], device, text, codec) <= room
        if not fits:
            continue
        notice = ""
        if given:
            assert room is not None
            notice = f"{_needs(name, needed, room)}: {given}"
        text_on, codec_on = (device if here else CPU for here in (text, codec))
        return Placement(device, text_on, codec_on, chosen, notice)
    assert room is not None
    raise NoRoom(_needs(name, needed, room))


def _ways_down(device: torch.device, precision: str) -> Iterator[tuple[str, bool, bool, str]]:
    """Precision, text encoder there, codec there, and what gave way, in words."""
    moved = ((True, True, ""), (False, True, "the text encoder runs on the CPU"),
             (False, False, "text encoder and codec run on the CPU"))  # fmt: skip
    if device.type == "mps":
        moved = ((True, False, ""), (False, False, "the text encoder runs on the CPU"))
    for text, codec, given in moved:
        yield precision, text, codec, given
    if precision == "float32":
        for text, codec, given in moved:
            given = f"float16 in place of float32{given and ', and ' + given}"
            yield "float16", text, codec, given


def _bytes(parts: MemoryParts, device: torch.device, text: bool, codec: bool) -> int:
    """On the device. A past is copied when a take begins, so a cache is there twice."""
    own = parts.weights + 2 * parts.cache + (WORKING if device.type == "cuda" else 0)
    return own + text * parts.text + codec * parts.codec


def _needs(name: str, needed: int, room: int) -> str:
    return f"{name} needs {needed / GB:.1f} GB of the GPU's memory, {room / GB:.1f} GB is free"
