"""Adapters with random numbers for the tiny checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch

from core.model.adapter_file import Origin, write_adapter
from core.model.adapters import TARGETS, LowRank, module_names, module_shape
from core.model.config import ModelConfig


def random_paths(
    config: ModelConfig,
    seed: int = 0,
    rank: int = 3,
    targets: tuple[str, ...] = TARGETS,
    spread: float = 0.3,
) -> dict[str, LowRank]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        drawn = torch.randn(shape, generator=generator) * spread
        return drawn.half().float()  # what a file holds

    return {
        name: LowRank(
            normal(rank, module_shape(config, name)[1]), normal(module_shape(config, name)[0], rank)
        )
        for name in module_names(config, targets)
    }


def make_adapter(
    path: Path,
    config: ModelConfig,
    *,
    seed: int = 0,
    rank: int = 3,
    alpha: float = 6.0,
    base_digest: str = "",
    targets: tuple[str, ...] = TARGETS,
) -> Path:
    """Write a random adapter and return its path."""
    origin = Origin("tiny", base_digest, "cc-by-4.0", "zither")
    paths = random_paths(config, seed, rank, targets)
    write_adapter(path, paths, rank, alpha, config, origin)
    return path
