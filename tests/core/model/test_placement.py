"""What gives way when a GPU's memory is short, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.model import checkpoint
from core.model.memory import Memory, MemoryParts, memory_parts
from core.model.placement import WORKING, NoRoom, placement

GPU = torch.device("cuda")
GB = 10**9
PARTS = {  # as musicgen-large's, roughly
    "float32": MemoryParts(13 * GB, 2 * GB, 440_000_000, 230_000_000),
    "float16": MemoryParts(6_500_000_000, 1 * GB, 440_000_000, 230_000_000),
}


@pytest.mark.parametrize(
    ("free", "precision", "expected"),
    [
        (24.0, "float16", ("float16", "cuda", "cuda", "")),
        (9.6, "float16", ("float16", "cpu", "cuda", ": the text encoder runs on the CPU")),
        (9.3, "float16", ("float16", "cpu", "cpu", ": text encoder and codec run on the CPU")),
        (24.0, "float32", ("float32", "cuda", "cuda", "")),
        (18.0, "float32", ("float32", "cpu", "cuda", ": the text encoder runs on the CPU")),
        (12.0, "float32", ("float16", "cuda", "cuda", ": float16 in place of float32")),
        (9.3, "float32", ("float16", "cpu", "cpu", ": float16 in place of float32, and text enc")),
    ],
)
def test_what_gives_way(free: float, precision: str, expected: tuple[str, ...]) -> None:
    made = placement(PARTS, GPU, precision, Memory(int(free * GB), 80 * GB), "x")
    assert (made.precision, made.text.type, made.codec.type) == expected[:3]
    assert made.lm == GPU
    assert expected[3] in made.notice
    assert bool(made.notice) == bool(expected[3])
    if made.notice:
        assert made.notice.startswith("x needs ")
        assert f" GB of the GPU's memory, {free:.1f} GB is free: " in made.notice


def test_what_does_not_fit_at_all() -> None:
    with pytest.raises(
        NoRoom, match=r"x needs 9\.9 GB of the GPU's memory, 8\.0 GB is free; close"
    ):
        placement(PARTS, GPU, "float16", Memory(8 * GB, 80 * GB), "x")


def test_the_edge_is_exact() -> None:
    whole = PARTS["float16"]
    needed = whole.all + whole.cache + WORKING
    assert placement(PARTS, GPU, "float16", Memory(needed, None), "x").notice == ""
    assert placement(PARTS, GPU, "float16", Memory(needed - 1, None), "x").notice


def test_on_mps_the_codec_is_on_the_cpu() -> None:
    made = placement(PARTS, torch.device("mps"), "float16", Memory(None, 16 * GB), "x")
    assert (made.text.type, made.codec.type, made.notice) == ("mps", "cpu", "")
    made = placement(PARTS, torch.device("mps"), "float16", Memory(None, int(8.6 * GB)), "x")
    assert (made.text.type, made.codec.type) == ("cpu", "cpu")


def test_the_parts_are_the_whole(tiny_mono: Path) -> None:
    info = checkpoint.read_info(str(tiny_mono))
    parts = memory_parts(info.config, info.text_encoder, info.audio_encoder, "float16")
    loaded = checkpoint.load_checkpoint(str(tiny_mono), trainable=True)
    weights = sum(one.numel() for one in loaded.lm.parameters())
    assert parts.weights == pytest.approx(2 * weights, rel=0.01)
    for part, module in ((parts.text, loaded.conditioner.encoder), (parts.codec, loaded.codec)):
        kept = [*module.parameters(), *module.buffers()]  # pyright: ignore[reportAttributeAccessIssue]
        assert part == 4 * sum(
            one.numel() for one in {one.data_ptr(): one for one in kept}.values()
        )
