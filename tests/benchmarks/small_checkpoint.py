"""A checkpoint of musicgen-small's sizes with random weights: T5-base, 24 × 1024, EnCodec 32 kHz.

Speed and memory do not depend on what the weights say. The tokenizer has a piece a character, so
a text is more tokens than with T5's own.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    EncodecConfig,
    GenerationConfig,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    T5Config,
)

from tests.core.codec.small_codecs import public_codec
from tests.core.tiny_checkpoints import make_checkpoint, tiny_tokenizer

TEXT = "warm analog pads over a slow drum machine"
_T5_BASE = T5Config(
    vocab_size=len(tiny_tokenizer()), d_model=768, d_kv=64, d_ff=3_072, num_layers=12, num_heads=12
)


def make(folder: Path) -> Path:
    """1.2 GB, in bfloat16: what is read from it is the same for every precision."""
    codec = public_codec(64)
    config = MusicgenConfig(
        text_encoder=_T5_BASE,
        audio_encoder=EncodecConfig(**codec.config.to_dict()),
        decoder=MusicgenDecoderConfig(),
    )
    torch.manual_seed(0)
    model = MusicgenForConditionalGeneration(config).eval()
    model.audio_encoder.load_state_dict(codec.state_dict())
    special = model.decoder.config.vocab_size
    model.generation_config = GenerationConfig(
        max_length=1_500, guidance_scale=3.0, do_sample=True, pad_token_id=special,
        bos_token_id=special, decoder_start_token_id=special,
    )  # fmt: skip
    return make_checkpoint(folder, model=model.bfloat16())
