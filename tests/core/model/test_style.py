"""A style model hears and plays what AudioCraft itself makes of the same weights and clip
(`tests/core/audiocraft_reference.py` wrote its figures), and tells what is wrong in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from core.errors import BadCheckpoint, BadInput
from core.generation.device_loop import DeviceLoops
from core.generation.params import (
    Prompt,
    SamplingParams,
    Steering,
    style_codes,
    style_in_books,
    style_of,
)
from core.generation.token_stream import TokenStream
from core.model.checkpoint import LoadedModel, load_checkpoint, read_info
from core.model.memory import memory_parts
from core.model.style_clip import heard_style
from tests.core.audiocraft_reference import FRAMES, STYLES
from tests.core.generation.conftest import taken
from tests.core.model.refusals import Broken, Evil, assert_refused
from tests.core.model.test_audiocraft import edited, state, told
from tests.core.style_layout import SELF_WAV, music, write_style

FIGURES: dict[str, Any] = json.loads(Path(__file__).with_name("style_figures.json").read_text())
GREEDY = SamplingParams(greedy=True)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_style(tmp_path_factory.mktemp("style"))


@pytest.fixture(scope="module")
def loaded(written: Path) -> LoadedModel:
    return load_checkpoint(str(written))


@pytest.fixture(scope="module")
def style() -> str:
    return FIGURES["3 3.0"]["style"]


def hear(loaded: LoadedModel, *args: Any) -> str:
    assert loaded.ear is not None
    return heard_style(loaded.ear, *args)


def played(loaded: LoadedModel, prompt: Prompt, sampling: SamplingParams = GREEDY, **how: Any):
    stream = TokenStream(loaded.lm, loaded.conditioner, prompt, sampling, frames=FRAMES, **how)
    return taken(stream)


@pytest.mark.parametrize(("detail", "seconds"), [(3, 3.0), (6, 4.5), (1, 1.5)])
def test_a_clip_is_heard_as_audiocraft_hears_it(
    loaded: LoadedModel, detail: int, seconds: float
) -> None:
    expected = FIGURES[f"{detail} {seconds}"]
    made = style_in_books(hear(loaded, music(), 32_000, seconds), detail)
    assert made == expected["style"]
    assert style_of(style_codes(made)) == made
    assert loaded.ear is not None
    states = loaded.ear.states(made)[0].double().sum(1)
    torch.testing.assert_close(
        states, torch.tensor(expected["states"]).double(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("what", STYLES)
def test_it_plays_what_audiocraft_plays(loaded: LoadedModel, style: str, what: str) -> None:
    words, heard, push = STYLES[what]
    prompt = Prompt(words, style=style if heard else "")
    codes = played(loaded, prompt, replace(GREEDY, text_push=push))
    np.testing.assert_array_equal(codes, FIGURES[what])


def test_the_cases_are_not_alike() -> None:
    assert len({json.dumps(FIGURES[what]) for what in STYLES}) == len(STYLES)


def test_a_device_draws_the_same(loaded: LoadedModel, style: str) -> None:
    """With three rows, several steps at once."""
    sampling = SamplingParams(seed=3, top_k=50)
    prompt = Prompt("warm pads", style=style)
    loops = DeviceLoops(loaded.lm, capture=False)
    expected = played(loaded, prompt, sampling)
    np.testing.assert_array_equal(played(loaded, prompt, sampling, loops=loops), expected)


def test_a_style_comes_while_it_plays(loaded: LoadedModel, style: str) -> None:
    """Rows come and go with it; the codes are those of a stream that knew of it before."""
    words, both = Prompt("warm pads"), Prompt("warm pads", style=style)
    changes = (Steering(12, both, GREEDY), Steering(30, words, GREEDY))
    expected = played(loaded, words, changes=changes)
    stream = TokenStream(loaded.lm, loaded.conditioner, words, GREEDY, frames=FRAMES)
    for frames, prompt in ((12, both), (30, words)):
        taken(stream, frames - stream.frames_done)
        stream.rewind(frames)  # of the frames after it nothing is drawn yet
        stream.change_prompt(prompt)
    taken(stream)
    np.testing.assert_array_equal(stream.codes(), expected)
    assert (expected != FIGURES["words alone"]).any()


def test_a_clip_that_cannot_be_heard_is_told(loaded: LoadedModel) -> None:
    clip = music(2.2)
    for args, line in (
        ((clip[:40_000], 32_000), "1.25 s long; use 1.5 s"),
        ((0 * clip, 32_000), "silent"),
        ((clip, 32_000, 9.0), "use 1.5 to 4.5"),
    ):
        with pytest.raises(BadInput, match=line):
            hear(loaded, *args)
    shorter = hear(loaded, np.repeat(clip, 2, 1), 44_100)  # 1.6 s are heard whole
    assert len(style_codes(shorter)) == 8


def test_a_style_that_is_none_is_told(loaded: LoadedModel, tiny_mono: Path) -> None:
    for style in ("x", "00", "000.000000", ".".join(["000"] * 41)):
        with pytest.raises(BadInput, match="no style"):
            Prompt(style=style)
    for style in ("fff", "000" * 7):  # of a larger quantiser
        with pytest.raises(BadInput, match="another model"):
            played(loaded, Prompt(style=style))
    other = load_checkpoint(str(tiny_mono))
    with pytest.raises(BadInput, match="follows no style"):
        played(other, Prompt(style="000"))
    with pytest.raises(BadInput, match="follows no style"):
        played(other, Prompt("pads"), changes=(Steering(9, Prompt(style="000"), GREEDY),))


def test_mert_is_counted_before_it_is_loaded(written: Path) -> None:
    info = read_info(str(written))
    tables = (info.config, info.text_encoder, info.audio_encoder, "float32")
    ear = load_checkpoint(str(written)).ear
    assert ear is not None
    held = sum(one.numel() * 4 for one in (*ear.parameters(), *ear.buffers()))
    assert memory_parts(*tables, info.style).text - memory_parts(*tables).text == held


def ear_says(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "MERT-v1-95M" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


MERT = "MERT-v1-95M/pytorch_model.bin"
BOOK = f"{SELF_WAV}rvq.vq.layers.2._codebook.embed"
BROKEN: Broken = {
    "no MERT": (lambda f: shutil.rmtree(f / "MERT-v1-95M"), "ear is missing: m-a-p/MERT-v1-95M"),
    "evil MERT": (lambda f: torch.save({"x": Evil()}, f / MERT), "more than tensors"),
    "half a MERT": (
        lambda f: edited(f / MERT, lambda t: t.pop("encoder.layer_norm.bias")),
        "lack ear listener.encoder.layer_norm.bias",
    ),
    "a larger MERT": (ear_says(feature_extractor_cqt=True), "no MERT-v1-95M"),
    "no MERT at all": (ear_says(model_type="hubert"), "no MERT-v1-95M"),
    "wider MERT": (ear_says(intermediate_size=32), "ear do not fit"),
    "heard by the codec": (
        told("conditioners.self_wav.style.model_name", "encodec"), "'encodec', not by MERT",
    ),
    "of no size": (told("conditioners.self_wav.style.transformer_scale", "none"), "size 'none'"),
    "no codebooks": (
        state(lambda s: [s.pop(n) for n in list(s) if "._codebook.embed" in n]), "garbles"
    ),
    "a codebook of another size": (
        state(lambda s: s.update({BOOK: torch.ones(3, 256)})), "different sizes"
    ),
    "something else": (
        state(lambda s: s.update({f"{SELF_WAV}chroma_proj.weight": torch.ones(3)})),
        "chroma_proj.weight, which MusicGen-Style has not",
    ),
    "not a number": (
        state(lambda s: s[f"{SELF_WAV}embed.bias"].fill_(torch.nan)), "style ear hold values"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_style_checkpoint_is_told_in_one_line(
    kind: str, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(written, tmp_path / "broken"))
    assert_refused(BROKEN[kind], folder, monkeypatch)


def test_it_is_not_trained(loaded: LoadedModel) -> None:
    with pytest.raises(BadCheckpoint, match="cannot be trained here"):
        loaded.lm(torch.zeros(1, 4, 3, dtype=torch.int64))
