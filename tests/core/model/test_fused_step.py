"""The Triton kernels give what the layers give. Interpreted on a CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from core.generation.device_loop import DeviceLoops
from core.generation.guidance import guide
from core.generation.params import Prompt, SamplingParams
from core.generation.shared_stream import SharedStream
from core.generation.static_draw import StaticSampling
from core.generation.token_batch import TokenBatch
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.model.static_step import StaticStep
from core.model.static_text import StaticText, TextShape
from core.model.text_keys import TextKeys, blended, stacked
from tests.core.generation.conftest import make_twins

pytest.importorskip("triton")
NAME = "core.model.fused_kernels"
CONFIG = ModelConfig(
    hidden=96, layers=2, heads=3, ffn=160, codebooks=4, vocab=50, text_hidden=24, window_frames=60
)


@pytest.fixture(scope="module")
def _interpreted() -> Iterator[None]:
    """Kernels, and Triton's own functions, are for the interpreter if that is so on import."""

    def ours() -> dict[str, Any]:
        python = (name for name in sys.modules if name.split(".")[0] == "triton")
        return {name: sys.modules[name] for name in (*python, NAME) if name in sys.modules}

    patch, before = pytest.MonkeyPatch(), ours()
    patch.setenv("TRITON_INTERPRET", "1")
    for name in before:
        if not name.startswith("triton._C"):
            del sys.modules[name]
    yield
    patch.undo()
    for name in ours():
        del sys.modules[name]
    sys.modules.update({name: module for name, module in before.items() if name != NAME})


def model() -> LanguageModel:
    torch.manual_seed(0)
    made = LanguageModel(CONFIG).eval().requires_grad_(False)
    made.reset_weights(0.2)
    for norm in (one for one in made.modules() if isinstance(one, torch.nn.LayerNorm)):
        torch.nn.init.normal_(norm.weight, 1, 0.3)
        torch.nn.init.normal_(norm.bias, 0, 0.3)
    return made


def prompt(lm: LanguageModel, length: int) -> TextKeys:
    return lm.text_keys(lm.project_text(torch.randn(1, length, 24)))


def static(lm: LanguageModel, keys: TextKeys, rows: int) -> StaticText:
    made = StaticText(CONFIG, rows, TextShape.of(keys), lm.device, lm.dtype)
    made.hold(keys)
    return made


@pytest.mark.usefixtures("_interpreted")
@pytest.mark.parametrize(
    ("rows", "kind", "positions"),
    [
        (2, "plain", (1,)),
        pytest.param(1, "none", (0, 1, 69), marks=pytest.mark.accept),
        pytest.param(2, "blend", (0, 1, 69), marks=pytest.mark.accept),
        pytest.param(3, "plain", (0, 1, 69), marks=pytest.mark.accept),
        pytest.param(4, "blend", (0, 1, 69), marks=pytest.mark.accept),
    ],
)
@torch.inference_mode()
def test_a_step_is_that_of_the_layers(rows: int, kind: str, positions: tuple[int, ...]) -> None:
    from core.model.fused_step import FusedLayers

    lm = model()
    text = None
    if kind == "plain":
        text = static(lm, prompt(lm, 5), rows)
    if kind == "blend":
        keys = stacked(blended([prompt(lm, 5), prompt(lm, 33)]), prompt(lm, 2))
        assert keys is not None
        text = static(lm, keys, rows)
    plain, fused = StaticStep(lm, rows, 70), StaticStep(lm, rows, 70)
    fused.fused = FusedLayers(CONFIG, rows, fused.cache)
    past = torch.randn_like(plain.cache.keys)
    for position in positions:
        for step in (plain, fused):
            step.cache.keys.copy_(past)
            step.cache.values.copy_(-past)
            step.position.fill_(position)
        codes = torch.randint(50, (1, 4))
        expected, found = (step.logits(codes, text, 256) for step in (plain, fused))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        for name in ("keys", "values"):
            one, other = (getattr(step.cache, name) for step in (fused, plain))
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("_interpreted")
def test_words_are_pushed_beyond_a_style() -> None:
    """The draw from three branches."""
    from core.model.fused_step import FusedLayers

    lm = model()
    fused = FusedLayers(CONFIG, 3, StaticStep(lm, 3, 8).cache)
    sampling = StaticSampling.made(1, lm.device)
    sampling.hold([SamplingParams(greedy=True, guidance=3.0, text_push=5.0)], CONFIG.vocab)
    logits = torch.randn(3, 4, CONFIG.vocab, generator=torch.Generator().manual_seed(2))
    column, drawn = torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 1, 4, dtype=torch.int64)
    known = torch.full((2, 1, 4), -1)
    fused.draw(logits, torch.ones(1), sampling, torch.zeros(1, dtype=torch.int64), known, drawn,
               column, drawing=False)  # fmt: skip
    expected = guide(logits, 3.0, 5.0).argmax(-1)
    assert torch.equal(column[0], expected)
    assert torch.equal(drawn[0, 0], expected)
    assert not torch.equal(expected, guide(logits[[0, 2]], 3.0).argmax(-1))


@pytest.mark.accept
@pytest.mark.usefixtures("_interpreted")
def test_codes_are_those_of_single_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole loop by kernels: embedding, layers, guidance, top-k, top-p, race and feedback."""
    from core.model import static_step
    from core.model.fused_step import FusedLayers

    twins = make_twins(stereo=False)
    monkeypatch.setattr(static_step, "fused_for", FusedLayers)
    blend = Prompt.of([("warm pads", 1.0), ("drums", 0.5)], negative="noise")
    one = SamplingParams(seed=3, top_k=9, top_p=0.8, temperature=1.3)
    for prompt, samplings in (
        (blend, [one, SamplingParams(seed=4, top_k=0)]),
        (Prompt(), [SamplingParams(greedy=True)]),
        (Prompt("pads"), [SamplingParams(greedy=True, guidance=2.0), one]),
    ):
        loops = DeviceLoops(twins.lm, capture=False)
        made = []
        for own in (None, loops):
            streams = [
                SharedStream(twins.lm, twins.conditioner, prompt, sampling, None, 3, loops=own)
                for sampling in samplings
            ]
            if len(streams) > 1:
                TokenBatch(streams)
            while all(stream.next_frame() is not None for stream in streams):
                pass
            made.append(np.stack([stream.codes() for stream in streams]))
        np.testing.assert_array_equal(*made)
