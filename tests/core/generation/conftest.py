"""The same random weights in transformers and in ours; an engine that has them loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from core.generation.messages import LoadModel, ModelLoaded, ModelLoading, Quit
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from tests.core.generation.remote_engine import Remote, engine_in_thread
from tests.core.tiny_checkpoints import AnyMusicgen, tiny_model, tiny_tokenizer

GREEDY = SamplingParams(greedy=True)


@dataclass(frozen=True)
class Twins:
    theirs: AnyMusicgen
    lm: LanguageModel
    conditioner: Conditioner

    def stream(
        self,
        text: str | Prompt = "warm analog pads",
        sampling: SamplingParams = GREEDY,
        context: np.ndarray | None = None,
        frames: int | None = 40,
        window_frames: int | None = None,
    ) -> TokenStream:
        prompt = text if isinstance(text, Prompt) else Prompt(text)
        return TokenStream(
            self.lm, self.conditioner, prompt, sampling, context, frames, window_frames
        )


def make_twins(stereo: bool, seed: int = 0, melody: bool = False) -> Twins:
    theirs = tiny_model(stereo=stereo, melody=melody, seed=seed)
    lm = LanguageModel(ModelConfig.from_hugging_face(theirs.config.to_dict())).eval()
    lm.load_hugging_face(theirs.state_dict())
    return Twins(theirs, lm, Conditioner(theirs.text_encoder, tiny_tokenizer(), lm))


@pytest.fixture(scope="session")
def mono() -> Twins:
    return make_twins(stereo=False)


@pytest.fixture(scope="session")
def stereo() -> Twins:
    return make_twins(stereo=True)


@pytest.fixture(scope="session")
def melody() -> Twins:
    return make_twins(stereo=False, melody=True)


@pytest.fixture(scope="session")
def stereo_melody() -> Twins:
    return make_twins(stereo=True, melody=True)


def taken(stream: TokenStream, frames: int | None = None) -> np.ndarray:
    """The stream's next frames (all there are by default) as [K,frames]."""
    got = []
    while frames is None or len(got) < frames:
        frame = stream.next_frame()
        if frame is None:
            break
        got.append(frame.numpy())
    return np.stack(got, axis=1) if got else np.zeros((0, 0), dtype=np.int64)


@pytest.fixture(scope="module")
def engine(tiny_mono: Path) -> Iterator[Remote]:
    """An engine in a thread, the tiny model loaded."""
    patch = pytest.MonkeyPatch()
    patch.setattr("core.generation.generator.available_cores", lambda: 1)  # threads are global
    remote, thread = engine_in_thread()
    remote.send(LoadModel(str(tiny_mono), "cpu"))
    heard = remote.until(lambda event: isinstance(event, ModelLoaded))
    fractions = [event.fraction for event in heard if isinstance(event, ModelLoading)]
    assert fractions == sorted(fractions)
    yield remote
    remote.send(Quit())
    thread.join(10)
    patch.undo()
    assert not thread.is_alive()
