"""Takes that are deleted, brought back, renamed, and whose files somebody else has touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import BadInput
from core.generation.messages import PcmBlock
from daw_bridge.take_sound import read_peaks
from daw_bridge.takes import TakeLibrary
from daw_bridge.waveform import waveform
from tests.daw_bridge.test_takes import make
from tests.fakes import codes_of, pcm_of


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("take-*"))


def test_a_deleted_take_comes_back_as_it_was(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    first, second = make(library, 1), make(library, 2, parent=1, at=50)
    there = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    library.discard(1)
    library.discard(2)
    assert (files(tmp_path), library.records()) == ([], ())
    assert TakeLibrary(tmp_path).records() == ()
    assert library.reclaim(None) == second, "the one that was deleted last"
    assert library.reclaim(1) == first
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == there
    library.discard(1)
    Path(first.path).write_bytes(b"somebody else's")
    with pytest.raises(BadInput, match="in the way"):
        library.reclaim(1)
    Path(first.path).unlink()
    assert library.reclaim(1) == first
    with pytest.raises(BadInput, match="nothing to restore"):
        library.reclaim(None)
    with pytest.raises(BadInput, match="take 1 was not deleted"):
        library.reclaim(1)


def test_a_number_is_not_given_again(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 7)
    library.discard(7)
    library.stop()
    assert TakeLibrary(tmp_path).claim_numbers() > 7


def test_a_child_is_continued_though_its_parent_is_deleted(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1)
    make(library, 2, parent=1, at=50)
    library.discard(1)
    codes, _, _ = library.codes_until(2, None)
    assert np.array_equal(codes, np.concatenate((codes_of(50), codes_of(50)), axis=1))


def test_names_and_stars_are_kept_and_files_keep_theirs(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    before = make(library, 1).path
    library.rename(1, "my hook")
    library.mark(1)
    library.mark(1, kept=False)
    (again,) = TakeLibrary(tmp_path).records()
    assert (again.name, again.kept, again.path) == ("my hook", False, before)


def test_sound_is_read_from_anywhere(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    record = make(library, 1)
    pcm, whole = library.sound(1, 10_000, 500)
    assert (pcm.shape, whole) == ((500, 1), 32_000)
    assert np.abs(pcm - pcm_of(50)[10_000:10_500]).max() < 1e-6
    soundfile.write(record.path, pcm, 48_000)
    with pytest.raises(BadInput, match="changed by another program"):
        library.sound(1, 0, 10)
    Path(record.path).write_bytes(b"no sound")
    with pytest.raises(BadInput, match="no sound file any more"):
        library.sound(1, 0, 10)
    Path(record.path).unlink()
    with pytest.raises(BadInput, match="moved or deleted"):
        library.sound(1, 0, 10)
    library.discard(1)  # what is left of it


def test_peaks_of_a_file_are_those_told_while_it_was_made(tmp_path: Path) -> None:
    record = make(TakeLibrary(tmp_path), 1, frames=320)
    told = waveform(PcmBlock(1, 1, 0, pcm_of(320))).peaks
    assert np.abs(read_peaks(Path(record.path)) - told).max() < 1e-6
    assert len(read_peaks(Path(record.path), lambda: False)) == 0
