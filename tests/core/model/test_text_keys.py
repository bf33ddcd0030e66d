"""Blends of texts and the branch that replaces the null branch, down to the logits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.generation.params import Prompt
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel, TextKeys
from core.model.text_keys import blended, stacked, weighted
from tests.core.tiny_checkpoints import tiny_model, tiny_tokenizer

STEPS = 9


@pytest.fixture(scope="module")
def conditioner() -> Conditioner:
    theirs = tiny_model()
    lm = LanguageModel(ModelConfig.from_hugging_face(theirs.config.to_dict())).eval()
    lm.load_hugging_face(theirs.state_dict())
    return Conditioner(theirs.text_encoder, tiny_tokenizer(), lm)


@pytest.fixture(scope="module")
def pads(conditioner: Conditioner) -> TextKeys:
    return keys(conditioner, Prompt("warm pads"))


@pytest.fixture(scope="module")
def drums(conditioner: Conditioner) -> TextKeys:
    return keys(conditioner, Prompt("drums"))


def keys(conditioner: Conditioner, prompt: Prompt) -> TextKeys:
    made = conditioner.text_keys(prompt)
    assert made is not None
    return made


@torch.inference_mode()
def logits(conditioner: Conditioner, text: TextKeys | None, rows: int, begun: int = 1) -> Tensor:
    """[steps, rows, K, V] of a fixed run."""
    lm = conditioner._model
    codes = torch.randint(0, 256, (1, 4, STEPS), generator=torch.Generator().manual_seed(1))
    state = lm.new_state(rows, STEPS, text)
    got = [lm.prefill(codes[..., :begun], state)]
    got += [lm.step(codes[..., step], state) for step in range(begun, STEPS)]
    return torch.stack(got)


def same(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("begun", [1, STEPS])
def test_a_text_blended_with_itself_is_the_text(
    conditioner: Conditioner, pads: TextKeys, begun: int
) -> None:
    twice = weighted(blended([pads, pads]), [0.3, 0.7])
    same(logits(conditioner, twice, 2, begun), logits(conditioner, pads, 2, begun))


@pytest.mark.parametrize("begun", [1, STEPS])
def test_a_weight_of_nothing_leaves_the_other_text(
    conditioner: Conditioner, pads: TextKeys, drums: TextKeys, begun: int
) -> None:
    both = blended([pads, drums])
    alone = logits(conditioner, drums, 1, begun)
    same(logits(conditioner, weighted(both, [0, 1]), 1, begun), alone)
    middle = logits(conditioner, weighted(both, [0.5, 0.5]), 1, begun)
    assert (middle - alone).abs().max() > 0.1


def test_the_order_of_texts_says_nothing(
    conditioner: Conditioner, pads: TextKeys, drums: TextKeys
) -> None:
    one = weighted(blended([pads, drums]), [0.2, 0.8])
    two = weighted(blended([drums, pads]), [0.8, 0.2])
    same(logits(conditioner, one, 2, 5), logits(conditioner, two, 2, 5))


def test_small_changes_of_weights_are_small_changes_of_logits(
    conditioner: Conditioner, pads: TextKeys, drums: TextKeys
) -> None:
    both = blended([pads, drums])
    runs = [logits(conditioner, weighted(both, [w, 1 - w]), 1) for w in (0.5, 0.51, 1.0)]
    small, large = (float((run - runs[0]).abs().max()) for run in runs[1:])
    assert small < 0.1 * large


@pytest.mark.parametrize("begun", [1, 5])
def test_each_branch_sees_its_own_texts(
    conditioner: Conditioner, pads: TextKeys, drums: TextKeys, begun: int
) -> None:
    """Texts of different lengths and numbers in two rows, as if each were alone."""
    blend = weighted(blended([pads, drums]), [0.4, 0.6])
    none = logits(conditioner, None, 1, begun)
    branches = {"pads": pads, "drums": drums, "blend": blend, "none": None}
    alone = {name: none if one is None else logits(conditioner, one, 1, begun)
             for name, one in branches.items()}  # fmt: skip
    for told, told_keys in branches.items():
        for null, null_keys in branches.items():
            both = logits(conditioner, stacked(told_keys, null_keys), 2, begun)
            same(both, torch.cat((alone[told], alone[null]), 1))


def test_no_negative_text_leaves_the_keys_as_they_are(pads: TextKeys) -> None:
    assert stacked(pads, None) is pads
    assert stacked(None, None) is None


@torch.inference_mode()
def test_a_state_is_made_again_as_it_was_made(
    conditioner: Conditioner, pads: TextKeys, drums: TextKeys
) -> None:
    """Prompts that changed on the way: one prefill told of them equals the steps."""
    lm = conditioner._model
    codes = torch.randint(0, 256, (1, 4, STEPS), generator=torch.Generator().manual_seed(1))
    spans = [(0, pads), (3, None), (5, weighted(blended([pads, drums]), [0.5, 0.5])), (7, drums)]
    by_steps = lm.new_state(2, STEPS, pads)
    expected = lm.prefill(codes[..., :1], by_steps)
    for step in range(1, STEPS):
        by_steps.text = [text for first, text in spans if first <= step][-1]
        expected = lm.step(codes[..., step], by_steps)
    again = lm.new_state(2, STEPS, drums)
    same(lm.prefill(codes, again, spans), expected)
    same(again.cache.keys, by_steps.cache.keys)
    same(again.cache.values, by_steps.cache.values)


def test_weights_of_a_blend_cost_no_new_keys(conditioner: Conditioner) -> None:
    one = keys(conditioner, Prompt.of([("pads", 1), ("drums", 1)]))
    two = keys(conditioner, Prompt.of([("drums", 5), ("pads", 1)]))
    assert one.layers is two.layers
    conditioner.forget_keys()
    assert keys(conditioner, Prompt.of([("pads", 1), ("drums", 1)])).layers is not one.layers


def test_the_negative_text_has_keys_of_its_own(conditioner: Conditioner) -> None:
    assert conditioner.negative_keys(Prompt("pads")) is None
    assert conditioner.negative_keys(Prompt("pads", negative=" ")) is None
    negative = conditioner.negative_keys(Prompt("pads", negative="drums"))
    assert negative is conditioner.text_keys(Prompt("drums"))
