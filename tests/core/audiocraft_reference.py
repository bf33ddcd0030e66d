"""AudioCraft itself against our reader: run by hand, where AudioCraft is installed.

    python -m tests.core.audiocraft_reference [FIGURES.json]

It writes tiny random checkpoints in AudioCraft's own format, has AudioCraft load each (strictly: a
name or a shape that is not its own is an error) and play it greedily, and prints how much of its
codes, melodies, styles and sound ours gives too. With a path it keeps what AudioCraft made of the
style model for `tests/core/model/test_style.py`, which needs no AudioCraft.

MusicGen-Style came with AudioCraft 1.4, of which the package index has `tts-webui-audiocraft`
1.4.0a2. Install that without its dependencies beside this project's, and what it then lacks when it
is imported. Stand-ins below take the place of xformers (torch's attention is used), spacy and the
weights of Demucs (daw-bridge separates no voices from a melody).
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from transformers import HubertModel, T5EncoderModel, T5Tokenizer

from core.codec.encodec import Codec
from core.generation.params import Prompt, SamplingParams, style_codes, style_in_books
from core.generation.token_stream import TokenStream
from core.model.checkpoint import LoadedModel, load_checkpoint
from core.model.melody import melody_of
from core.model.style_clip import heard_style
from tests.core.audiocraft_layout import write_audiocraft
from tests.core.style_layout import TEXT, music, tiny_mert, write_style
from tests.core.tiny_checkpoints import tiny_model

FRAMES = 50
WORDS = "warm pads"
STYLES = {  # words, style, beta
    "words and style": (WORDS, True, 5.0),
    "words and style, beta 1": (WORDS, True, 1.0),
    "style alone": ("", True, 5.0),
    "words alone": (WORDS, False, 5.0),
}


def reference(folder: Path) -> Any:
    """AudioCraft's MusicGen of a folder; T5, MERT and Demucs are not fetched from anywhere."""
    ops = SimpleNamespace(unbind=torch.unbind, LowerTriangularMask=object)
    ops.memory_efficient_attention = None  # asked for, and not used
    sys.modules |= {"xformers": SimpleNamespace(ops=ops), "xformers.ops": ops, "spacy": ops}  # type: ignore[dict-item]
    conditioners = importlib.import_module("audiocraft.modules.conditioners")
    conditioners.T5Conditioner.MODELS_DIMS = {"t5-base": TEXT}
    conditioners.T5Tokenizer = SimpleNamespace(
        from_pretrained=lambda name: T5Tokenizer.from_pretrained(folder / name)
    )
    conditioners.T5EncoderModel = SimpleNamespace(
        from_pretrained=lambda name: T5EncoderModel.from_pretrained(folder / name)
    )
    transformers = importlib.import_module("transformers")
    transformers.AutoModel = SimpleNamespace(from_pretrained=_mert)  # type: ignore[attr-defined]
    separated = SimpleNamespace(sources=["vocals", "other"])
    separated.to = lambda device: separated
    importlib.import_module("demucs.pretrained").get_model = lambda name: separated
    conditioners.ChromaStemConditioner._get_stemmed_wav = lambda self, wav, rate: wav
    loaders = importlib.import_module("audiocraft.models.loaders")
    load = torch.load
    torch.load = lambda *a, **k: load(*a, **{**k, "weights_only": True})  # type: ignore[assignment]
    made = importlib.import_module("audiocraft.models.musicgen").MusicGen(
        folder.name, loaders.load_compression_model(folder), loaders.load_lm_model(folder)
    )
    torch.load = load
    ear = dict(made.lm.condition_provider.conditioners.items()).get("self_wav")
    if ear is not None:  # as its get_pretrained does
        ear.match_len_on_eval, ear._use_masking = True, False
    return made


def _mert(name: str, trust_remote_code: bool) -> HubertModel:
    return tiny_mert()


def played(model: Any, words: str, clip: np.ndarray | None, beta: float | None) -> Any:
    """Its codes [K,F] and sound [channels,S]."""
    model.set_generation_params(use_sampling=False, duration=FRAMES / 50, cfg_coef_beta=beta)
    waves = None if clip is None else [torch.from_numpy(clip.T)]
    attributes, _ = model._prepare_tokens_and_attributes([words or None], None, waves)
    tokens = model._generate_tokens(attributes, None)
    return tokens[0].numpy(), model.generate_audio(tokens)[0].numpy()


def ours(loaded: LoadedModel, prompt: Prompt, beta: float = 5.0) -> Any:
    sampling = SamplingParams(greedy=True, text_push=beta)
    stream = TokenStream(loaded.lm, loaded.conditioner, prompt, sampling, frames=FRAMES)
    while stream.next_frame() is not None:
        pass
    codec = Codec(loaded.codec, loaded.config.audio_channels)
    return stream.codes(), codec.decode(torch.from_numpy(stream.codes())).T


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def compare(what: str, theirs: Any, own: Any) -> None:
    same = (theirs[0] == own[0]).mean()
    apart = np.abs(theirs[1] - own[1]).max() if theirs[1].shape == own[1].shape else np.nan
    say(f"{what:42} codes {same:.1%}, sound within {apart:.1e} of {np.abs(own[1]).max():.2f}")


def of_public_kinds(folder: Path) -> None:
    clip = music()
    for kind in ("mono", "stereo", "melody", "stereo melody"):
        own = folder / kind.replace(" ", "-")
        write_audiocraft(own, tiny_model(stereo="stereo" in kind, melody="melody" in kind))
        theirs, loaded = reference(own), load_checkpoint(str(own))
        compare(kind, played(theirs, WORDS, None, None), ours(loaded, Prompt(WORDS)))
        if "melody" in kind:
            melody = melody_of(clip, 32_000)
            conditioner = theirs.lm.condition_provider.conditioners["self_wav"]
            heard = conditioner._extract_chroma(torch.from_numpy(clip.T)[None])[0].argmax(-1)
            same = np.mean([f"{a:x}" == b for a, b in zip(heard.tolist(), melody, strict=False)])
            say(f"{kind + ', the melody heard':42} {same:.1%}")
            both = clip[:, [0] * theirs.audio_channels]
            compare(f"{kind}, on a melody", played(theirs, WORDS, both, None),
                    ours(loaded, Prompt(WORDS, melody=melody)))  # fmt: skip


def of_style(folder: Path) -> dict[str, Any]:
    """What AudioCraft makes of the style model."""
    own = write_style(folder / "style")
    theirs, loaded = reference(own), load_checkpoint(str(own))
    assert loaded.ear is not None
    clip, kept = music(), {}
    ear = theirs.lm.condition_provider.conditioners["self_wav"]
    for detail, seconds in ((3, 3.0), (6, 4.5), (1, 1.5)):
        theirs.set_style_conditioner_params(eval_q=detail, excerpt_length=seconds)
        style = style_in_books(heard_style(loaded.ear, clip, 32_000, seconds), detail)
        attributes, _ = theirs._prepare_tokens_and_attributes(
            [WORDS], None, [torch.from_numpy(clip.T)]
        )
        provider = theirs.lm.condition_provider
        told = provider(provider.tokenize(attributes))["self_wav"][0].detach()
        ours_told = loaded.ear.states(style)
        apart = (told - ours_told).abs().max() if told.shape == ours_told.shape else torch.nan
        what = f"style of {seconds} s in {detail} books"
        say(f"{what:42} {list(told.shape)} within {apart:.1e} of {told.abs().max():.1f}")
        kept[f"{detail} {seconds}"] = {"style": style, "states": told[0].double().sum(1).tolist()}
        assert len(style_codes(style)[0]) == detail
    theirs.set_style_conditioner_params(eval_q=3, excerpt_length=3.0)
    style = kept["3 3.0"]["style"]
    for what, (words, heard, beta) in STYLES.items():
        made = played(theirs, words, clip if heard else None, beta if words and heard else None)
        compare(what, made, ours(loaded, Prompt(words, style=style if heard else ""), beta))
        kept[what] = made[0].tolist()
    assert ear.eval_q == 3
    return kept


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        of_public_kinds(Path(place))
        figures = of_style(Path(place))
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(figures) + "\n")
