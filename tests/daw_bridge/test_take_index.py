"""A folder of takes read back: what is there, what is damaged, what is somebody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daw_bridge import partial_take
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.daw_bridge.test_takes import make
from tests.fakes import pcm_of


def test_the_library_reads_itself_back(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    first = make(library, 1)
    second = make(library, 2, parent=1, at=50)
    again = TakeLibrary(tmp_path)
    assert again.records() == (first, second) == library.records()
    assert again.children(1) == (second,)
    assert again.children(None) == (first,)
    assert again.claim_numbers() == 3


def test_a_take_comes_back_without_its_sidecar(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1, frames=9)
    record = make(library, 2, frames=20, parent=1, at=9, seed=4)
    for file in tmp_path.glob("take-0002*"):
        if file.suffix != ".wav":
            file.unlink()
    again = TakeLibrary(tmp_path)
    assert again.records()[1] == record
    codes, _, _ = again.codes_until(2, None)
    assert codes[0].tolist() == [*range(9), *range(20)]
    Path(again.records()[0].path).with_suffix(".npy").write_bytes(b"no tokens")
    assert np.array_equal(again.codes_until(2, None)[0], codes), "they are in the WAV too"


def test_takes_that_were_written_but_not_tidied_up_are_one_take(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1, frames=9)
    partial = partial_take.PartialTake(tmp_path, TakeRecord(1))
    partial.add_pcm(pcm_of(9))
    partial.release()
    again = TakeLibrary(tmp_path)
    assert (len(again.records()), again.recovered) == (1, ())
    assert not list(tmp_path.glob(".take*"))


def test_what_is_no_take_is_passed_over_with_a_line(tmp_path: Path) -> None:
    make(TakeLibrary(tmp_path), 1)
    good = next(tmp_path.glob("*.json")).read_text()
    for number in range(2, 12):
        (tmp_path / f"take-{number:04d}.wav").write_bytes(b"")
        (tmp_path / f"take-{number:04d}.json").write_text("{")
    (tmp_path / "take-0099.wav").write_bytes(b"somebody else's")
    (tmp_path / "take-5.json").write_text(good)
    (tmp_path / "take-5.wav").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("mine")
    library = TakeLibrary(tmp_path)
    assert [r.take for r in library.records()] == [1]
    assert library.problems[0] == "take-0002.json is passed over: it is damaged"
    assert len(library.problems) == 6
    assert "6 more" in library.problems[-1]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"take": "x"}', '{"prompts": 3}'])
def test_a_broken_sidecar_is_passed_over(tmp_path: Path, text: str) -> None:
    make(TakeLibrary(tmp_path), 1)
    (tmp_path / "take-0002.json").write_text(text)
    (tmp_path / ".take-0003.json").write_text(text)
    assert [r.take for r in TakeLibrary(tmp_path).records()] == [1]
