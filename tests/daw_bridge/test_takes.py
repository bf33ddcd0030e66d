"""Takes on disk: whole or recovered, whatever happens in between."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import BadInput
from daw_bridge import partial_take
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


def test_keeping_a_take_is_remembered(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    make(library, 1)
    library.mark(1)
    assert TakeLibrary(tmp_path).records()[0].kept


def test_a_sidecar_says_what_is_needed_to_make_it_again(tmp_path: Path) -> None:
    record = make(TakeLibrary(tmp_path), 1, seed=5, digest="abc", tempo=97.5)
    table = json.loads(Path(record.path).with_suffix(".json").read_text())
    assert {"seed", "prompts", "digest", "licence", "tempo", "parent", "guidance"} <= set(table)


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="takes cannot be kept"):
        TakeLibrary(tmp_path / "file" / "takes")


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
