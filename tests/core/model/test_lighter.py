"""What is offered where a model is too slow: it must be lighter, and here."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from core.model.checkpoint import LoadedModel, load_checkpoint
from core.model.config import ModelConfig
from core.model.lighter import fewer_bits, smaller_model

LARGE = ModelConfig(hidden=2_048, layers=48, heads=32, ffn=8_192)


@pytest.fixture(scope="module")
def tiny(tiny_mono: Path) -> LoadedModel:
    return load_checkpoint(str(tiny_mono))


def sized(loaded: LoadedModel, config: ModelConfig) -> LoadedModel:
    return replace(loaded, info=replace(loaded.info, config=config))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_the_starter_is_always_here(tiny: LoadedModel, cache: Path) -> None:
    assert smaller_model(sized(tiny, LARGE)) == "starter"
    assert smaller_model(tiny) == "", "nothing is smaller than that"


def test_of_several_the_largest_that_is_much_smaller(
    tiny: LoadedModel, cache: Path, tiny_mono: Path
) -> None:
    repo = cache / "models--facebook--musicgen-small"
    snapshot = Path(shutil.copytree(tiny_mono, repo / "snapshots" / ("0" * 40)))
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    raw = json.loads((snapshot / "config.json").read_text())
    small = {"hidden_size": 1_024, "num_hidden_layers": 24, "num_attention_heads": 16}
    raw["decoder"] |= small
    (snapshot / "config.json").write_text(json.dumps(raw))
    assert smaller_model(sized(tiny, LARGE)) == "facebook/musicgen-small"
    assert smaller_model(sized(tiny, ModelConfig())) == "starter", "it is that size itself"


def test_fewer_bits_than_it_has(tiny: LoadedModel) -> None:
    offered = fewer_bits(tiny)
    assert offered in ("int8", "int4", "")
    assert fewer_bits(replace(tiny, precision="int4")) == ""
    cuda = replace(tiny, device=torch.device("cuda"))
    assert fewer_bits(cuda) == "float16"
