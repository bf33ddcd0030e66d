from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from core.generation.guidance import guide
from core.generation.params import Prompt, SamplingParams
from core.generation.sampling import candidates, draw, seed_of_step
from core.generation.static_draw import StaticSampling, guided
from core.generation.steering_timeline import branches_of

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -2.0, 1.5])


def generator_for(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def params(**kwargs: float) -> SamplingParams:
    return SamplingParams(**({"top_k": 0} | kwargs))  # type: ignore[arg-type]


def distribution(logits: torch.Tensor, wanted: SamplingParams) -> torch.Tensor:
    """The candidates' probabilities at their tokens' places [...,V]."""
    probabilities, tokens = candidates(logits, wanted)
    return torch.zeros_like(logits).scatter(-1, tokens, probabilities)


@settings(deadline=None)
@given(
    st.integers(0, 1_000),
    st.sampled_from([0.1, 0.7, 1.0, 2.5]),
    st.sampled_from([0, 1, 5, 20, 500]),
    st.sampled_from([0.05, 0.5, 0.9, 1.0]),
)
def test_filters_are_transformers(seed: int, heat: float, top_k: int, top_p: float) -> None:
    logits = torch.randn(4, 30, generator=generator_for(seed)) * 3
    scores = TemperatureLogitsWarper(heat)(None, logits)  # type: ignore[arg-type]
    if top_k:
        scores = TopKLogitsWarper(top_k)(None, scores)  # type: ignore[arg-type]
    if top_p < 1:
        scores = TopPLogitsWarper(top_p)(None, scores)  # type: ignore[arg-type]
    ours = distribution(logits, params(temperature=heat, top_k=top_k, top_p=top_p))
    torch.testing.assert_close(ours, torch.softmax(scores, -1), atol=1e-5, rtol=1e-4)


def test_draws_follow_the_distribution() -> None:
    wanted = params(temperature=1.3, top_k=5, top_p=0.95)
    expected = distribution(LOGITS, wanted)
    draws = draw(LOGITS.expand(40_000, -1), wanted, generator_for(3))
    found = torch.bincount(draws, minlength=6) / draws.numel()
    # Three standard deviations of the largest share at this many draws are 0.0075.
    torch.testing.assert_close(found, expected, atol=0.0075, rtol=0)
    assert (found[expected == 0] == 0).all()


def test_top_k_of_one_and_a_tiny_top_p_are_greedy() -> None:
    logits = torch.randn(8, 50, generator=generator_for(0))
    best = logits.argmax(-1)
    for wanted in (
        params(top_k=1),
        params(top_p=0.01),
        params(temperature=0.01),
        params(greedy=True),
    ):
        assert torch.equal(draw(logits, wanted, generator_for(1)), best)


def test_rounding_that_reorders_unlikely_tokens_changes_no_draw() -> None:
    """Tokens drawn on from a context are those of the run that was not interrupted."""
    one = torch.linspace(1, 0, 64)
    one[21] = one[20]
    other = one.clone()
    one[20] += 1e-6
    other[21] += 1e-6
    params = SamplingParams(top_k=40)
    orders = [candidates(logits, params)[1][20:22].tolist() for logits in (one, other)]
    assert orders == [[20, 21], [21, 20]]
    drawn = [
        [int(draw(logits, params, generator_for(seed))) for seed in range(500)]
        for logits in (one, other)
    ]
    assert drawn[0] == drawn[1]
    assert {20, 21} <= set(drawn[0])


def test_greedy_leaves_the_generator_alone() -> None:
    generator = generator_for(5)
    before = generator.get_state()
    draw(LOGITS, params(greedy=True), generator)
    assert torch.equal(before, generator.get_state())


def test_steps_drawn_each_from_its_own_seed_follow_the_distribution() -> None:
    wanted = params(temperature=1.3)
    expected = distribution(LOGITS, wanted)
    generator = torch.Generator()
    found = torch.zeros(6)
    pairs = torch.zeros(6, 6)
    before = 0
    for step in range(20_000):
        drawn = int(draw(LOGITS, wanted, generator.manual_seed(seed_of_step(11, step))))
        found[drawn] += 1
        pairs[before, drawn] += 1
        before = drawn
    torch.testing.assert_close(found / 20_000, expected, atol=0.011, rtol=0)
    together = expected[:, None] * expected  # neighbouring steps know nothing of each other
    torch.testing.assert_close(pairs / 20_000, together, atol=0.009, rtol=0)


def test_seeds_and_steps_do_not_meet() -> None:
    seeds = [0, 1, 2, 2**32, 2**32 + 1, 2**63 - 1]
    made = {seed_of_step(seed, step) & 0xFFFFFFFF for seed in seeds for step in range(500)}
    assert len(made) == len(seeds) * 500
    assert all(0 <= seed_of_step(seed, 10**6) < 2**64 for seed in seeds)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_drawn_in_float32(dtype: torch.dtype) -> None:
    probabilities, _ = candidates(LOGITS.to(dtype), params())
    assert probabilities.dtype == torch.float32


def test_guidance_moves_away_from_the_null_branch() -> None:
    branches = torch.tensor([[1.0, 4.0], [2.0, 1.0]])
    assert torch.equal(guide(branches, 1.0), branches[0])
    assert torch.equal(guide(branches, 0.0), branches[1])
    assert torch.equal(guide(branches, 3.0), torch.tensor([-1.0, 10.0]))


def test_double_guidance_pushes_the_words_beyond_the_style() -> None:
    told, style, null = branches = torch.tensor([[3.0, 4.0], [2.0, 1.0], [1.0, 1.0]])
    assert torch.equal(guide(branches, 3.0, 1.0), guide(torch.stack((told, null)), 3.0))
    assert torch.equal(guide(branches, 3.0, 0.0), guide(torch.stack((style, null)), 3.0))
    assert torch.equal(guide(branches, 3.0, 5.0), torch.tensor([19.0, 46.0]))
    made = StaticSampling.made(1, torch.device("cpu"))
    made.hold([SamplingParams(text_push=5.0)], 2)
    assert torch.equal(guided(branches.unsqueeze(1), made), torch.tensor([[[19.0, 46.0]]]))


@pytest.mark.parametrize(
    ("words", "style", "push", "rows"),
    [("funk", "000", 5.0, 3), ("funk", "000", 1.0, 2), ("", "000", 5.0, 2), ("funk", "", 5.0, 2)],
)
def test_words_and_a_style_are_told_apart_where_one_is_pushed(
    words: str, style: str, push: float, rows: int
) -> None:
    prompt = Prompt(words, style=style)
    assert len(branches_of(prompt, SamplingParams(text_push=push))) == rows
    assert len(branches_of(prompt, SamplingParams(text_push=push, guidance=1.0))) == 1
