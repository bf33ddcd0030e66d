"""Memory is told before a model is loaded; sizes of the public models without their weights."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from transformers import HubertConfig, T5Config

from core.errors import BadCheckpoint
from core.model import checkpoint, memory
from core.model.catalogue import PUBLIC, PublicModel
from core.model.config import ModelConfig
from core.model.hugging_face import from_hugging_face, to_hugging_face
from core.model.language_model import LanguageModel
from core.model.memory import Memory, check_memory, memory_of, memory_parts
from core.model.style import StyleConfig
from tests.core.tiny_checkpoints import tiny_codec_config

T5_BASE = T5Config(d_ff=3_072, d_model=768, num_layers=12, num_heads=12).to_dict()
CODEC = tiny_codec_config(2_048, filters=64).to_dict() | {"hidden_size": 128, "codebook_dim": 128}

MERT = HubertConfig().to_dict() | {"model_type": "mert_model"}  # -v1-95M has HuBERT's own sizes


def shape_of(model: PublicModel) -> ModelConfig:
    """The public architectures: small 24×1024, medium 48×1536, large 48×2048."""
    name = model.id.removeprefix("facebook/musicgen-")
    hidden = 2_048 if "large" in name else 1_024 if "small" in name else 1_536
    stereo = "stereo" in name
    return ModelConfig(
        hidden=hidden,
        layers=24 if hidden == 1_024 else 48,
        heads=hidden // 64,
        ffn=4 * hidden,
        codebooks=8 if stereo else 4,
        audio_channels=2 if stereo else 1,
        chroma_bins=12 if "melody" in name else 0,
        chroma_frames=235 if "melody" in name else 0,
        style_width=512 if "style" in name else 0,
    )


@pytest.mark.parametrize("model", PUBLIC[::2], ids=lambda model: model.id)
def test_large_shapes_fit_together(model: PublicModel) -> None:
    """On the meta device: names and shapes there and back, a forward step, and the table's size."""
    config = shape_of(model)
    with torch.device("meta"):
        lm = LanguageModel(config)
        theirs = to_hugging_face(lm.state_dict(), config)
        assert {n: t.shape for n, t in from_hugging_face(theirs, config).items()} == {
            n: t.shape for n, t in lm.state_dict().items()
        }
    assert ("encoder_attn" in str(list(theirs))) == (not config.reads_prefix)
    ear = StyleConfig(listener=MERT) if config.hears_style else None
    cache = 4 * 2 * config.layers * (3 if ear else 2) * config.hidden
    cache *= config.window_frames + config.max_delay + (23 if ear else config.chroma_frames)
    weights = memory_parts(config, T5_BASE, CODEC, style=ear).all - cache
    assert weights / 1e9 == pytest.approx(model.gigabytes, rel=0.02)


def test_precision_and_configuration_count() -> None:
    config = shape_of(PUBLIC[0])
    full, half, quarter = (
        memory_parts(config, T5_BASE, CODEC, name).all for name in ("float32", "bfloat16", "int8")
    )
    assert full > half > quarter
    assert memory_parts(config, {"model_type": "bert"}, {}).all < full


@pytest.mark.parametrize(
    ("there", "line"),
    [
        (Memory(4_000_000_000, 8_000_000_000), ""),
        (Memory(2_400_000_000, 8_000_000_000), "x needs 3.1 GB of memory, 2.4 GB is free; close"),
        (Memory(None, 8_000_000_000), ""),
        (Memory(None, None), ""),
    ],
)
def test_what_is_told(there: Memory, line: str) -> None:
    assert check_memory(3_100_000_000, there, "x").startswith(line)
    assert bool(check_memory(3_100_000_000, there, "x")) == bool(line)


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(BadCheckpoint, match=r"needs 3\.1 GB of memory, and this machine has 2\.0"):
        check_memory(3_100_000_000, Memory(1_000_000_000, 2_000_000_000), "x")


def test_loading_asks_first(
    tiny_mono: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checkpoint, "memory_of", lambda device: Memory(1, 10**9))
    told: list[str] = []
    with caplog.at_level(logging.WARNING):
        checkpoint.load_checkpoint(str(tiny_mono), progress=lambda part, what: told.append(what))
    assert "is free; close other programs" in caplog.text
    assert any("is free" in what for what in told)
    monkeypatch.setattr(checkpoint, "memory_of", lambda device: Memory(1, 1))
    with pytest.raises(BadCheckpoint, match="smaller model"):
        checkpoint.load_checkpoint(str(tiny_mono))


def test_this_machine_says_what_it_has() -> None:
    found = memory_of("cpu")
    assert found.total is not None
    assert found.total > 2**28
    assert found.free is None or 0 < found.free <= found.total


def test_a_container_may_be_allowed_less(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    inside = memory._within_container(Memory(9000, 20_000), tmp_path)
    assert inside == Memory(2000, 3000)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._within_container(Memory(9000, 20_000), tmp_path) == Memory(9000, 20_000)
