"""Takes on disk: whole or recovered, whatever happens in between."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import BadInput
from daw_bridge import partial_take
from daw_bridge.atomic import write_wav
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_lineage import Lineage
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.fakes import codes_of, pcm_of


def make(library: TakeLibrary, take: int, frames: int = 50, **details: object) -> TakeRecord:
    record = TakeRecord(take, frames=frames, **details)  # type: ignore[arg-type]
    library.open(record)
    library.add_pcm(take, pcm_of(frames))
    library.add_codes(take, 0, codes_of(frames))
    written = library.close(record)
    assert written is not None
    return written


def test_a_take_is_a_wav_its_tokens_and_its_story(tmp_path: Path) -> None:
    record = make(
        TakeLibrary(tmp_path), 7, prompts=((0, "Funky drums!"), (30, "more bass")), seed=42,
        licence="CC-BY-NC-4.0", model="small", complete=True,
    )  # fmt: skip
    path = Path(record.path)
    assert path.name == "take-0007-more-bass.wav"
    pcm, rate = soundfile.read(path)
    assert (len(pcm), rate) == (32_000, 32_000)
    assert np.abs(pcm - pcm_of(50)[:, 0]).max() < 1e-6
    assert np.load(path.with_suffix(".npy"), allow_pickle=False).shape == (4, 50)
    with soundfile.SoundFile(path) as sound:
        assert "CC-BY-NC-4.0" in sound.copyright
        assert "seed 42" in sound.comment
    assert [f.suffix for f in sorted(tmp_path.glob("[!.]*"))] == [".json", ".npy", ".wav"]


def test_the_library_reads_itself_back(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    first = make(library, 1)
    second = make(library, 2, parent=1, at=50)
    again = TakeLibrary(tmp_path)
    assert again.records() == (first, second) == library.records()
    assert again.children(1) == (second,)
    assert again.children(None) == (first,)
    assert again.claim_numbers() == 3


def test_a_take_killed_in_flight_is_recovered(tmp_path: Path) -> None:
    code = f"""
import os, pathlib
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.fakes import codes_of, pcm_of
library = TakeLibrary(pathlib.Path({str(tmp_path)!r}))
library.open(TakeRecord(3, prompts=((0, "funk"),), seed=9))
library.add_pcm(3, pcm_of(100)); library.add_codes(3, 0, codes_of(100))
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path.cwd())
    assert done.returncode == -9
    library = TakeLibrary(tmp_path)
    assert library.recovered == (3,)
    (record,) = library.records()
    assert (record.seed, record.frames, record.complete) == (9, 100, False)
    assert soundfile.info(record.path).frames == 64_000
    assert not list(tmp_path.glob(".take*"))


def test_a_take_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    writer = TakeLibrary(tmp_path)
    writer.open(TakeRecord(1))
    writer.add_pcm(1, pcm_of(10))
    assert TakeLibrary(tmp_path).recovered == ()
    assert writer.close(TakeRecord(1, frames=10)) is not None


def test_nothing_made_is_nothing_kept(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    library.open(TakeRecord(1))
    assert library.close(TakeRecord(1)) is None
    assert [file.name for file in tmp_path.iterdir()] == [".daw-bridge"]


class FullDisk:
    """A file that refuses, until there is room."""

    full = True

    def __init__(self, file) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        if FullDisk.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_a_full_disk_is_told_once_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = TakeLibrary(tmp_path)
    library.open(TakeRecord(1))
    partial = library._growing[1]
    monkeypatch.setattr(partial, "_file", FullDisk(partial._file))
    library.add_codes(1, 0, codes_of(30))
    FullDisk.full = True
    with pytest.raises(OSError, match="No space"):
        library.add_pcm(1, pcm_of(10))
    library.add_pcm(1, pcm_of(10))
    FullDisk.full = False
    library.add_pcm(1, pcm_of(10))
    written = library.close(TakeRecord(1, frames=30))
    assert written is not None
    pcm, _ = soundfile.read(written.path)
    assert np.abs(pcm - np.tile(pcm_of(10)[:, 0], 3)).max() < 1e-6


def test_a_take_that_cannot_be_closed_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = TakeLibrary(tmp_path)
    library.open(TakeRecord(1))
    library.add_pcm(1, pcm_of(10))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("daw_bridge.take_closing.write_take", refuse)
        with pytest.raises(OSError, match="No space"):
            library.close(TakeRecord(1, frames=10))
        assert library.write_waiting() == ()
    (record,) = library.write_waiting()
    assert Path(record.path).exists()


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


def test_keeping_a_take_is_remembered(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1)
    library.mark(1)
    assert TakeLibrary(tmp_path).records()[0].kept


def test_what_finds_no_room_until_the_end_is_told_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of the takes is full and stays full; the one of temporary files is not."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    library = TakeLibrary(tmp_path / "takes")
    library.open(TakeRecord(1, seed=7))
    library.add_pcm(1, pcm_of(10))
    library.add_codes(1, 0, codes_of(10))
    written = os.replace

    def refuse(source: str | Path, target: str | Path) -> None:
        if "takes" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        written(source, target)

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="No space"):
        library.close(TakeRecord(1, seed=7, frames=10))
    (line,) = library.stop()
    (wav,) = (tmp_path / "elsewhere").rglob("*.wav")
    assert line.endswith(f"it is in {wav}")
    found = read_take_file(wav)
    assert found is not None
    assert (found.record.seed, found.edited, found.codes.shape) == (7, False, (4, 10))


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


def test_a_sidecar_says_what_is_needed_to_make_it_again(tmp_path: Path) -> None:
    record = make(TakeLibrary(tmp_path), 1, seed=5, digest="abc", tempo=97.5)
    table = json.loads(Path(record.path).with_suffix(".json").read_text())
    assert {"seed", "prompts", "digest", "licence", "tempo", "parent", "guidance"} <= set(table)


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="takes cannot be kept"):
        TakeLibrary(tmp_path / "file" / "takes")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_an_error_and_not_a_print(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f".x.wav.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space"):
        write_wav(tmp_path / "x.wav", [pcm_of(100)] * 9)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "starts"), [(errno.EROFS, False), (errno.ENOSPC, True)])
def test_a_folder_that_takes_no_file_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, starts: bool
) -> None:
    def refuse(**options: object) -> None:
        raise OSError(number, "refused")

    make(TakeLibrary(tmp_path), 1)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    if starts:  # there may be room later
        assert len(TakeLibrary(tmp_path).records()) == 1
    else:
        with pytest.raises(BadInput, match="--takes"):
            TakeLibrary(tmp_path)


def test_stereo_is_recovered_as_stereo(tmp_path: Path) -> None:
    partial = partial_take.PartialTake(tmp_path, TakeRecord(1))
    partial.add_pcm(np.repeat(pcm_of(10), 2, axis=1))
    partial.add_codes(0, codes_of(10, codebooks=8))
    partial.release()
    (record,) = TakeLibrary(tmp_path).records()
    assert soundfile.info(record.path).channels == 2
    assert np.load(Path(record.path).with_suffix(".npy")).shape == (8, 10)
