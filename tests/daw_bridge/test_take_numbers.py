"""Numbers are given once, whoever else is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daw_bridge.take_numbers import BLOCK
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.fakes import pcm_of

OTHER = """
import pathlib, sys
from daw_bridge.takes import TakeLibrary
library = TakeLibrary(pathlib.Path(sys.argv[1]))
print(library.claim_numbers(), flush=True)
sys.stdin.readline()
"""


class Program:
    """Another program on the folder, alive until the context ends."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        self.first = int(self._process.stdout.readline())

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *left: object) -> None:
        self._process.kill()
        self._process.communicate()


def make(library: TakeLibrary, take: int) -> Path:
    library.open(TakeRecord(take))
    library.add_pcm(take, pcm_of(2))
    written = library.close(TakeRecord(take, frames=2))
    assert written is not None
    return Path(written.path)


def test_two_programs_give_different_numbers(tmp_path: Path) -> None:
    with Program(tmp_path) as one, Program(tmp_path) as two:
        assert (one.first, two.first) == (1, 1 + BLOCK)
        mine = TakeLibrary(tmp_path)
        assert mine.claim_numbers() == 1 + 2 * BLOCK
        mine.stop()
    library = TakeLibrary(tmp_path)
    assert library.claim_numbers() == 1, "the claims of the dead do not count"
    library.stop()


def test_a_number_is_not_given_again_when_its_take_is_deleted(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    assert library.claim_numbers() == 1
    make(library, 1)
    newest = make(library, 2)
    library.stop()
    for file in tmp_path.glob(f"{newest.stem}.*"):
        file.unlink()
    library = TakeLibrary(tmp_path)
    assert [r.take for r in library.records()] == [1]
    assert library.claim_numbers() == 3
    library.stop()


def test_the_same_number_twice_overwrites_nothing(tmp_path: Path) -> None:
    """Should two programs come to the same number after all."""
    one, two = TakeLibrary(tmp_path), TakeLibrary(tmp_path)
    one.open(TakeRecord(1))
    one.add_pcm(1, pcm_of(9))
    two.open(TakeRecord(1))
    with pytest.raises(OSError, match="exists"):
        two.add_pcm(1, pcm_of(2))
    first, second = one.close(TakeRecord(1, frames=9)), two.close(TakeRecord(1, frames=2))
    assert first is not None
    files = {first.path: 9 * 640}
    assert second is None or second.path not in files
    again = two.write_waiting()
    assert all(record.path not in files for record in again)
    assert Path(first.path).stat().st_size > 9 * 640 * 3


def test_the_current_take_is_remembered(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    assert library.current == 0
    for take in (1, 2, 3):
        make(library, take)
    library.keep_current(2)
    assert TakeLibrary(tmp_path).current == 2
    library.keep_current(99)
    assert TakeLibrary(tmp_path).current == 3, "one that is gone: the newest"


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"last": "x", "current": 1}', '{"last": -1}'])
def test_a_damaged_memory_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".daw-bridge").mkdir()
    (tmp_path / ".daw-bridge" / "tree.json").write_text(text)
    library = TakeLibrary(tmp_path)
    assert (library.current, library.claim_numbers()) == (0, 1)
    library.stop()
