"""EnCodecs with random weights whose output depends visibly on every code."""

from __future__ import annotations

import torch
from transformers import EncodecConfig, EncodecModel

from tests.core.tiny_checkpoints import tiny_codec_config


def small_codec(*, seed: int = 0, **changes: object) -> EncodecModel:
    """The real frame (ratios 8·5·4·4) and `tiny_codec_config`'s few channels, changed at will."""
    config = tiny_codec_config().to_dict() | changes
    return _loud(EncodecConfig(**config), seed)


def public_codec(filters: int = 8, seed: int = 0) -> EncodecModel:
    """`facebook/encodec_32khz` in all but its filters (64 there)."""
    config = EncodecConfig(
        target_bandwidths=[2.2],
        sampling_rate=32_000,
        audio_channels=1,
        hidden_size=128,
        num_filters=filters,
        upsampling_ratios=[8, 5, 4, 4],
        use_causal_conv=False,
        use_conv_shortcut=False,
        codebook_size=2_048,
    )
    return _loud(config, seed)


def _loud(config: EncodecConfig, seed: int) -> EncodecModel:
    """Random weights, scaled until the sound follows the codes rather than the biases."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        codec = EncodecModel(config).eval()
        for layer in codec.quantizer.layers:
            layer.codebook.embed.normal_()
        for name, parameter in codec.decoder.named_parameters():
            if name.endswith("original0"):  # the magnitudes that weight norm splits off
                parameter.mul_(1.6)
            elif "lstm.weight" in name:
                parameter.mul_(2)
    return codec
