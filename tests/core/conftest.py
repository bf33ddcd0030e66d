"""Tiny random checkpoints, made once a session. Do not write into their folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.core.tiny_checkpoints import make_checkpoint


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny tensors gain nothing from threads, and on a busy machine threads wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("mono"))


@pytest.fixture(scope="session")
def tiny_stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("stereo"), stereo=True)
