from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.training.tokens.clips import TokenClip, read_tokens
from core.training.tokens.store import Origin, TokenStore


def clip(name: str, frames: int = 50, first: int = 0) -> tuple[TokenClip, Origin]:
    codes = np.arange(first, first + 4 * frames, dtype=np.int16).reshape(4, frames)
    facts = {"tempo": 120.0, "beats_per_bar": 3}
    return TokenClip(name, codes, [f"a {name}"], facts), Origin(name, 1, 2, 0, 1, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with TokenStore(tmp_path / "tokens", tmp_path, {"codec": "abc"}) as store:
        store.add(*clip("one"))
        store.add(*clip("two", frames=7, first=300))
        store.flush()
        store.add(*clip("three"))
        store.flush()
    return tmp_path / "tokens"


def test_what_is_written_is_what_is_read(folder: Path) -> None:
    clips = read_tokens(folder)
    assert [one.name for one in clips] == ["one", "two", "three"]
    expected = clip("two", frames=7, first=300)[0]
    assert np.array_equal(clips[1].codes, expected.codes)
    assert clips[1].codes.dtype == np.int16
    assert (clips[1].captions, clips[1].facts) == (expected.captions, expected.facts)
    assert clips[1].frames_a_bar == 75
    assert not list(folder.glob("*.tmp"))


def test_unknown_tempo_or_beats_are_no_error() -> None:
    codes = np.zeros((4, 1), np.int16)
    assert TokenClip("x", codes, [], {"tempo": None}).frames_a_bar is None
    assert TokenClip("x", codes, [], {"tempo": 120, "beats_per_bar": None}).frames_a_bar == 100


def test_no_tokens_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="daw-bridge tokenize"):
        read_tokens(tmp_path)


def test_shards_of_two_codecs_are_refused(folder: Path, tmp_path: Path) -> None:
    with TokenStore(tmp_path / "other", tmp_path, {"codec": "xyz"}) as store:
        store.add(*clip("four"))
        store.flush()
    for path in (tmp_path / "other").glob("tokens-*"):
        shutil.copy(path, folder / path.name.replace("00000", "00009"))
    with pytest.raises(BadInput, match="different codecs"):
        read_tokens(folder)


@pytest.mark.parametrize("name", ["tokens-00001.json", "tokens-00001.safetensors"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"clips": [{}]}', b"\x00" * 99, None])
def test_a_damaged_shard_is_named(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(BadInput, match=r"tokens-00001\.\w+ .*tokenize again") as refused:
        read_tokens(folder)
    assert "\n" not in str(refused.value)


def test_an_index_that_points_outside_is_refused(folder: Path) -> None:
    path = folder / "tokens-00000.json"
    index = json.loads(path.read_text())
    index["clips"][1]["frames"] = 8
    path.write_text(json.dumps(index))
    with pytest.raises(BadInput, match="two lies outside"):
        read_tokens(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "tokens-00001.safetensors").unlink()
    with pytest.raises(BadInput, match=r"tokens-00001\.safetensors cannot be read"):
        read_tokens(folder)
