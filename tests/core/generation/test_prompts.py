from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.generation.params import MAX_BLENDED, Prompt

texts = st.text(max_size=5)
weights = st.floats(0, 10, allow_subnormal=False)  # a share too small for a float is none
slots = st.lists(st.tuples(texts, weights), max_size=MAX_BLENDED)


@given(slots, st.randoms(use_true_random=False))
def test_shares_sum_to_one_in_any_order(
    given_slots: list[tuple[str, float]], random: object
) -> None:
    prompt = Prompt.of(given_slots)
    shuffled = list(given_slots)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = Prompt.of(shuffled)
    assert [text for text, _ in prompt.texts] == [text for text, _ in again.texts]
    for (_, one), (_, two) in zip(prompt.texts, again.texts, strict=True):
        assert math.isclose(one, two, rel_tol=1e-12)
    heard = {text for text, weight in given_slots if text.strip() and weight}
    assert {text for text, _ in prompt.texts} == heard
    assert Prompt.of(prompt.texts) == prompt or len(heard) < 2  # kept in a file, it comes back
    if heard:
        assert math.isclose(sum(share for _, share in prompt.texts), 1, rel_tol=1e-9)


def test_one_text_of_any_weight_is_that_prompt() -> None:
    assert Prompt.of([("pads", 0.2)]) == Prompt("pads")
    assert Prompt.of([("pads", 1), ("", 1), ("drums", 0), (" ", 3)]) == Prompt("pads")
    assert Prompt.of([("pads", 0.3), ("pads", 0.7)]) == Prompt("pads")
    assert Prompt.of([]) == Prompt.of([("", 1)]) == Prompt()
    assert Prompt("pads").texts == (("pads", 1.0),)
    assert Prompt(" ").texts == ()


def test_a_blend_reads_well() -> None:
    prompt = Prompt.of([("strings", 0.4), ("drums", 0.6)], negative="vocals")
    assert prompt.text == "drums 60% + strings 40%"
    assert prompt.negative == "vocals"


@pytest.mark.parametrize("weight", [-1, 11, math.nan, math.inf])
def test_weights_out_of_range_are_refused(weight: float) -> None:
    with pytest.raises(BadInput, match="weight"):
        Prompt.of([("pads", 1), ("drums", weight)])


def test_too_much_is_refused() -> None:
    with pytest.raises(BadInput, match="shorten"):
        Prompt.of([("x" * 2001, 1), ("y", 1)])
    with pytest.raises(BadInput, match="shorten"):
        Prompt("pads", negative="x" * 2001)
    with pytest.raises(BadInput, match="too many"):
        Prompt.of([(str(number), 1) for number in range(9)])
