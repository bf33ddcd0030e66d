"""4-bit weights: what they may be off by, and the model that is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.checkpoint import load_checkpoint
from core.model.int4_linear import GROUP, Int4Linear, can_quantise

pytestmark = pytest.mark.skipif(
    not can_quantise(), reason="this build of torch has no 4-bit product"
)


@pytest.mark.parametrize("rows", [1, 2, 5, 40])
def test_product_is_near_for_any_number_of_rows(rows: int) -> None:
    torch.manual_seed(rows)
    plain = nn.Linear(256, 192, bias=False)
    four, x = Int4Linear(plain), torch.randn(rows, 256)
    with torch.inference_mode():
        off = (four(x) - plain(x)).norm() / plain(x).norm()
        assert off < 0.08  # 16 levels over the span of 32 even numbers: 1/15/√12·√3 = 0.033 and up
        assert torch.allclose(four(x)[:1], four(x[:1]), rtol=0.02, atol=0.02)


def test_weights_on_the_levels_are_kept() -> None:
    """Numbers that 4 bits can hold come back as they are."""
    plain = nn.Linear(GROUP, 64, bias=False)
    with torch.no_grad():
        plain.weight.copy_((torch.arange(64 * GROUP) % 16 - 7.5).view(64, GROUP) / 8)
        assert torch.equal(Int4Linear(plain)(torch.eye(GROUP)).t(), plain.weight)


def test_starter_plays_on_and_keeps_its_heads() -> None:
    loaded = load_checkpoint("starter", precision="int4")
    assert isinstance(loaded.lm.layers[0].fc1, Int4Linear)
    assert not isinstance(loaded.lm.heads, Int4Linear)

    def drawn() -> np.ndarray:
        stream = TokenStream(
            loaded.lm, loaded.conditioner, Prompt("funky drums"), SamplingParams(seed=5), frames=12
        )
        while stream.next_frame() is not None:
            pass
        return stream.codes()

    assert np.array_equal(drawn(), drawn())


def test_sizes_that_do_not_divide_stay_as_they_are(tiny_mono: Path) -> None:
    """The tiny model is 32 wide: its blocks' outputs are no whole blocks of 64."""
    loaded = load_checkpoint(str(tiny_mono), precision="int4")
    stream = TokenStream(loaded.lm, loaded.conditioner, Prompt("a"), SamplingParams(), frames=3)
    assert stream.next_frame() is not None
    assert not isinstance(loaded.lm.layers[0].fc2, Int4Linear)
