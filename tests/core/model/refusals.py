"""Shared by the tests of bad checkpoints in both formats: what spoils one, the one-line rule."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import BadCheckpoint
from core.model.checkpoint import load_checkpoint

Spoil = Callable[[Path], object]
Broken = dict[str, tuple[Spoil, str]]  # by a word: what is done to a folder, what is then told
TRACE = "evil-was-here"


class Evil:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> tuple:
        return os.mkdir, (TRACE,)


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def assert_refused(broken: tuple[Spoil, str], folder: Path, patch: pytest.MonkeyPatch) -> None:
    """One line that says it, and nothing in the checkpoint was run."""
    patch.chdir(folder.parent)
    spoil, expected = broken
    spoil(folder)
    with pytest.raises(BadCheckpoint) as raised:
        load_checkpoint(str(folder))
    message = str(raised.value)
    assert expected in message
    assert "\n" not in message
    assert len(message) < 400
    assert not Path(TRACE).exists()
