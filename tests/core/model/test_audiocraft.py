"""AudioCraft's own format: the same weights through both readers, and files that are not whole,
not MusicGen or not to be trusted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import constants

from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model import location
from core.model.checkpoint import (
    LoadedModel,
    check_checkpoint,
    load_checkpoint,
    load_codec,
    read_info,
)
from tests.core.audiocraft_layout import write_audiocraft
from tests.core.generation.conftest import taken
from tests.core.model.refusals import TRACE, Broken, Evil, assert_refused, cut
from tests.core.tiny_checkpoints import make_checkpoint, tiny_model

KINDS = {
    "mono": {},
    "stereo": {"stereo": True},
    "melody": {"melody": True},
    "stereo melody": {"stereo": True, "melody": True},
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_audiocraft(tmp_path_factory.mktemp("craft"), tiny_model())


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """One to break."""
    return Path(shutil.copytree(written, tmp_path / "broken"))


def codes_and_sound(loaded: LoadedModel) -> tuple[np.ndarray, torch.Tensor]:
    melody = "0479" * 20 if loaded.config.hears_melody else ""
    prompt, greedy = Prompt("warm pads", melody=melody), SamplingParams(greedy=True)
    codes = taken(TokenStream(loaded.lm, loaded.conditioner, prompt, greedy, frames=50))
    books = loaded.codec.config.num_quantizers
    with torch.no_grad():
        sound = loaded.codec.decode(torch.tensor(codes[None, None, :books]), [None]).audio_values
    assert sound is not None
    return codes, sound


@pytest.mark.parametrize("kind", KINDS)
def test_both_readers_give_the_same_codes_and_sound(kind: str, tmp_path: Path) -> None:
    model = tiny_model(**KINDS[kind])
    theirs = load_checkpoint(str(make_checkpoint(tmp_path / "hf", model=model)))
    ours = load_checkpoint(str(write_audiocraft(tmp_path / "craft", model)))
    assert ours.config == theirs.config
    codes, sound = codes_and_sound(ours)
    expected, expected_sound = codes_and_sound(theirs)
    np.testing.assert_array_equal(codes, expected)
    assert torch.equal(sound, expected_sound)
    assert sound.abs().max() > 1e-3


def test_a_codec_with_folded_norms_sounds_the_same(written: Path, tmp_path: Path) -> None:
    folded = write_audiocraft(tmp_path / "folded", tiny_model(), codec="folded")
    _, sound = codes_and_sound(load_checkpoint(str(folded)))
    _, expected = codes_and_sound(load_checkpoint(str(written)))
    torch.testing.assert_close(sound, expected, rtol=1e-4, atol=1e-6)


def test_a_half_precision_file_is_read(folder: Path, written: Path) -> None:
    """As published: float16 for the language model."""

    def halve(table: dict[str, Any]) -> None:
        table["best_state"] = {n: one.half() for n, one in table["best_state"].items()}

    edited(folder / "state_dict.bin", halve)
    loaded = load_checkpoint(str(folder))
    assert loaded.lm.dtype == torch.float32
    assert codes_and_sound(loaded)[0].shape == (4, 50)


def test_older_attention_names(folder: Path, written: Path) -> None:
    def rename(table: dict[str, Any]) -> None:
        state = table["best_state"]
        table["best_state"] = {n.replace("_attn.", "_attn.mha."): one for n, one in state.items()}

    edited(folder / "state_dict.bin", rename)
    expected, _ = codes_and_sound(load_checkpoint(str(written)))
    np.testing.assert_array_equal(codes_and_sound(load_checkpoint(str(folder)))[0], expected)


def test_the_codec_alone(written: Path) -> None:
    codec, info = load_codec(str(written))
    assert codec.config.num_quantizers == 4
    assert info.licence == "unknown"
    assert info.window_frames == 1_500


def in_hub(name: str, source: Path) -> None:
    """As if `source` had been downloaded under that id."""
    repo = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, repo / "snapshots" / ("0" * 40))
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)


@pytest.mark.parametrize("text_id", ["t5-base", "google-t5/t5-base"])
def test_parts_come_from_the_hubs_cache(
    text_id: str, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "_hub_answers", lambda: pytest.fail("looked at the network"))
    model = tiny_model()
    named = write_audiocraft(tmp_path / "named", model, codec="named")
    in_hub(text_id, named / "t5-base")
    shutil.rmtree(named / "t5-base")
    model.audio_encoder.save_pretrained(tmp_path / "encodec")
    in_hub("facebook/encodec_32khz", tmp_path / "encodec")
    in_hub("someone/fine-tune", named)
    check_checkpoint("someone/fine-tune")
    loaded = load_checkpoint("someone/fine-tune")
    expected, sound = codes_and_sound(load_checkpoint(str(written)))
    codes, ours = codes_and_sound(loaded)
    np.testing.assert_array_equal(codes, expected)
    assert torch.equal(ours, sound)
    assert loaded.name == "someone/fine-tune"


# ------------------------------------------------------------------ bad ones


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    table = torch.load(path, weights_only=True)
    change(table)
    torch.save(table, path)


def told(path: str, value: object, name: str = "state_dict.bin") -> Callable[[Path], None]:
    """The configuration says something else at a dotted path."""

    def change(table: dict[str, Any]) -> None:
        settings = yaml.safe_load(table["xp.cfg"])
        *way, last = path.split(".")
        inner = settings
        for word in way:
            inner = inner.setdefault(word, {})
        inner[last] = value
        table["xp.cfg"] = yaml.safe_dump(settings)

    return lambda folder: edited(folder / name, change)


def state(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: edited(folder / "state_dict.bin", lambda t: change(t["best_state"]))


def evil(name: str, protocol: Mapping[str, Any] | None = None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        torch.save({"best_state": {"x": Evil()}, "xp.cfg": Evil()}, folder / name, **protocol or {})

    return change


def of_codec(table: Mapping[str, Any]) -> Callable[[Path], None]:
    return lambda folder: torch.save(dict(table), folder / "compression_state_dict.bin")


CODEC = "compression_state_dict.bin"
BROKEN: Broken = {
    "evil": (evil("state_dict.bin"), "more than tensors"),
    "evil, old format": (
        evil("state_dict.bin", {"_use_new_zipfile_serialization": False}),
        "more than tensors",
    ),
    "evil codec": (evil(CODEC), "more than tensors"),
    "cut": (lambda f: cut(f / "state_dict.bin"), "cut short"),
    "codec cut": (lambda f: cut(f / CODEC), "cut short"),
    "empty": (lambda f: (f / "state_dict.bin").write_bytes(b""), "cut short"),
    "no codec": (lambda f: (f / CODEC).unlink(), "lacks compression_state_dict.bin"),
    "no T5": (lambda f: shutil.rmtree(f / "t5-base"), "text encoder is missing: google-t5/t5-base"),
    "training state": (lambda f: torch.save({"model": {}}, f / "state_dict.bin"), "export it with"),
    "no YAML": (
        lambda f: edited(f / "state_dict.bin", lambda t: t.update({"xp.cfg": "a: [b"})),
        "no YAML",
    ),
    "YAML that runs": (
        lambda f: edited(
            f / "state_dict.bin",
            lambda t: t.update({"xp.cfg": f"!!python/object/apply:os.mkdir [{TRACE}]"}),
        ),
        "no YAML",
    ),
    "YAML list": (
        lambda f: edited(f / "state_dict.bin", lambda t: t.update({"xp.cfg": "[1]"})),
        "no table",
    ),
    "clap": (told("conditioners.description.model", "clap"), "not understood"),
    "magnet": (told("lm_model", "transformer_lm_magnet"), "not understood"),
    "parallel": (told("codebooks_pattern.modeling", "parallel"), "not understood"),
    "other delays": (told("codebooks_pattern.delay.delays", [0, 2, 4, 6]), "delays its codebooks"),
    "audiogen": (told("sample_rate", 16_000), "sample_rate '16000'"),
    "other text encoder": (told("conditioners.description.t5.name", "bert"), "only T5"),
    "heads": (told("transformer_lm.num_heads", "x"), "garbles"),
    "odd heads": (told("transformer_lm.num_heads", 5), "multiple of the heads"),
    "half a stereo": (told("interleave_stereo_codebooks.use", True), "delays its codebooks"),
    "no embedding": (state(lambda s: s.pop("emb.0.weight")), "lacks or garbles 'emb.0.weight'"),
    "a layer less": (
        state(lambda s: s.pop("transformer.layers.1.linear2.weight")),
        "layers.1.fc2.weight",
    ),
    "something else": (
        state(lambda s: s.update({"transformer.layers.0.layer_scale_1.scale": torch.ones(3)})),
        "layer_scale_1.scale, which MusicGen has not",
    ),
    "another codec": (of_codec({"pretrained": "dac_44khz"}), "codec is dac_44khz"),
    "a codec's path": (of_codec({"pretrained": "/etc"}), "codec is /etc"),
    "codec not there": (of_codec({"pretrained": "facebook/encodec_32khz"}), "codec is missing"),
    "codec kind": (told("compression_model", "dac", CODEC), "'dac'; only EnCodec"),
    "codec filters": (told("seanet.n_filters", 8, CODEC), "codec do not fit"),
    "codec rate": (told("sample_rate", 24_000, CODEC), "24000 Hz"),
    "codec words": (told("seanet.kernel_size", "wide", CODEC), "not understood"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_checkpoint_is_told_in_one_line(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused(BROKEN[kind], folder, monkeypatch)


def test_the_hugging_face_layout_goes_first(folder: Path, tiny_mono: Path) -> None:
    """A public checkpoint's folder holds both."""
    shutil.copytree(tiny_mono, folder, dirs_exist_ok=True)
    (folder / "state_dict.bin").write_bytes(b"not even read")
    assert read_info(str(folder)).audiocraft is None
