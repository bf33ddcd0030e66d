"""Steps a second of the language model, guided, against transformers on the same weights.

musicgen-small's shape with random weights in one process: ours in float32, in bfloat16 and
with 8-bit weights, theirs in float32. Each side goes through its own public loop, ours
`TokenStream`, theirs `generate`. Sampling is greedy on both sides; the time of transformers'
run is taken between the first and the last call of its decoder, so its start-up does not count
against it.

`OMP_NUM_THREADS` sets the threads of both. STEPS is small: a step takes 0.1 s or so.
"""

from __future__ import annotations

import copy
import time
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from transformers import (
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    T5Config,
)

from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.int8_linear import can_quantise, quantise
from core.model.language_model import LanguageModel
from core.model.packed_linear import pack
from tests.core.tiny_checkpoints import tiny_codec_config, tiny_tokenizer

STEPS = 20
CONTEXT = 250  # frames already there: five seconds, so that attention costs something
TEXT = "warm analog pads over a slow drum machine"


def figures() -> dict[str, dict[str, Any]]:
    theirs = small_shaped()
    plain = LanguageModel.from_hugging_face(
        theirs.state_dict(), ModelConfig.from_hugging_face(theirs.config.to_dict())
    )
    plain.eval().requires_grad_(False)
    ours = {
        "lm_small_cpu_full": copy.deepcopy(plain),
        "lm_small_cpu_bfloat16": copy.deepcopy(plain).bfloat16(),
        "lm_small_cpu_quantised": plain,
    }
    pack(ours["lm_small_cpu_full"])
    pack(ours["lm_small_cpu_bfloat16"])
    if can_quantise():
        quantise(ours["lm_small_cpu_quantised"])
    else:
        del ours["lm_small_cpu_quantised"]
    context = torch.randint(2_048, (4, CONTEXT), generator=torch.Generator().manual_seed(0))
    # Alternating, best of two: what else the machine does falls on all.
    speeds: dict[str, float] = {}
    baseline = 0.0
    for _ in range(2):
        for name, model in ours.items():
            steps = our_steps(model, theirs.text_encoder, context)
            speeds[name] = max(steps, speeds.get(name, 0.0))
        baseline = max(baseline, their_steps(theirs, context))
    return {
        name: {"value": value, "unit": "steps/s", "baseline": baseline, "ratio": value / baseline}
        for name, value in speeds.items()
    }


def small_shaped() -> MusicgenForConditionalGeneration:
    """musicgen-small's language model; its text encoder and codec are tiny."""
    text = T5Config(
        vocab_size=len(tiny_tokenizer()), d_model=768, d_kv=64, d_ff=64, num_layers=1, num_heads=2
    )
    config = MusicgenConfig(
        text_encoder=text, audio_encoder=tiny_codec_config(2_048), decoder=MusicgenDecoderConfig()
    )
    torch.manual_seed(0)
    model = MusicgenForConditionalGeneration(config).eval()
    special = model.decoder.config.vocab_size
    model.generation_config.update(
        pad_token_id=special, bos_token_id=special, decoder_start_token_id=special
    )
    return model


def our_steps(model: LanguageModel, encoder: Any, context: torch.Tensor) -> float:
    conditioner = Conditioner(encoder, tiny_tokenizer(), model)
    greedy = SamplingParams(greedy=True, guidance=3.0)
    stream = TokenStream(model, conditioner, Prompt(TEXT), greedy, context)
    stream.next_frame()  # the context's prefill and the delay's first steps
    began = time.perf_counter()
    for _ in range(STEPS):
        stream.next_frame()
    return STEPS / (time.perf_counter() - began)


def their_steps(model: MusicgenForConditionalGeneration, context: torch.Tensor) -> float:
    ends: list[float] = []
    forward = model.decoder.forward

    def timed(*args: Any, **kwargs: Any) -> Any:
        made = forward(*args, **kwargs)
        ends.append(time.perf_counter())
        return made

    silent = SimpleNamespace(audio_values=torch.zeros(1, 1, 1))
    with (
        mock.patch.object(model.decoder, "forward", timed),
        mock.patch.object(model.audio_encoder, "decode", return_value=silent),
    ):
        model.generate(
            **tiny_tokenizer()([TEXT], return_tensors="pt"),
            decoder_input_ids=context,
            do_sample=False,
            guidance_scale=3.0,
            max_new_tokens=STEPS + 1,
        )
    return (len(ends) - 1) / (ends[-1] - ends[0])
