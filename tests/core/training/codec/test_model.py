from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import EncodecModel

from core.errors import BadInput
from core.training.codec.model import codec_config, finished_codec, scale_layers


def test_the_signal_reaches_the_latents_of_a_fresh_codec() -> None:
    torch.manual_seed(0)
    audio = torch.randn(4, 1, 32_000) * 0.14
    model = EncodecModel(codec_config(4))
    with torch.no_grad():
        before = model.encoder(audio)
        scale_layers(model, audio)
        after = model.encoder(audio)
        made = model.decoder(after)
    assert float(before.std(dim=2).mean()) < 0.1
    assert float(after.std(dim=2).mean()) > 0.3
    assert 0.07 < float(made.std()) < 0.28


def test_what_is_no_codecs_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no codec checkpoint"):
        finished_codec(tmp_path / "last.pt")
    (tmp_path / "last.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(BadInput) as damaged:
        finished_codec(tmp_path / "last.pt")
    assert "\n" not in str(damaged.value)
    torch.save({"model": {}}, tmp_path / "other.pt")
    with pytest.raises(BadInput, match="no codec's run"):
        finished_codec(tmp_path / "other.pt")
