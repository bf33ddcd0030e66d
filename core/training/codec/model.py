"""The codec that is trained: its shape, a start that lets signals through, the finished model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import EncodecConfig, EncodecModel

from core.errors import BadCheckpoint, BadInput
from core.training.run.shared import read_checkpoint
from core.types import MODEL_RATE

CODEBOOKS, ENTRIES, WIDTH = 4, 2048, 128


def codec_config(filters: int) -> EncodecConfig:
    """The public 32 kHz codec's geometry (facebook/encodec_32khz) with fewer filters."""
    return EncodecConfig(
        sampling_rate=MODEL_RATE,
        audio_channels=1,
        normalize=False,
        target_bandwidths=[2.2],
        upsampling_ratios=[8, 5, 4, 4],
        num_filters=filters,
        hidden_size=WIDTH,
        codebook_size=ENTRIES,
        codebook_dim=WIDTH,
        num_lstm_layers=2,
        use_causal_conv=False,
        use_conv_shortcut=False,
        norm_type="weight_norm",
        chunk_length_s=None,
        overlap=None,
    )


@torch.no_grad()
def scale_layers(model: EncodecModel, audio: Tensor) -> None:
    """Scale each convolution so that its output has unit deviation over `audio` [B, 1, S].

    With PyTorch's own start each layer weakens the signal by about sqrt(3), so that after
    twenty layers only the biases are left: the latents are then constant in time and the
    decoder hums the mean spectrum for thousands of steps. (Layer-sequential unit variance:
    Mishkin and Matas, 2016, arXiv:1511.06422.)
    """
    hooks = []
    last = list(model.decoder.layers)[-1].conv

    def rescale(module: torch.nn.Module, _: object, out: Tensor) -> Tensor:
        wanted = float(audio.std()) if module is last else 1.0
        out = out - module.bias[:, None]
        factor = wanted / float(out.std())
        module.parametrizations.weight.original0.mul_(factor)
        module.bias.zero_()
        return out * factor

    for module in model.modules():
        if isinstance(module, torch.nn.Conv1d | torch.nn.ConvTranspose1d):
            hooks.append(module.register_forward_hook(rescale))
    model.decoder(model.encoder(audio))
    for hook in hooks:
        hook.remove()


def read_run(checkpoint: Path) -> dict[str, Any]:
    """What a codec's run saved. Raises BadInput if it is missing or damaged or something else."""
    if not checkpoint.is_file():
        raise BadInput(f"no codec checkpoint {checkpoint}; name the last.pt of a codec's run")
    state = read_checkpoint(checkpoint)
    if not {"model", "quantizer", "filters"} <= state.keys():
        raise BadCheckpoint(f"{checkpoint} is no codec's run; name the last.pt of one")
    return state


def finished_codec(checkpoint: Path) -> EncodecModel:
    """The trained codec as `transformers` runs it, codebooks filled in. On the CPU.

    The decoder is the run's moving average where it kept one. Raises BadInput as `read_run`.
    """
    state = read_run(checkpoint)
    model = EncodecModel(codec_config(int(state["filters"])))
    model.load_state_dict(state["model"])
    if state.get("average"):
        model.decoder.load_state_dict(state["average"]["decoder"])
    for q, layer in enumerate(model.quantizer.layers):
        embed = state["quantizer"][f"vq.layers.{q}._codebook.embed"]
        layer.codebook.embed.copy_(embed)
        layer.codebook.embed_avg.copy_(embed)
        layer.codebook.cluster_size.fill_(1.0)
        layer.codebook.inited.fill_(True)
    return model.eval()
