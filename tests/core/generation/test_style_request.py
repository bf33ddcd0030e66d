"""A clip's style from the engine, and a take in that style."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.generation.generator import Generator
from core.generation.messages import (
    HearStyle,
    LoadModel,
    ModelLoaded,
    Quit,
    StartTake,
    StyleHeard,
)
from core.generation.params import Prompt, SamplingParams, style_in_books
from tests.core.generation.remote_engine import Remote, engine_in_thread, of, tokens_of
from tests.core.model.test_style import FIGURES, FRAMES
from tests.core.style_layout import music, write_style

RATE = 32_000


@pytest.fixture
def remote() -> Iterator[Remote]:
    made, thread = engine_in_thread()
    yield made
    made.send(Quit())
    thread.join(20)
    assert not thread.is_alive()


def hear(remote: Remote, clip: np.ndarray, seconds: float = 3.0) -> StyleHeard:
    remote.send(HearStyle(5, clip, RATE, seconds))
    [heard] = of(StyleHeard, remote.until(lambda event: isinstance(event, StyleHeard)))
    assert heard.token == 5
    return heard


def test_a_take_in_the_style_of_a_clip(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Generator, "warm_up", lambda self: 1)  # rehearsals take seconds
    assert "follows no style" in hear(remote, music()).problem  # no model is there yet
    remote.send(LoadModel(str(write_style(tmp_path / "style")), "cpu", "float32"))
    [model] = of(ModelLoaded, remote.until(lambda event: isinstance(event, ModelLoaded)))
    assert model.hears_style
    heard = hear(remote, music())
    assert style_in_books(heard.style, 3) == FIGURES["3 3.0"]["style"]
    assert heard.took > 0
    assert "silent" in hear(remote, 0 * music()).problem
    assert "out of range" in hear(remote, music(), 9.0).problem
    prompt = Prompt("warm pads", style=style_in_books(heard.style, 3))
    remote.send(StartTake(1, 1, prompt, SamplingParams(greedy=True), FRAMES))
    codes = tokens_of(remote.until_done())
    expected = np.array(FIGURES["words and style"])  # whose end is told, as here it is not
    np.testing.assert_array_equal(codes[:, :40], expected[:, :40])
