"""A tiny MusicGen-Style in AudioCraft's own format, with MERT, T5 and codec beside it.

    folder = write_style(tmp_path / "style")

The weights are drawn by name from a generator whose numbers never change, so that figures that
AudioCraft itself made of them (`tests/core/audiocraft_reference.py`) hold on any machine. Names and
shapes are AudioCraft's: it loads them strictly there.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor
from transformers import EncodecModel, HubertConfig, HubertModel, T5Config, T5EncoderModel

from tests.core.audiocraft_layout import codec_settings, codec_state
from tests.core.tiny_checkpoints import VOCAB, tiny_codec_config, tiny_tokenizer

HIDDEN, HEADS, LAYERS, TEXT = 32, 4, 2, 24
WIDTH, EAR_LAYERS, BOOKS, ENTRIES = 256, 4, 6, 64  # AudioCraft's 'xsmall', and a small quantiser
MERT = 768  # which AudioCraft has written into its code
SELF_WAV = "condition_provider.conditioners.self_wav."


def numbers(name: str, shape: tuple[int, ...], spread: float = 1.0) -> Tensor:
    """Normally distributed, by `name` alone. RandomState's stream is frozen (NumPy's NEP 19)."""
    source = np.random.RandomState(zlib.crc32(name.encode()))
    return torch.from_numpy(source.standard_normal(shape).astype(np.float32) * np.float32(spread))


def drawn(name: str, shape: tuple[int, ...], spread: float | None = None) -> Tensor:
    """Weights of a layer: norms near the identity, products that keep what they are given."""
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 1 + 0.2 * numbers(name, shape).abs()
    if len(shape) < 2:
        return numbers(name, shape, 0.1)
    inputs = int(np.prod(shape[1:]))
    return numbers(name, shape, inputs**-0.5 if spread is None else spread)


def _layer_shapes(prefix: str, layers: int, width: int, ffn: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(layers):
        own = f"{prefix}transformer.layers.{layer}."
        shapes |= {
            f"{own}self_attn.in_proj_weight": (3 * width, width),
            f"{own}self_attn.out_proj.weight": (width, width),
            f"{own}linear1.weight": (ffn, width),
            f"{own}linear2.weight": (width, ffn),
        }
        for norm in ("norm1", "norm2"):
            shapes |= {f"{own}{norm}.weight": (width,), f"{own}{norm}.bias": (width,)}
    return shapes


def style_state() -> dict[str, Tensor]:
    """`best_state` of state_dict.bin."""
    lm = _layer_shapes("", LAYERS, HIDDEN, 2 * HIDDEN)
    for book in range(4):
        lm |= {f"emb.{book}.weight": (VOCAB + 1, HIDDEN), f"linears.{book}.weight": (VOCAB, HIDDEN)}
    made = {name: drawn(name, shape, 0.3) for name, shape in lm.items()}
    text = "condition_provider.conditioners.description.output_proj."
    others = _layer_shapes(SELF_WAV, EAR_LAYERS, WIDTH, 4 * WIDTH) | {
        "out_norm.weight": (HIDDEN,),
        "out_norm.bias": (HIDDEN,),
        f"{text}weight": (HIDDEN, TEXT),
        f"{text}bias": (HIDDEN,),
        f"{SELF_WAV}output_proj.weight": (HIDDEN, WIDTH),
        f"{SELF_WAV}output_proj.bias": (HIDDEN,),
        f"{SELF_WAV}embed.weight": (WIDTH, MERT),
        f"{SELF_WAV}embed.bias": (WIDTH,),
        f"{SELF_WAV}batch_norm.running_mean": (WIDTH,),
        f"{SELF_WAV}batch_norm.running_var": (WIDTH,),
    }
    made |= {name: drawn(name, shape) for name, shape in others.items()}
    made[f"{SELF_WAV}batch_norm.num_batches_tracked"] = torch.tensor(7)
    for book in range(BOOKS):
        own = f"{SELF_WAV}rvq.vq.layers.{book}._codebook."
        made[f"{own}embed"] = numbers(f"{own}embed", (ENTRIES, WIDTH), 0.7**book)
        made |= {f"{own}embed_avg": made[f"{own}embed"].clone(), f"{own}inited": torch.ones(1)}
        made[f"{own}cluster_size"] = torch.ones(ENTRIES)
    return made


def style_settings() -> dict[str, Any]:
    """`xp.cfg` of state_dict.bin, with all that AudioCraft builds the model of."""
    return {
        "solver": "musicgen",
        "sample_rate": 32_000,
        "channels": 1,
        "lm_model": "transformer_lm",
        "codebooks_pattern": {"modeling": "delay", "delay": {"delays": [0, 1, 2, 3]}},
        "transformer_lm": {
            "n_q": 4, "card": VOCAB, "dim": HIDDEN, "num_heads": HEADS, "num_layers": LAYERS,
            "hidden_scale": 2, "dropout": 0.0, "activation": "gelu", "norm_first": True,
            "norm": "layer_norm", "positional_embedding": "sin", "bias_ff": False,
            "bias_attn": False, "bias_proj": False, "layer_scale": None, "causal": True,
            "memory_efficient": True,
        },
        "fuser": {
            "cross_attention_pos_emb": False, "cross_attention_pos_emb_scale": 1, "sum": [],
            "prepend": ["self_wav", "description"], "cross": [], "input_interpolate": [],
        },
        "conditioners": {
            "self_wav": {
                "model": "style",
                "style": {
                    "model_name": "mert", "transformer_scale": "xsmall",
                    "sample_rate": "${sample_rate}",
                    "encodec_checkpoint": "//pretrained/facebook/encodec_32khz",
                    "encodec_n_q": 3, "length": 3.0, "ds_factor": 15, "n_q_out": BOOKS,
                    "eval_q": 3, "q_dropout": True, "bins": ENTRIES, "varying_lengths": [1.5, 4.5],
                    "batch_norm": True, "compute_mask": True,
                    "num_codebooks_lm": "${transformer_lm.n_q}", "ds_rate_compression": 640,
                    "use_middle_of_segment": True, "rvq_threshold_ema_dead_code": 0.1,
                },
            },
            "description": {"model": "t5", "t5": {"name": "t5-base", "finetune": False}},
        },
        "classifier_free_guidance": {"training_dropout": 0.1, "inference_coef": 3.0},
        "attribute_dropout": {},
        "dataset": {"segment_duration": 30},
    }  # fmt: skip


def tiny_mert() -> HubertModel:
    config = HubertConfig(
        hidden_size=MERT, num_hidden_layers=1, num_attention_heads=12, intermediate_size=16,
        conv_dim=(32,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=16,
    )  # fmt: skip
    return _filled(HubertModel(config), drawn)


def tiny_t5() -> T5EncoderModel:
    config = T5Config(vocab_size=len(tiny_tokenizer()), d_model=TEXT, d_kv=8, d_ff=32, num_layers=2,
                      num_heads=3, tie_word_embeddings=True)  # fmt: skip
    return _filled(T5EncoderModel(config), lambda name, shape: drawn(name, shape, 0.3))


def _filled(model: Any, draw: Callable[[str, tuple[int, ...]], Tensor]) -> Any:
    with torch.no_grad():
        for name, one in model.state_dict().items():
            one.copy_(draw(name.replace("embed_tokens", "shared"), tuple(one.shape)))
    return model.eval()


def music(seconds: float = 5.0, rate: int = 32_000) -> np.ndarray:
    """A clip [samples, 1]: three notes that move, and a little noise."""
    at = np.arange(round(seconds * rate)) / rate
    noise = np.random.RandomState(5).standard_normal(len(at))
    tones = [np.sin(2 * np.pi * (pitch * at + 3 * at**2)) for pitch in (110.0, 277.2, 659.3)]
    return (0.2 * sum(tones) + 0.02 * noise).astype(np.float32)[:, None]


def write_style(folder: Path) -> Path:
    """Into `folder`, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / "state_dict.bin", style_state(), style_settings())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        codec = EncodecModel(tiny_codec_config())
    _save(folder / "compression_state_dict.bin", codec_state(codec), codec_settings(codec))
    tiny_t5().save_pretrained(folder / "t5-base")
    tiny_tokenizer().save_pretrained(folder / "t5-base")
    write_mert(folder / "MERT-v1-95M")
    return folder


def write_mert(folder: Path) -> None:
    """As it is published: a pickle of tensors, weight_norm under its old names, code beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    mert = tiny_mert()
    state = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): one
        for name, one in mert.state_dict().items()
    }
    torch.save(state, folder / "pytorch_model.bin")
    table = mert.config.to_dict() | {
        "model_type": "mert_model",
        "architectures": ["MERTModel"],
        "auto_map": {"AutoModel": "modeling_MERT.MERTModel"},
        "attention_relax": -1.0,
        "deepnorm": False,
        "feature_extractor_cqt": False,
    }
    (folder / "config.json").write_text(json.dumps(table))
    (folder / "modeling_MERT.py").write_text("raise SystemExit('run')\n")


def _save(path: Path, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
    torch.save(
        {
            "best_state": dict(state),
            "xp.cfg": yaml.safe_dump(settings),
            "version": "1.4.0a2",
            "exported": True,
        },
        path,
    )
