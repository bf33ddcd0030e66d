"""The compiled loops against PyTorch's operators, and the model with and without them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model import cpu_kernels
from core.model.checkpoint import load_checkpoint

WIDTH = cpu_kernels.HEAD_DIM
DTYPES = [torch.float32, torch.bfloat16]
NEAR = {"rtol": 1e-5, "atol": 2e-6}


@pytest.fixture(autouse=True)
def _compiled() -> None:
    assert cpu_kernels.ready()  # Numba is a dependency: nothing here may be passed over


def reference(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    scores = (keys.double() @ query.double().unsqueeze(2)).squeeze(2) / math.sqrt(WIDTH)
    return (torch.softmax(scores, 1).unsqueeze(1) @ values.double()).squeeze(1)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(DTYPES), st.integers(1, 3), st.integers(1, 5), st.integers(1, 700),
    st.integers(0, 9), st.floats(0.01, 8), st.sampled_from([1, 2]),
)  # fmt: skip
def test_a_new_position_is_written_and_attended_to(
    dtype: torch.dtype, rows: int, heads: int, length: int, more: int, loud: float, threads: int
) -> None:
    torch.manual_seed(length)
    shape = (rows * heads, length + more, WIDTH)
    keys, values = (torch.randn(shape).mul_(loud).to(dtype) for _ in range(2))
    before = keys.clone()
    mixed = torch.randn(rows, 3 * heads * WIDTH)
    torch_threads = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        made = cpu_kernels.attend(mixed, keys, values, length, fresh=True)
    finally:
        torch.set_num_threads(torch_threads)
    query, key, value = mixed.view(rows, 3, heads, WIDTH).transpose(0, 1).reshape(3, -1, WIDTH)
    assert torch.equal(keys[:, length - 1], key.to(dtype))  # rounded as PyTorch rounds
    assert torch.equal(values[:, length - 1], value.to(dtype))
    assert torch.equal(keys[:, : length - 1], before[:, : length - 1])
    assert torch.equal(keys[:, length:], before[:, length:])
    expected = reference(query, keys[:, :length], values[:, :length])
    torch.testing.assert_close(made.double(), expected, rtol=1e-5, atol=2e-6 * loud)


@pytest.mark.parametrize("dtype", DTYPES)
def test_keys_of_a_text_are_read_and_left_alone(dtype: torch.dtype) -> None:
    keys, values = (torch.randn(6, 11, WIDTH).to(dtype) for _ in range(2))
    before = keys.clone()
    query = torch.randn(2, 3 * WIDTH)
    made = cpu_kernels.attend(query, keys, values, 11, fresh=False)
    torch.testing.assert_close(made.double(), reference(query.view(6, WIDTH), keys, values), **NEAR)
    assert torch.equal(keys, before)


def test_far_apart_scores_leave_the_nearest_alone() -> None:
    """e to the power of what underflows is nothing, not garbage."""
    keys, values = torch.zeros(1, 3, WIDTH), torch.randn(1, 3, WIDTH)
    keys[0, 1] = 1_000
    made = cpu_kernels.attend(torch.ones(1, WIDTH), keys, values, 3, fresh=False)
    torch.testing.assert_close(made[0], values[0, 1])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 1_500), st.floats(1e-30, 1e30))
def test_levels_are_those_of_the_operators(rows: int, width: int, loud: float) -> None:
    torch.manual_seed(width)
    x = torch.randn(rows, width) * loud
    levels, top = cpu_kernels.levels_of(x, 1e-30)
    expected = x.abs().amax(1, keepdim=True).clamp_(min=1e-30)
    assert torch.equal(top, expected)
    assert torch.equal(levels, (x * (127 / expected)).round_().add_(128).to(torch.uint8))


def test_the_starter_says_the_same_without_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_checkpoint("starter")

    def drawn() -> np.ndarray:
        stream = TokenStream(
            loaded.lm, loaded.conditioner, Prompt("slow house"), SamplingParams(seed=2), frames=40
        )
        while stream.next_frame() is not None:
            pass
        return stream.codes()

    compiled = drawn()
    monkeypatch.setattr(cpu_kernels, "ready", lambda: False)
    assert np.array_equal(drawn(), compiled)
