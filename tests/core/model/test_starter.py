"""The embedded checkpoint: small, loadable by stock transformers, the same music in both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, MusicgenForConditionalGeneration
from transformers.utils import logging

from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.checkpoint import load_checkpoint
from core.model.location import locate

PROMPT = "funky drums and bass, 110 bpm"
FRAMES = 50


@pytest.fixture(scope="module")
def stock() -> MusicgenForConditionalGeneration:
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of MusicGen's special token
    model = MusicgenForConditionalGeneration.from_pretrained(locate("starter"), dtype=torch.float32)
    logging.set_verbosity(before)
    return model.eval()


def test_it_is_at_most_48_megabytes() -> None:
    files = [path for path in locate("starter").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 48_000_000


def test_it_is_the_public_geometry() -> None:
    loaded = load_checkpoint("starter")
    assert (loaded.config.codebooks, loaded.config.vocab) == (4, 2_048)
    assert (loaded.codec.config.sampling_rate, loaded.codec.config.hop_length) == (32_000, 640)
    assert loaded.licence.lower() == "mit"
    assert loaded.window_frames == 1_400


def test_transformers_generates_with_it_and_we_generate_the_same(
    stock: MusicgenForConditionalGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[torch.Tensor] = []
    decode = stock.audio_encoder.decode

    def listening(codes: torch.Tensor, *rest: object, **named: object) -> object:
        heard.append(codes)
        return decode(codes, *rest, **named)

    monkeypatch.setattr(stock.audio_encoder, "decode", listening)
    logging.set_verbosity_error()
    inputs = AutoProcessor.from_pretrained(locate("starter"))(text=[PROMPT], return_tensors="pt")
    audio = stock.generate(**inputs, do_sample=False, guidance_scale=3.0, max_new_tokens=FRAMES + 3)
    logging.set_verbosity_warning()
    assert audio.shape == (1, 1, FRAMES * 640)
    assert float(audio.std()) > 0.001

    loaded = load_checkpoint("starter")
    stream = TokenStream(
        loaded.lm, loaded.conditioner, Prompt(PROMPT), SamplingParams(greedy=True), frames=FRAMES
    )
    ours = []
    while (frame := stream.next_frame()) is not None:
        ours.append(frame.numpy())
    theirs = heard[0][0, 0].numpy()
    np.testing.assert_array_equal(np.stack(ours, axis=1), theirs[:, :FRAMES])
