"""A loop on disk: one round, closed, that a DAW loops as it is; tokens and tail kept whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from daw_bridge.disk_messages import LoopReady
from daw_bridge.looping.tail import tail_frames
from daw_bridge.riff import find_chunk, read_chunk
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.daw_bridge.looping.test_beat_drift import BEAT, drums
from tests.fakes import codes_of

LENGTH = 4 * BEAT
FRAMES = 100 + tail_frames(LENGTH)


def closed(folder: Path, sound: np.ndarray) -> tuple[TakeRecord, LoopReady]:
    library = TakeLibrary(folder)
    record = TakeRecord(1, tempo=120, bars=1, length=LENGTH, loop=True, frames=FRAMES,
                        complete=True)  # fmt: skip
    library.open(record)
    library.add_pcm(1, sound)
    library.add_codes(1, 0, codes_of(FRAMES))
    record, ready = library.close_loop(record)
    written = library.close(record)
    assert written is not None
    library.stop()
    return written, ready


def test_the_file_is_one_round_that_a_daw_can_loop(tmp_path: Path) -> None:
    record, ready = closed(tmp_path, drums(BEAT, FRAMES / 50))
    pcm, _ = soundfile.read(record.path, dtype="float32", always_2d=True)
    assert pcm.shape == (64_000, 1) == ready.pcm.shape
    assert np.abs(pcm - ready.pcm).max() < 1e-6
    with Path(record.path).open("rb") as file:
        chunk = find_chunk(file, b"smpl")
        assert chunk is not None
        loop = np.frombuffer(read_chunk(file, chunk, 1000), "<u4")
    assert (loop[11], loop[12]) == (0, 63_999)
    steps = np.abs(np.diff(pcm[:, 0], prepend=pcm[-1, 0]))
    assert steps[0] < np.percentile(steps, 99)


def test_the_tokens_of_the_tail_are_kept_and_the_drift_is_told(tmp_path: Path) -> None:
    record, ready = closed(tmp_path, drums(BEAT * 1.01, FRAMES / 50))
    assert np.load(Path(record.path).with_suffix(".npy")).shape == (4, FRAMES)
    assert ready.drift == pytest.approx(20.0, abs=3)
    assert ready.mended == 1
    story = json.loads(Path(record.path).with_suffix(".json").read_text())
    assert (story["loop"], story["drift"]) == (True, ready.drift)
    again = TakeLibrary(tmp_path)
    assert again.records() == (record,)
    codes, _, frame = again.codes_until(1, None)
    assert codes.shape[1] == frame == FRAMES  # what continues it begins at the bar, by its lead
    assert record.left_over == FRAMES * 640 - 64_000


def test_where_no_beat_is_found_nothing_is_mended(tmp_path: Path) -> None:
    t = np.arange(FRAMES * 640) / 32_000
    _, ready = closed(tmp_path, (0.3 * np.sin(2 * np.pi * 220 * t))[:, None].astype(np.float32))
    assert (ready.drift, ready.mended) == (0.0, -1)
