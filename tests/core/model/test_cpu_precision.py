"""What a model computes in on a CPU, where nobody says."""

from __future__ import annotations

import pytest

from core.model import cpu_precision, int8_linear
from core.model.checkpoint import load_checkpoint, read_info
from core.model.config import ModelConfig
from core.model.cpu_precision import chosen, weights_a_step

SMALL = ModelConfig()
LARGE = ModelConfig(hidden=2_048, layers=48, heads=32, ffn=8_192)


@pytest.mark.parametrize(
    ("eight", "sixteen", "precision"),
    [(True, True, "int8"), (True, False, "int8"), (False, True, "bfloat16"),
     (False, False, "float32")],
)  # fmt: skip
def test_large_ones_take_the_shortest_numbers_that_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, eight: bool, sixteen: bool, precision: str
) -> None:
    monkeypatch.setattr(cpu_precision, "can_quantise", lambda: eight)
    monkeypatch.setattr(cpu_precision, "knows_bfloat16", lambda: sixteen)
    for config in (SMALL, LARGE):
        choice = chosen(config)
        assert choice.precision == precision
        assert choice.why.startswith(f"{precision}: a step reads")
    assert "1.4 GB" in chosen(SMALL).why


def test_the_starter_is_small() -> None:
    assert chosen(read_info("starter").config).precision == "float32"
    loaded = load_checkpoint("starter", precision="auto")
    assert loaded.precision == "float32"
    assert loaded.why == "float32: the model is small, 30 MB a step"
    assert load_checkpoint("starter", precision="float32").why == ""  # it was asked for


def test_weights_are_counted_as_the_model_has_them() -> None:
    lm = load_checkpoint("starter", trainable=True).lm
    told = sum(layer.cross_attn.k_proj.weight.numel() * 2 for layer in lm.layers)  # once a prompt
    matrices = sum(p.numel() for n, p in lm.layers.named_parameters() if "norm" not in n)
    assert weights_a_step(lm.config) == matrices - told + lm.heads.weight.numel()


def test_a_processor_that_saturates_its_sums_multiplies_no_eight_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One without VNNI adds two products in 16 bits, which do not hold them."""
    if not int8_linear.can_quantise():
        pytest.skip("this build of torch has no 8-bit product")
    exact = int8_linear.Int8Linear.forward
    monkeypatch.setattr(
        int8_linear.Int8Linear, "forward", lambda self, x: exact(self, x).clamp(max=32_767 / 127)
    )
    assert not int8_linear.can_quantise()
