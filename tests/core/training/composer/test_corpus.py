"""The folder of pieces: complete, resumable after an interruption, the same bytes again."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from core.training.composer import corpus
from core.training.composer.__main__ import main
from core.training.composer.compose import compose, plan
from core.training.composer.score import Piece


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rendering replaced by noise of the right length; the seeds that were rendered."""
    rendered: list[int] = []

    def noise(piece: Piece) -> np.ndarray:
        rendered.append(piece.seed)
        rng = np.random.default_rng(piece.seed)
        return 0.1 * rng.standard_normal(piece.samples(32_000)).astype(np.float32)

    monkeypatch.setattr(corpus, "render", noise)
    return rendered


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("fluidsynth")
def test_the_command_writes_audio_and_every_fact(tmp_path: Path):
    assert main([str(tmp_path), "--hours", "0.001", "--seed", "3"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000000.flac", "00000000.json"]
    told = json.loads((tmp_path / "00000000.json").read_text(encoding="utf-8"))
    piece = compose(*plan(3, 0))
    info = sf.info(tmp_path / "00000000.flac")
    assert (info.samplerate, info.channels, info.subtype) == (32_000, 1, "PCM_16")
    assert info.frames == told["samples"] == piece.samples(32_000)
    assert (told["seed"], told["style"], told["subset"]) == plan(3, 0)
    assert (told["tempo"], told["bars"]) == (piece.tempo, piece.bars)
    assert len(told["captions"]) == 6
    assert len(told["instruments"]) == len(piece.tracks)


@pytest.mark.usefixtures("fluidsynth")
@pytest.mark.accept  # two fresh interpreters take seconds to start
def test_two_workers_write_what_one_writes(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    lengths = list(corpus.write_corpus(one, 50 / 3600, 2))
    assert list(corpus.write_corpus(two, 50 / 3600, 2, workers=2)) == lengths
    assert _bytes(one) == _bytes(two)


def test_an_interrupted_render_goes_on_and_ends_the_same(
    tmp_path: Path, short: list[int], monkeypatch: pytest.MonkeyPatch
):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    hours = 100 / 3600
    total = sum(corpus.write_corpus(whole, hours, 1))
    assert total >= 100
    assert sum(1 for _ in islice(corpus.write_corpus(halved, hours, 1), 2)) == 2

    # Stopped while the third piece was being written: nothing half done stays behind.
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(corpus.os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            list(corpus.write_corpus(halved, hours, 1))
    assert len(_bytes(halved)) == 4

    (halved / "00000001.json").unlink()  # stopped between the audio and its facts
    short.clear()
    assert sum(corpus.write_corpus(halved, hours, 1)) == total
    assert plan(1, 0)[0] not in short  # finished pieces are skipped
    assert plan(1, 1)[0] in short
    assert _bytes(halved) == _bytes(whole)


def test_bad_options_and_missing_parts_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "--hours", "-1"])
    capsys.readouterr()
    (tmp_path / "file").write_text("in the way")
    assert main([str(tmp_path / "file"), "--hours", "0.001"]) == 2
    assert "cannot write" in capsys.readouterr().err
    monkeypatch.setenv("DAW_BRIDGE_SOUND_FONT", str(tmp_path / "none.sf2"))
    assert main([str(tmp_path / "out"), "--hours", "0.001"]) == 1
    said = capsys.readouterr().err
    assert "composer: " in said
    assert "Traceback" not in said
