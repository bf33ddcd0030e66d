"""Takes that are over, on a disk that is full: nothing is lost, and each trouble is told once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.atomic import write_wav
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.fakes import codes_of, pcm_of


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_an_error_and_not_a_print(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f".x.wav.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space"):
        write_wav(tmp_path / "x.wav", [pcm_of(100)] * 9)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
