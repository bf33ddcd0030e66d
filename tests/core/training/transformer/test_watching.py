"""What a run shows: curves, TensorBoard, samples, lines on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from core.errors import BadCheckpoint
from core.training.run.curves import Board, draw_curves
from core.training.run.terminal import Terminal
from core.training.transformer.trainer import TransformerTrainer
from tests.core.training.token_clips import small_run, write_tokens


def entry(kind: str, step: int, loss: float) -> dict[str, float]:
    books = {f"book_{k}": loss + k for k in range(4)}
    unigrams = {f"unigram_{k}": 6.0 for k in range(4)} if kind == "validate" else {"lr": 1e-3}
    return {kind: step, "loss": loss, **books, **unigrams}


def test_curves_show_the_losses(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    draw_curves([], path)
    assert not path.exists()
    pictures = []
    for last in (3.0, 5.0):
        train = [entry("step", s, loss) for s, loss in ((50, 7.0), (100, 6.0), (150, last))]
        draw_curves([*train, entry("validate", 100, 6.5), {"resumed": 100}], path)
        pictures.append(imread(path))
    assert pictures[0].shape[1] > 600
    assert not np.array_equal(*pictures)
    assert [p.name for p in tmp_path.iterdir()] == ["curves.png"]


def test_without_tensorboard_it_says_so_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said: list[str] = []
    board = Board(tmp_path, 0, said.append)
    board.write(1, "train", {"loss": 1.0})
    board.close()
    assert len(said) == 1
    assert "daw-bridge[train]" in said[0]


def test_tensorboard_gets_the_figures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path, 0, print)
    board.write(7, "train", {"loss": 1.5})
    board.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    (found,) = events.Scalars("train/loss")
    assert (found.step, found.value) == (7, 1.5)


def test_a_run_writes_samples_that_can_be_heard_and_seen(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens")
    settings = {"sample_every": 2, "sample_seconds": 0.2, "prompts": ("Tone 3!", "")}
    run = TransformerTrainer(small_run(tokens, tmp_path / "run", **settings))
    assert run.run()
    folders = sorted((tmp_path / "run" / "samples").iterdir())
    assert [folder.name for folder in folders] == ["step-000002", "step-000004"]
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == ["0-tone-3.wav", "1-.wav", "spectrograms.png"]
    pcm, rate = soundfile.read(folders[1] / "0-tone-3.wav")
    assert (rate, len(pcm)) == (32_000, 6_400)
    assert float(np.abs(pcm).max()) > 0


def test_samples_do_not_change_what_is_learnt(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens")
    heads = []
    for name, every in (("silent", 0), ("heard", 1)):
        config = small_run(tokens, tmp_path / name, steps=2, sample_every=every, sample_seconds=0.1)
        run = TransformerTrainer(config)
        run.run()
        heads.append(run.model.heads.weight.detach().numpy())
    assert np.array_equal(*heads)


def test_a_codec_that_is_not_there_is_told_before_the_first_step(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens")
    config = small_run(tokens, tmp_path / "run", sample_every=1, codec=str(tmp_path / "none"))
    run = TransformerTrainer(config)
    with pytest.raises(BadCheckpoint):
        run.run()
    assert run.schedule.step == 0


def test_lines_are_plain_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal() as terminal:
        terminal.say("[bold]step[/bold] 1")
        terminal.moved(0.5, 1, 2)
        terminal.figures(1.0, [1.0], 10.0)
    assert capsys.readouterr().out == "[bold]step[/bold] 1\n"
    with Terminal(quiet=True) as terminal:
        terminal.say("nothing")
    assert capsys.readouterr().out == ""
