"""Tiny random checkpoints, made once a session. Do not write into their folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.tiny_checkpoints import make_checkpoint


@pytest.fixture(scope="session")
def tiny_mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("mono"))


@pytest.fixture(scope="session")
def tiny_stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("stereo"), stereo=True)
