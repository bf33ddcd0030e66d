"""A batch gives each clip what a stream of its own gives it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.checkpoint import LoadedModel, load_checkpoint
from core.training.measure import batch
from core.training.measure.batch import Wanted, generate_codes


@pytest.fixture(scope="module")
def loaded(tiny_mono: Path) -> LoadedModel:
    return load_checkpoint(str(tiny_mono))


@pytest.mark.parametrize("guidance", [3.0, 1.0])
def test_equal_to_streams_of_their_own(
    loaded: LoadedModel, guidance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "ROWS", 2)  # so that one length needs two batches
    texts = ["funk", "rock", "jazz", "solo piano", "drums only"]
    wanted = [Wanted(text, seed) for seed, text in enumerate(texts)]
    sampling = SamplingParams(guidance=guidance)
    made = generate_codes(loaded, wanted, 12, sampling)
    assert max(len(places) for places in batch.batches(loaded, wanted)) == 2
    for codes, one in zip(made, wanted, strict=True):
        stream = TokenStream(
            loaded.lm,
            loaded.conditioner,
            Prompt(one.text),
            SamplingParams(seed=one.seed, guidance=guidance),
            frames=12,
        )
        while stream.next_frame() is not None:
            pass
        np.testing.assert_array_equal(codes, stream.codes())


def test_refuses_what_it_cannot_batch(loaded: LoadedModel) -> None:
    with pytest.raises(BadInput, match="needs a prompt"):
        generate_codes(loaded, [Wanted(" ", 0)], 5)
    with pytest.raises(BadInput, match="window of 1500"):
        generate_codes(loaded, [Wanted("funk", 0)], 5_000)
