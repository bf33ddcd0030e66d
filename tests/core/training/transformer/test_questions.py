"""What a model is asked beside its codes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from core.training.transformer.questions import Questions, word_shares
from core.training.transformer.settings import TransformerTraining

BEAT = torch.full((2, 6, 4), math.nan)


def test_words_of_a_caption_have_even_shares_and_special_tokens_none() -> None:
    shares = word_shares(torch.tensor([[5, 7, 1, 0], [1, 0, 0, 0]]), 10)  # 1: end, 0: padding
    assert shares[0].tolist() == [0, 0, 0, 0, 0, 0.5, 0, 0.5, 0, 0]
    assert not shares[1].any()


def test_errors_count_only_where_something_is_asked() -> None:
    torch.manual_seed(0)
    questions = Questions(8, 10, metre=True, words=True)
    states, said = torch.randn(2, 6, 8), torch.tensor([[5, 7, 1], [6, 1, 0]])
    told = torch.tensor([[True] * 6, [False] * 6])
    phase = BEAT.clone()
    phase[0, :3] = torch.tensor([1.0, 0.0, 1.0, 0.0])
    metre, words = questions(states, phase, said, told)
    alone = questions(states[:1], phase[:1], said[:1], told[:1])
    torch.testing.assert_close([metre, words], alone)
    assert Questions.counts(phase, told) == {"metre": torch.tensor(3), "words": torch.tensor(6)}
    shifted = questions(states, phase, torch.tensor([[5, 7, 1], [9, 1, 0]]), told)
    torch.testing.assert_close(shifted[1], words)  # the second row is not asked


def test_an_answer_is_learnt_from_the_states() -> None:
    torch.manual_seed(0)
    questions = Questions(8, 10, metre=False, words=True)
    states, said = torch.randn(2, 6, 8), torch.tensor([[5, 7], [6, 8]])
    told = torch.ones(2, 6, dtype=torch.bool)
    optimizer = torch.optim.Adam(questions.parameters(), 0.1)
    error = states.sum()
    for _ in range(150):
        [error] = questions(states, BEAT, said, told)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert float(error.detach()) / 12 == pytest.approx(math.log(2), abs=0.05)  # two words each


def test_questions_fade_to_a_tenth() -> None:
    config = TransformerTraining(Path("t"), Path("o"), metre=0.0, words=0.5, questions_share=0.4)
    weights = [config.question_weights(share)["words"] for share in (0.0, 0.2, 0.4, 1.0)]
    assert weights == pytest.approx([0.5, 0.275, 0.05, 0.05])
    assert "metre" not in config.question_weights(0.0)
    at_once = TransformerTraining(Path("t"), Path("o"), questions_share=0.0)
    assert at_once.question_weights(0.0) == pytest.approx({"metre": 0.1, "words": 0.025})
