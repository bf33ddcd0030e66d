"""Checkpoints with random weights in the real layout: a folder that transformers wrote.

The codec has the real frame (640 samples at 32 kHz, four codebooks, not causal) and few
channels; everything else is small. A folder takes about half a second to make.

    folder = make_checkpoint(tmp_path / "tiny")              # mono
    folder = make_checkpoint(tmp_path / "tiny", stereo=True)
    folder = make_checkpoint(tmp_path / "tiny", melody=True)

The session-scoped fixtures `tiny_mono` and `tiny_stereo` (tests/core/conftest.py) hand out
one such folder each. Do not write into those.
"""

from __future__ import annotations

import string
from pathlib import Path

import torch
from transformers import (
    EncodecConfig,
    GenerationConfig,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    MusicgenMelodyConfig,
    MusicgenMelodyForConditionalGeneration,
    T5Config,
    T5Tokenizer,
)

VOCAB = 256
AnyMusicgen = MusicgenForConditionalGeneration | MusicgenMelodyForConditionalGeneration
README = """---
license: cc-by-4.0
---
Random weights for tests.
"""


def tiny_tokenizer() -> T5Tokenizer:
    """A T5 tokenizer with one piece a character, made without a download."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    letters = string.ascii_letters + string.digits + string.punctuation + "▁"
    return T5Tokenizer(vocab=special + [(letter, -2.0) for letter in letters], extra_ids=0)


def tiny_codec_config(vocab: int = VOCAB, filters: int = 4) -> EncodecConfig:
    """EnCodec 32 kHz with few channels: 50 frames a second, four codebooks of `vocab`."""
    bits = (vocab - 1).bit_length()
    return EncodecConfig(
        target_bandwidths=[4 * 50 * bits / 1000],
        sampling_rate=32_000,
        audio_channels=1,
        hidden_size=16,
        num_filters=filters,
        upsampling_ratios=[8, 5, 4, 4],
        use_causal_conv=False,
        use_conv_shortcut=False,
        codebook_size=vocab,
    )


def tiny_model(
    *,
    stereo: bool = False,
    melody: bool = False,
    seed: int = 0,
    vocab: int = VOCAB,
    hidden: int = 32,
    layers: int = 2,
    window_frames: int = 1_500,
    spread: float = 0.3,
) -> AnyMusicgen:
    """A random MusicGen in transformers, in eval mode; melody: a MusicgenMelody.

    spread: width of the Transformer's weights. transformers' own 0.02 would leave the
    logits nearly equal and the text nearly without effect.
    """
    text_vocab = len(tiny_tokenizer())
    kind, model_class = MusicgenConfig, MusicgenForConditionalGeneration
    if melody:
        kind, model_class = MusicgenMelodyConfig, MusicgenMelodyForConditionalGeneration
    config = kind(
        text_encoder=T5Config(
            vocab_size=text_vocab,
            d_model=24,
            d_kv=8,
            d_ff=32,
            num_layers=2,
            num_heads=3,
            tie_word_embeddings=True,
        ),
        audio_encoder=tiny_codec_config(vocab),
        decoder={
            "vocab_size": vocab,
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "ffn_dim": 2 * hidden,
            "num_attention_heads": 4,
            "num_codebooks": 8 if stereo else 4,
            "audio_channels": 2 if stereo else 1,
            "pad_token_id": vocab,
            "bos_token_id": vocab,
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = model_class(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() > 1 and not name.startswith("audio_encoder."):
                    parameter.normal_(0, spread)
            for name, buffer in model.named_buffers():
                if name.endswith("codebook.embed"):  # zeros otherwise: silence, one code
                    buffer.normal_()
    model.generation_config = GenerationConfig(
        max_length=window_frames,
        guidance_scale=3.0,
        do_sample=True,
        pad_token_id=vocab,
        bos_token_id=vocab,
        decoder_start_token_id=vocab,
    )
    return model


def make_checkpoint(
    folder: Path,
    *,
    stereo: bool = False,
    melody: bool = False,
    seed: int = 0,
    shard_size: str = "5GB",
    readme: str | None = README,
    model: AnyMusicgen | None = None,
    window_frames: int = 1_500,
) -> Path:
    """Write a random checkpoint into `folder` (made if missing) and return it.

    shard_size: the most one weights file may hold ("100KB" gives several and an index).
    """
    model = model or tiny_model(
        stereo=stereo, melody=melody, seed=seed, window_frames=window_frames
    )
    model.save_pretrained(folder, max_shard_size=shard_size)
    tiny_tokenizer().save_pretrained(folder)
    if readme is not None:
        (folder / "README.md").write_text(readme)
    return folder
