"""Greedy codes over ten seconds are those of transformers' MusicGen, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.generation.params import SamplingParams
from tests.core.generation.conftest import Twins, taken
from tests.core.generation.transformers_oracle import oracle_codes
from tests.core.tiny_checkpoints import VOCAB, tiny_tokenizer

FRAMES = 500
CONTEXT_FRAMES = 37
TEXT = "warm analog pads, 92 bpm"


@pytest.mark.parametrize("guidance", [3.0, 1.0], ids=["guided", "unguided"])
@pytest.mark.parametrize("continued", [False, True], ids=["from text", "from codes"])
@pytest.mark.parametrize("channels", ["mono", "stereo"])
def test_greedy_codes_are_transformers(
    channels: str, continued: bool, guidance: float, request: pytest.FixtureRequest
) -> None:
    twins: Twins = request.getfixturevalue(channels)
    books = twins.lm.config.codebooks
    generator = torch.Generator().manual_seed(1)
    context = torch.randint(VOCAB, (books, CONTEXT_FRAMES), generator=generator)
    given = context if continued else None

    expected = oracle_codes(twins.theirs, tiny_tokenizer(), TEXT, FRAMES, guidance, given)
    sampling = SamplingParams(greedy=True, guidance=guidance)
    codes = taken(twins.stream(TEXT, sampling, given, FRAMES))

    if continued:
        np.testing.assert_array_equal(expected[:, :CONTEXT_FRAMES], context)
        expected = expected[:, CONTEXT_FRAMES:]
    np.testing.assert_array_equal(codes, expected)
    # The weights are spread enough to say something: no short loop, many codes in use.
    assert len(np.unique(codes, axis=1).T) > FRAMES / 5


def test_the_text_matters(mono: Twins) -> None:
    codes = taken(mono.stream(TEXT, frames=60))
    assert not np.array_equal(codes, taken(mono.stream("something else", frames=60)))
    assert not np.array_equal(codes, taken(mono.stream("", frames=60)))
