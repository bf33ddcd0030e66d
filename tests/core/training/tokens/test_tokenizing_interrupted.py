"""Killed, cancelled, out of disk: what was written stays, and the same command goes on."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from transformers import EncodecModel

from core.training.music import cutting
from core.training.tokens import store as token_store
from core.training.tokens import tokenizing
from core.training.tokens.clips import TokenClip, read_tokens
from core.training.tokens.progress import TokenizeProgress
from core.training.tokens.report import Report
from core.training.tokens.store import TokensRefused
from tests.core.training.sounds import small_codec, tone, write

FILES = 5
LIMIT = 1_300  # bytes: the first two shards fit, the third does not


@pytest.fixture(scope="module")
def codec() -> EncodecModel:
    return small_codec()


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for i in range(FILES):
        write(folder / f"clip {i}.wav", tone(1.2 + 0.1 * i, hz=110 * (i + 1)))
    # three clips of one file, so that a run may stop in its middle
    write(folder / "long.wav", tone(5.5, 8_000), 8_000)
    return folder


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "CLIPS_A_SHARD", 2)
    monkeypatch.setattr(cutting, "LONGEST", 2.0)


@pytest.fixture(scope="module")
def uninterrupted(
    codec: EncodecModel, music: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[TokenClip]:
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "LONGEST", 2.0)
        run(codec, music, out)
    return read_tokens(out)


def run(codec: EncodecModel, music: Path, out: Path) -> Report:
    quiet = TokenizeProgress(Console(file=io.StringIO()))
    return tokenizing.tokenize_folder(codec, music, out, progress=quiet)


def same(found: list[TokenClip], expected: list[TokenClip]) -> None:
    by_name = {clip.name: clip for clip in found}
    assert len(by_name) == len(found) == len(expected) == FILES + 3
    for clip in expected:
        assert np.array_equal(by_name[clip.name].codes, clip.codes)
        assert by_name[clip.name].facts == clip.facts


def in_a_child(action: Callable[[], None]) -> int | None:
    """Run it in a process of its own; its exit code, negative for a signal."""
    child = multiprocessing.get_context("fork").Process(target=action)
    child.start()
    child.join(50)
    return child.exitcode


def die_at(monkeypatch: pytest.MonkeyPatch, where: object, name: str, count: int) -> None:
    """kill -9 when `where.name` is called for the `count`-th time."""
    real, calls = getattr(where, name), iter(range(1, 1_000))

    def call(*args: object) -> object:
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)

    monkeypatch.setattr(where, name, call)


@pytest.mark.parametrize(
    ("where", "name", "count", "safe"),
    [
        (tokenizing, "_encode", 1, 0),
        (tokenizing, "_encode", 6, 4),
        (tokenizing, "_encode", 8, 6),  # within the long file
        (token_store.os, "replace", 1, 0),  # the shard is written, not in its place
        (token_store.os, "replace", 4, 2),  # in its place, without its index
        (token_store.os, "fsync", 3, 2),  # half a shard
    ],
)
def test_kill_9_loses_at_most_the_shard_in_flight(
    codec: EncodecModel,
    music: Path,
    tmp_path: Path,
    uninterrupted: list[TokenClip],
    where: object,
    name: str,
    count: int,
    safe: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, where, name, count)
        assert in_a_child(lambda: run(codec, music, tmp_path) and None) == -signal.SIGKILL
    if safe:
        assert len(read_tokens(tmp_path)) == safe
    report = run(codec, music, tmp_path)
    assert report.kept == safe
    assert report.clips == FILES + 3 - safe
    same(read_tokens(tmp_path), uninterrupted)
    assert not list(tmp_path.glob("*.tmp"))


def test_cancel_loses_nothing(
    codec: EncodecModel,
    music: Path,
    tmp_path: Path,
    uninterrupted: list[TokenClip],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encode, calls = tokenizing._encode, iter(range(1, 100))

    def cancel(*args: object) -> object:
        if next(calls) == 4:
            raise KeyboardInterrupt
        return encode(*args)

    with monkeypatch.context() as patch:
        patch.setattr(tokenizing, "_encode", cancel)
        with pytest.raises(KeyboardInterrupt):
            run(codec, music, tmp_path)
    assert len(read_tokens(tmp_path)) == 3
    assert not json.loads((tmp_path / "report.json").read_text())["complete"]
    assert run(codec, music, tmp_path).kept == 3
    same(read_tokens(tmp_path), uninterrupted)


def test_a_full_disk_is_one_line_and_what_is_written_stays(
    codec: EncodecModel,
    music: Path,
    tmp_path: Path,
    uninterrupted: list[TokenClip],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sync, calls = os.fsync, iter(range(1, 100))

    def full(file: int) -> None:
        if next(calls) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(token_store.os, "fsync", full)
        with pytest.raises(TokensRefused, match="No space left") as refused:
            run(codec, music, tmp_path)
    line = str(refused.value)
    assert "4 clips there are safe; make room" in line
    assert "\n" not in line
    assert len(read_tokens(tmp_path)) == 4
    assert not list(tmp_path.glob("*.tmp"))
    run(codec, music, tmp_path)
    same(read_tokens(tmp_path), uninterrupted)


def test_the_systems_own_limit_on_a_file_is_told_too(
    codec: EncodecModel, music: Path, tmp_path: Path, uninterrupted: list[TokenClip]
) -> None:
    """RLIMIT_FSIZE: the write itself fails, in its middle; the first shards are smaller."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
        try:
            run(codec, music, tmp_path)
        except TokensRefused as refused:
            raise SystemExit(3 if "File too large" in str(refused) else 4) from None

    assert in_a_child(limited) == 3
    assert len(read_tokens(tmp_path)) == 4
    assert not list(tmp_path.glob("*.tmp"))
    run(codec, music, tmp_path)
    same(read_tokens(tmp_path), uninterrupted)


def test_a_folder_that_cannot_be_made_is_one_line(
    codec: EncodecModel, music: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TokensRefused, match="Not a directory"):
        run(codec, music, tmp_path / "file" / "tokens")
