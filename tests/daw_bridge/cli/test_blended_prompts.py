"""`--prompt TEXT:WEIGHT` and `--negative` of `generate` and `continue`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import BadInput
from core.generation.params import Prompt
from daw_bridge.__main__ import app
from daw_bridge.cli.options import blended_prompt
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_timeline import timeline
from tests.core.tiny_checkpoints import make_checkpoint


@pytest.mark.parametrize(
    ("first", "more", "prompt"),
    [
        ("funk", None, Prompt("funk")),
        ("", None, Prompt("")),
        (None, ["funk:0.3"], Prompt("funk")),
        ("drums", ["strings:0.5"], Prompt.of([("drums", 2), ("strings", 1)])),
        (None, ["in the key: C", "b:1"], Prompt.of([("in the key: C", 1), ("b", 1)])),
    ],
)
def test_prompts_and_weights(first: str | None, more: list[str] | None, prompt: Prompt) -> None:
    assert blended_prompt(first, more, "") == prompt


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([], "say what to play"),
        (["x", "--prompt", "y:-1"], "weight -1 is out of range"),
        (["x", "--negative", "n" * 2001], "shorten it"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: list[str], hint: str) -> None:
    error = CliRunner().invoke(app, ["generate", *words, "-o", "y.wav"]).exception
    assert isinstance(error, BadInput)
    assert hint in str(error)


def test_a_blend_is_made_again_by_its_seed_and_told_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = make_checkpoint(tmp_path / "tiny")
    words = ["-o", "a.wav", "--seconds", "0.4", "--seed", "1", "--device", "cpu", "--tokens",
             "a.npy", "--model", str(model)]  # fmt: skip

    def take(*more: str) -> np.ndarray:
        done = CliRunner().invoke(app, ["generate", *words, *more], catch_exceptions=False)
        assert done.exit_code == 0
        return np.load("a.npy")

    plain = take("drums")
    assert (take("--prompt", "drums:0.2", "--negative", "") == plain).all()
    blend = take("drums", "--prompt", "strings:0.4", "--negative", "vocals")
    first = Path("a.wav").read_bytes()
    assert (blend != plain).any()
    assert (take("--prompt", "strings:0.4", "--prompt", "drums", "--negative", "vocals")
            == blend).all()  # fmt: skip
    assert Path("a.wav").read_bytes() == first
    found = read_take_file(Path("a.wav"))
    assert found is not None
    expected = Prompt.of([("drums", 1), ("strings", 0.4)], "vocals")
    assert timeline(found.record)[0].prompt == expected
