"""The tokens that a take grew from, up the tree and into the clip."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from core.errors import BadInput
from daw_bridge.take_lineage import Lineage
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.daw_bridge.test_takes import make
from tests.fakes import codes_of, pcm_of


def test_tokens_reach_back_through_parents(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1, frames=40)
    make(library, 2, frames=20, parent=1, at=30)
    codes, record, end = library.codes_until(2, 10)
    assert (record.take, end) == (2, 10)
    assert codes[0].tolist() == [*range(30), *range(10)]
    codes, _, _ = Lineage({}, {r.take: r for r in library.records()}.get).codes_until(2, None, 25)
    assert codes[0].tolist() == [*range(25, 30), *range(20)]
    with pytest.raises(BadInput, match="no take 9"):
        library.codes_until(9, None)


def test_tokens_reach_back_into_the_clip(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    record = TakeRecord(1, source="/clip.wav", frames=10)
    library.open(record)
    library.add_context(1, codes_of(5, first=500))
    library.add_codes(1, 0, codes_of(10))
    assert library.codes_until(1, 2)[0][0].tolist() == [*range(500, 505), 0, 1]
    library.add_pcm(1, pcm_of(10))
    library.close(record)
    make(library, 2, frames=3, parent=1, at=4)
    again = TakeLibrary(tmp_path)
    codes, _, end = again.codes_until(2, None)
    assert codes[0].tolist() == [*range(500, 505), *range(4), *range(3)]
    assert end == 3


def test_a_take_in_flight_has_tokens_too(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    library.open(TakeRecord(1))
    library.add_codes(1, 0, codes_of(10))
    library.add_codes(1, 5, codes_of(10, 5))  # a restarted engine tells some twice
    assert library.codes_until(1, None)[0][0].tolist() == list(range(15))
    library.stop()


def test_a_take_whose_parent_was_deleted_keeps_what_it_continues(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1, frames=9)
    make(library, 2, frames=20, parent=1, at=5)
    for file in tmp_path.glob("take-0001*"):
        file.unlink()
    again = TakeLibrary(tmp_path)
    assert again.problems == ()
    codes, _, _ = again.codes_until(2, None)
    assert codes[0].tolist() == [*range(5), *range(20)]


def test_a_continued_take_goes_on_where_its_sound_ended(tmp_path: Path) -> None:
    """A take that was stopped has tokens that were never heard."""
    library = TakeLibrary(tmp_path)
    library.open(TakeRecord(1))
    library.add_codes(1, 0, codes_of(60))
    library.add_pcm(1, pcm_of(50)[:-400])
    written = library.close(TakeRecord(1, frames=49))
    assert written is not None
    assert soundfile.info(written.path).frames == 49 * 640
    codes, _, end = library.codes_until(1, None)
    assert (codes.shape[1], end) == (49, 49)
    with pytest.raises(BadInput, match=r"0\.98 s long"):
        library.codes_until(1, 50)
