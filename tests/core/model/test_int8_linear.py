"""8-bit weights: near the float32 model, and exact about what must be exact."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from core.generation.messages import Codes
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.checkpoint import load_checkpoint
from core.model.conditioner import Conditioner
from core.model.int8_linear import Int8Linear, can_quantise, quantise
from core.model.language_model import LanguageModel

pytestmark = pytest.mark.skipif(
    not can_quantise(), reason="this build of torch has no 8-bit product"
)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 70), st.floats(1e-6, 1e6))
def test_product_is_near_and_rows_do_not_mind_company(
    rows: int, inputs: int, outputs: int, loud: float
) -> None:
    torch.manual_seed(rows + 7 * inputs)
    plain = nn.Linear(inputs, outputs, bias=False)
    eight = Int8Linear(plain)
    x = torch.randn(rows, inputs) * torch.logspace(0, 3, rows)[:, None] * loud
    with torch.inference_mode():
        exact, made = plain(x), eight(x)
        # half a level of x against all of W, and half a level of W against all of x
        size = x.abs().amax(1, keepdim=True) * plain.weight.abs().amax(1) * inputs
        assert torch.all((made - exact).abs() <= size / 127 + 1e-6 * size)
        for row in range(rows):
            assert torch.equal(eight(x[row : row + 1])[0], made[row])


def test_silence_stays_silent() -> None:
    eight = Int8Linear(nn.Linear(32, 8, bias=False))
    with torch.inference_mode():
        assert torch.equal(eight(torch.zeros(2, 32)), torch.zeros(2, 8))


def test_starter_says_nearly_the_same() -> None:
    """Kullback-Leibler divergence of a code's distribution, on codes that the model drew."""
    base = load_checkpoint("starter", trainable=True)
    small = copy.deepcopy(base.lm)
    quantise(small)
    prompt = "funky drums and bass at 110 bpm"
    codes = _drawn(base.lm, base.conditioner, SamplingParams(seed=3), 60)
    whole = torch.from_numpy(np.pad(codes, ((0, 0), (1, 0)), constant_values=2_048))[None]
    with torch.inference_mode():
        text, mask = base.conditioner.text_states([prompt])
        exact, made = (lm(whole, text, mask).log_softmax(-1) for lm in (base.lm, small))
    distance = (exact.exp() * (exact - made)).sum(-1).mean().item()
    assert 0 < distance < 0.002  # nats; the model's own cross-entropy is about 5


def test_continued_take_equals_uninterrupted_one() -> None:
    loaded = load_checkpoint("starter", precision="int8")
    assert isinstance(loaded.lm.layers[0].fc1, Int8Linear)
    whole = _drawn(loaded.lm, loaded.conditioner, SamplingParams(seed=5), 40)
    rest = _drawn(loaded.lm, loaded.conditioner, SamplingParams(seed=5), 25, whole[:, :15])
    assert np.array_equal(rest, whole[:, 15:])


def _drawn(
    lm: LanguageModel,
    conditioner: Conditioner,
    sampling: SamplingParams,
    frames: int,
    context: Codes | None = None,
) -> Codes:
    stream = TokenStream(
        lm, conditioner, Prompt("funky drums"), sampling, context, frames, closed=False
    )
    while stream.next_frame() is not None:
        pass
    return stream.codes()
