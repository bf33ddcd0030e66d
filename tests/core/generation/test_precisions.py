"""The loop in every precision of a CPU: past the window, continued, side by side, to a melody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.generation.messages import Codes
from core.generation.params import Prompt, SamplingParams
from core.generation.shared_stream import SharedStream
from core.generation.token_batch import TokenBatch
from core.generation.token_stream import TokenStream
from core.model.checkpoint import LoadedModel, load_checkpoint
from core.model.cpu_kernels import HEAD_DIM
from core.model.int4_linear import can_quantise as can_int4
from core.model.int8_linear import can_quantise as can_int8
from tests.core.tiny_checkpoints import make_checkpoint, tiny_model

WINDOW = 40
FUNK = Prompt("funky drums and bass")


@pytest.fixture(scope="module", params=["float32", "bfloat16", "int8", "int4"])
def starter(request: pytest.FixtureRequest) -> LoadedModel:
    return loaded(request.param)


def loaded(precision: str, model: str = "starter") -> LoadedModel:
    if not {"int8": can_int8, "int4": can_int4}.get(precision, lambda: True)():
        pytest.skip("this machine has no such product")
    return load_checkpoint(model, precision=precision)


def stream(
    model: LoadedModel, seed: int, frames: int, context: Codes | None = None
) -> SharedStream:
    return SharedStream(
        model.lm, model.conditioner, FUNK, SamplingParams(seed=seed), context, frames,
        window_frames=WINDOW, closed=False,
    )  # fmt: skip


def drawn(one: TokenStream) -> Codes:
    while one.next_frame() is not None:
        pass
    return one.codes()


def test_past_the_window_and_from_its_middle(starter: LoadedModel) -> None:
    """What is continued has read its past in one go; where that is exact, the codes are too."""
    whole = drawn(stream(starter, 1, 60))
    assert whole.shape == (4, 60)
    rest = drawn(stream(starter, 1, 35, whole[:, :25]))
    if starter.precision in ("float32", "int8"):
        assert np.array_equal(rest, whole[:, 25:])
    else:  # sums of 16 bits depend on their order
        assert np.mean(rest[:, :5] == whole[:, 25:30]) > 0.5


def test_side_by_side_each_draws_its_own(starter: LoadedModel) -> None:
    alone = [drawn(stream(starter, seed, 12)) for seed in (1, 2)]
    pair = [stream(starter, seed, 12) for seed in (1, 2)]
    TokenBatch(pair)
    for _ in range(12):
        for one in pair:
            one.next_frame()
    share = 1.0 if starter.precision in ("float32", "int8") else 0.5
    for one, expected in zip(pair, alone, strict=True):
        assert np.mean(one.codes() == expected) >= share


@pytest.mark.parametrize("precision", ["bfloat16", "int8", "int4"])
def test_a_melody_is_read_before_the_codes(tmp_path: Path, precision: str) -> None:
    wide = tiny_model(melody=True, hidden=4 * HEAD_DIM, layers=1)
    model = loaded(precision, str(make_checkpoint(tmp_path / "melody", model=wide)))
    made = {
        melody: drawn(
            TokenStream(
                model.lm, model.conditioner, Prompt("a", melody=melody), SamplingParams(), None, 6
            )
        ).tolist()
        for melody in ("", "03" * 40)
    }
    assert made[""] != made["03" * 40]
