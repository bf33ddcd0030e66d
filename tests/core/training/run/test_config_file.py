"""The example that `daw-bridge train --example transformer` prints."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from core.errors import BadInput
from core.training.run.config_file import example_config
from core.training.transformer.settings import TransformerTraining
from tests.core.training.token_clips import write_tokens


def test_the_example_works_as_it_is(tmp_path: Path) -> None:
    write_tokens(tmp_path / "tokens")
    (tmp_path / "run.toml").write_text(example_config("transformer"))
    config = TransformerTraining.read(tmp_path / "run.toml")
    assert config.tokens == (tmp_path / "tokens").resolve()
    assert config.steps == 20_000


def test_the_example_tells_every_key_and_its_default() -> None:
    shown = re.sub(r"^# (?=\w+ = )", "", example_config("transformer"), flags=re.MULTILINE)
    told = tomllib.loads(shown)
    fields = {f.name: f for f in dataclasses.fields(TransformerTraining)}
    assert set(told) == set(fields) | {"kind"}
    free = {"kind", "tokens", "out", "weights_from", "steps", "minutes", "prompts"}
    for name, field in fields.items():
        if name not in free:
            assert told[name] == field.default, name


def test_an_unknown_example_names_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"'transfomer'; there is .*transformer"):
        example_config("transfomer")


def test_sizes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('tokens = "t"\nout = "o"\nhidden = 30\nheads = 4')
    with pytest.raises(BadInput, match="multiple of heads"):
        TransformerTraining.read(path)


def test_how_long_a_run_is(tmp_path: Path) -> None:
    def read(text: str) -> TransformerTraining:
        path = tmp_path / "run.toml"
        path.write_text('tokens = "t"\nout = "o"\n' + text)
        return TransformerTraining.read(path)

    def told(config: TransformerTraining) -> tuple[object, object, object]:
        return config.length

    assert told(read("")) == (20_000, None, None)
    assert told(read("steps = 5")) == (5, None, None)
    assert told(read("minutes = 5")) == (None, 5.0, None)
    assert told(read("steps = 5\nminutes = 2")) == (5, None, 2.0)
