"""`finetune` and `--adapter` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from core.errors import BadInput
from core.model.checkpoint import read_info
from core.training.lora.settings import LoraTraining
from core.training.run.config_file import example_config
from daw_bridge.__main__ import app
from tests.core.model.tiny_adapters import make_adapter
from tests.core.tiny_checkpoints import make_checkpoint


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["finetune", "nowhere", "-o", "x"], "no folder nowhere"),
        (["finetune", ".", "-o", "a/b"], "is no name for an adapter"),
        (["finetune", ".", "-o", "x"], "no audio below"),
        (["generate", "x", "-o", "y.wav", "--adapter", "nobody"], "no adapter 'nobody'"),
        (["generate", "x", "-o", "y.wav", "--adapter", "nobody:3"], "out of range; use 0"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`main` turns the error into a line on stderr and status 2 (test_command_line.py)."""
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, BadInput)
    assert hint in str(error)
    assert "\n" not in str(error)


def test_a_take_with_an_adapter_says_so_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = make_checkpoint(tmp_path / "tiny")
    make_adapter(tmp_path / "warm.safetensors", read_info(str(model)).config)
    words = ["generate", "x", "-o", "a.wav", "--seconds", "0.4", "--seed", "1", "--device", "cpu"]
    words += ["--model", str(model)]

    def take(*more: str) -> soundfile.SoundFile:
        done = CliRunner().invoke(app, [*words, *more], catch_exceptions=False)
        assert done.exit_code == 0
        return soundfile.SoundFile(tmp_path / "a.wav")

    with take() as file:
        plain = file.read()
    with take("--adapter", "warm.safetensors:0.5") as file:
        assert "warm.safetensors" in file.comment
        assert file.comment.endswith(" at 0.5")
        assert "cc-by-4.0" in file.copyright
        adapted = file.read()
    assert adapted.shape == plain.shape
    assert (adapted != plain).any()
    with take("--adapter", "warm.safetensors:0") as file:
        assert (file.read() == plain).all()


def test_the_example_works_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(example_config("lora"))
    config = LoraTraining.read(path)
    assert config.file == tmp_path / "my-loops.safetensors"
