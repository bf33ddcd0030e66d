from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.errors import BadInput
from core.training.music.audio_folder import AudioFolder, audio_files, foreign_files
from tests.core.training.sounds import silence, tone, write


def test_files_of_every_format_are_found_hidden_and_other_ones_not(tmp_path: Path) -> None:
    for name in ("b.WAV", "a/c.mp3", "a/.d.wav", "e.txt", "f.m4a", "._b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    assert audio_files(tmp_path) == [tmp_path / "a/c.mp3", tmp_path / "b.WAV"]
    assert foreign_files(tmp_path) == [tmp_path / "f.m4a"]


def test_segments_come_from_any_rate_and_a_bad_file_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "low.wav", tone(2, 8_000), 8_000)
    write(tmp_path / "high.wav", tone(2, 96_000, 6), 96_000)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    batch = AudioFolder(tmp_path, 6_400, seed=0).batch(12)
    assert batch.shape == (12, 1, 6_400)
    assert batch.dtype == torch.float32
    assert float(batch.square().mean((1, 2)).min()) > 1e-5
    assert capsys.readouterr().out.count("left out bad.wav") == 1


def test_nothing_that_can_be_used_ends_in_a_line_not_in_a_loop(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no audio below"):
        AudioFolder(tmp_path, 640, seed=0)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(BadInput, match="cannot be read below"):
        AudioFolder(tmp_path, 640, seed=0).batch(1)
    write(tmp_path / "silent.wav", silence(0.1))
    with pytest.raises(BadInput, match="nothing but silence"):
        AudioFolder(tmp_path, 640, seed=0).batch(1)
