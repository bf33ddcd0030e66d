from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import MusicgenForConditionalGeneration

from core.errors import BadCheckpoint
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model import location, weights
from core.model.checkpoint import LoadedModel, check_checkpoint, load_checkpoint, read_info
from tests.core.generation.conftest import taken
from tests.core.generation.transformers_oracle import oracle_codes
from tests.core.model.refusals import Broken, Evil, assert_refused, cut
from tests.core.tiny_checkpoints import make_checkpoint, tiny_tokenizer

GREEDY = SamplingParams(greedy=True)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tiny_mono: Path, tmp_path: Path) -> Path:
    """A checkpoint to break."""
    return Path(shutil.copytree(tiny_mono, tmp_path / "broken"))


def greedy_codes(loaded: LoadedModel, frames: int = 20) -> np.ndarray:
    prompt = Prompt("warm pads")
    return taken(TokenStream(loaded.lm, loaded.conditioner, prompt, GREEDY, frames=frames))


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


# ------------------------------------------------------------------ good checkpoints


@pytest.mark.parametrize("kind", ["tiny_mono", "tiny_stereo"])
def test_what_is_loaded_is_what_transformers_loads(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    loaded = load_checkpoint(str(folder))
    theirs = MusicgenForConditionalGeneration.from_pretrained(folder).eval()
    expected = oracle_codes(theirs, tiny_tokenizer(), "warm pads", 20, 3.0)
    np.testing.assert_array_equal(greedy_codes(loaded), expected)
    codes = expected[None, None, : loaded.codec.config.num_quantizers]
    with torch.no_grad():
        ours = loaded.codec.decode(codes, [None]).audio_values
        torch.testing.assert_close(ours, theirs.audio_encoder.decode(codes, [None]).audio_values)
    assert ours.abs().max() > 1e-3


def test_what_is_told(tiny_mono: Path) -> None:
    steps: list[tuple[float, str]] = []
    loaded = load_checkpoint(str(tiny_mono), progress=lambda part, what: steps.append((part, what)))
    assert loaded.name == tiny_mono.name
    assert loaded.licence == "CC-BY-4.0"
    assert loaded.window_frames == 1_500
    assert (loaded.device.type, loaded.precision) == ("cpu", "float32")
    assert not loaded.lm.training
    assert not any(one.requires_grad for one in loaded.codec.parameters())
    assert [part for part, _ in steps] == sorted(part for part, _ in steps)
    assert steps[-1] == (1.0, "ready")


def test_shards_are_one_checkpoint(tiny_mono: Path, tmp_path: Path) -> None:
    sharded = make_checkpoint(tmp_path / "sharded", shard_size="200KB")
    assert len(list(sharded.glob("*.safetensors"))) > 2
    loaded = load_checkpoint(str(sharded))
    np.testing.assert_array_equal(
        greedy_codes(loaded), greedy_codes(load_checkpoint(str(tiny_mono)))
    )


def test_pickled_tensors_are_read(folder: Path, tiny_mono: Path) -> None:
    as_pickle(folder)
    expected = greedy_codes(load_checkpoint(str(tiny_mono)))
    np.testing.assert_array_equal(greedy_codes(load_checkpoint(str(folder))), expected)


def test_older_names_of_weight_norm_and_the_text_table(folder: Path, tiny_mono: Path) -> None:
    """What the public checkpoints, written by older versions, are like."""
    tensors = load_file(folder / "model.safetensors")
    old = {
        name.replace(".parametrizations.weight.original0", ".weight_g")
        .replace(".parametrizations.weight.original1", ".weight_v")
        .replace("text_encoder.shared.", "text_encoder.encoder.embed_tokens."): one
        for name, one in tensors.items()
    }
    assert old.keys() != tensors.keys()
    save_file(old, folder / "model.safetensors")
    loaded, expected = load_checkpoint(str(folder)), load_checkpoint(str(tiny_mono))
    np.testing.assert_array_equal(greedy_codes(loaded), greedy_codes(expected))
    for ours, theirs in zip(loaded.codec.parameters(), expected.codec.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_half_precision_leaves_the_codec_alone(tiny_mono: Path) -> None:
    loaded = load_checkpoint(str(tiny_mono), precision="bfloat16")
    assert (loaded.lm.dtype, loaded.precision) == (torch.bfloat16, "bfloat16")
    assert {one.dtype for one in loaded.codec.parameters()} == {torch.float32}
    assert greedy_codes(loaded).shape == (4, 20)


def test_the_digest_names_the_weights(tiny_mono: Path, folder: Path, tmp_path: Path) -> None:
    digest = weights.digest_of([tiny_mono / "model.safetensors"])
    assert len(digest) == 16
    assert digest == weights.digest_of([folder / "model.safetensors"])
    other = make_checkpoint(tmp_path / "other", seed=5)
    assert digest != weights.digest_of([other / "model.safetensors"])


def test_a_large_files_digest_is_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "model.safetensors"
    expected = weights.digest_of([path])
    monkeypatch.setattr(weights, "CHEAP_BYTES", 0)
    assert weights.digest_of([path]) == expected
    monkeypatch.setattr(weights, "_sha256", lambda path: pytest.fail("hashed again"))
    assert weights.digest_of([path]) == expected
    monkeypatch.setattr(weights, "_sha256", lambda path: "f" * 64)
    os.utime(path, (1, 1))
    assert weights.digest_of([path]) == "f" * 16


@pytest.mark.parametrize(
    ("card", "origin", "licence"),
    [
        ("---\ntags:\n- x\nlicense: cc-by-nc-4.0\n---\nText", "", "CC-BY-NC-4.0"),
        ("---\nlicense: apache-2.0\n---\n", "", "apache-2.0"),
        ("license: mit in the text only", "", "unknown"),
        (None, "facebook/musicgen-small", "CC-BY-NC-4.0"),
        (None, "someone/else", "unknown"),
    ],
)
def test_licence(folder: Path, card: str | None, origin: str, licence: str) -> None:
    (folder / "README.md").unlink()
    if card is not None:
        (folder / "README.md").write_text(card)
    edited(folder, lambda config: config.update(_name_or_path=origin))
    assert read_info(str(folder)).licence == licence


@pytest.mark.parametrize(("length", "window"), [(750, 750), (20, 1_500), (None, 1_500)])
def test_window(folder: Path, length: int | None, window: int) -> None:
    (folder / "generation_config.json").write_text(json.dumps({"max_length": length}))
    assert read_info(str(folder)).window_frames == window
    (folder / "generation_config.json").unlink()
    assert read_info(str(folder)).window_frames == 1_500


# ------------------------------------------------------------------ bad ones


def edited(folder: Path, change: Callable[[dict], object]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def evil_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"x": Evil()}, folder / "pytorch_model.bin")


def cut_pickle(folder: Path) -> None:
    as_pickle(folder)
    cut(folder / "pytorch_model.bin")


def missing_shard(folder: Path) -> None:
    shutil.rmtree(folder)
    make_checkpoint(folder, shard_size="200KB")
    next(folder.glob("*.safetensors")).unlink()


def stray_index(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "out.safetensors")
    index = {"weight_map": {"a": "../broken/out.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def without(prefix: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file({n: t for n, t in load_file(path).items() if not n.startswith(prefix)}, path)

    return change


def respelt(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    """One tensor is another one."""

    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        tensors[name] = change(tensors[name])
        save_file(tensors, path)

    return spoil


def one_bad(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[7] = value
        return tensor

    return change


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


FC1 = "decoder.model.decoder.layers.1.fc1.weight"
BROKEN: Broken = {
    "empty folder": (emptied, "no config.json"),
    "NaN": (respelt(FC1, one_bad(float("nan"))), "language model hold values that are no numbers"),
    "infinity": (respelt(FC1, one_bad(float("-inf"))), "layers.1.fc1"),
    "NaN in T5": (
        respelt("text_encoder.encoder.final_layer_norm.weight", one_bad(float("nan"))),
        "text encoder hold values",
    ),
    "integers": (respelt(FC1, lambda one: one.long()), "fc1.weight are int64"),
    "complex": (respelt(FC1, lambda one: one.to(torch.complex64)), "fc1.weight are complex64"),
    "transposed": (respelt(FC1, lambda one: one.T.contiguous()), "shape"),
    "a layer more": (
        lambda f: edited(f, lambda c: c["decoder"].update(num_hidden_layers=1)),
        "config.json says 1 layers",
    ),
    "a million layers": (
        lambda f: edited(f, lambda c: c["decoder"].update(num_hidden_layers=10**6)),
        "no MusicGen",
    ),
    "too large": (
        lambda f: edited(f, lambda c: c["decoder"].update(hidden_size=2**18, ffn_dim=2**18)),
        "this machine has",
    ),
    "generation config": (
        lambda f: (f / "generation_config.json").write_text("{"),
        "generation_config.json is not JSON",
    ),
    "no config": (lambda f: (f / "config.json").unlink(), "no config.json"),
    "config cut": (lambda f: cut(f / "config.json"), "not JSON"),
    "config deep": (lambda f: (f / "config.json").write_text("[" * 100_000), "not JSON"),
    "config list": (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
    "bert": (lambda f: (f / "config.json").write_text('{"model_type": "bert"}'), "'bert' model"),
    "llama": (
        lambda f: (f / "config.json").write_text('{"model_type": "llama", "hidden_size": 8}'),
        "'llama' model",
    ),
    "no melody": (
        lambda f: edited(f, lambda c: c.update(model_type="musicgen_melody")),
        "lack audio_enc_to_dec_proj",
    ),
    "pitch classes": (
        lambda f: edited(f, lambda c: c.update(model_type="musicgen_melody", num_chroma=99)),
        "99 pitch classes",
    ),
    "no decoder": (lambda f: edited(f, lambda c: c.pop("decoder")), "'decoder'"),
    "no size": (lambda f: edited(f, lambda c: c["decoder"].pop("hidden_size")), "'hidden_size'"),
    "word size": (lambda f: edited(f, lambda c: c["decoder"].update(ffn_dim="x")), "garbles"),
    "odd heads": (
        lambda f: edited(f, lambda c: c["decoder"].update(num_attention_heads=5)),
        "multiple of the heads",
    ),
    "other size": (lambda f: edited(f, lambda c: c["decoder"].update(ffn_dim=128)), "shape"),
    "activation": (
        lambda f: edited(f, lambda c: c["decoder"].update(activation_function="tanhexp")),
        "tanhexp",
    ),
    "text encoder": (
        lambda f: edited(f, lambda c: c["text_encoder"].update(model_type="bert")),
        "only T5",
    ),
    "codec": (
        lambda f: edited(f, lambda c: c["audio_encoder"].update(model_type="dac")),
        "EnCodec",
    ),
    "codec rate": (
        lambda f: edited(f, lambda c: c["audio_encoder"].update(sampling_rate=24_000)),
        "24000 Hz",
    ),
    "codec books": (
        lambda f: edited(f, lambda c: c["audio_encoder"].update(target_bandwidths=[0.8])),
        "belong together",
    ),
    "codec empty": (
        lambda f: edited(f, lambda c: c["audio_encoder"].update(num_filters=0)),
        "codec has a size below 1",
    ),
    "codec filters": (
        lambda f: edited(f, lambda c: c["audio_encoder"].update(num_filters=8)),
        "codec do not fit",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no weights"),
    "weights cut": (lambda f: cut(f / "model.safetensors"), "cut short"),
    "weights empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "cut short"),
    "weights noise": (
        lambda f: (f / "model.safetensors").write_bytes(b"RIFF" * 99),
        "not a weights",
    ),
    "lfs pointer": (
        lambda f: (f / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/x"),
        "git lfs pull",
    ),
    "pickle cut": (cut_pickle, "pytorch_model.bin"),
    "pickle evil": (evil_pickle, "more than tensors"),
    "shard missing": (missing_shard, "lacks model-0"),
    "index astray": (stray_index, "lacks ../broken"),
    "no language model": (without("decoder."), "lack decoder"),
    "no text weights": (without("text_encoder."), "no text_encoder"),
    "no codec weights": (without("audio_encoder."), "no audio_encoder"),
    "less text": (without("text_encoder.encoder.block.1"), "lack text encoder"),
    "tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer.json"),
}
AT_A_GLANCE = (
    "no weights", "weights cut", "weights empty", "no tokenizer", "tokenizer", "shard missing",
    "no language model", "no text weights", "no codec weights", "other size", "a layer more",
)  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_checkpoint_is_told_in_one_line(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused(BROKEN[kind], folder, monkeypatch)


@pytest.mark.parametrize("kind", AT_A_GLANCE)
def test_much_is_found_out_before_the_weights_are_read(kind: str, folder: Path) -> None:
    check_checkpoint(str(folder))
    change, expected = BROKEN[kind]
    change(folder)
    with pytest.raises(BadCheckpoint, match=expected):
        check_checkpoint(str(folder))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("nowhere", "no folder 'nowhere'"),
        ("/no/such/place", "no folder"),
        ("", "no folder"),
        ("~no-such-user/model", "no folder"),
        ("x" * 9000, "no folder"),
        (__file__, "is a file"),
        ("someone/never-downloaded", "not on this machine"),
    ],
)
def test_a_model_that_is_not_there(model: str, expected: str) -> None:
    with pytest.raises(BadCheckpoint, match=expected):
        load_checkpoint(model)


# ------------------------------------------------------------------ the hub


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


def test_without_a_network_it_fails_within_seconds(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    began = time.monotonic()
    with pytest.raises(BadCheckpoint, match=r"hub\.invalid does not answer") as raised:
        load_checkpoint("facebook/musicgen-small")
    assert time.monotonic() - began < 6
    assert "\n" not in str(raised.value)


def test_a_downloaded_snapshot_needs_no_network(
    hub_cache: Path, tiny_mono: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "_hub_answers", lambda: pytest.fail("looked at the network"))
    repo = hub_cache / "models--facebook--musicgen-small"
    commit = "0" * 40
    shutil.copytree(tiny_mono, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    info = read_info("facebook/musicgen-small")
    assert info.name == "facebook/musicgen-small"
    assert info.folder == repo / "snapshots" / commit
    (info.folder / "model.safetensors").unlink()  # half a download is none
    with pytest.raises(BadCheckpoint, match="not on this machine"):
        read_info("facebook/musicgen-small")


def test_a_download_reports_its_bytes(
    tiny_mono: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(location, "_hub_answers", lambda: True)

    def download(
        model: str, *, local_files_only: bool = False, dry_run: bool = False, **options
    ) -> str | list:
        if local_files_only:
            raise FileNotFoundError(model)
        if dry_run:
            return []
        if "tqdm_class" not in options:
            return str(tiny_mono)
        with options["tqdm_class"](total=100, unit="B", name="x", desc="bytes") as bar:
            bar.update(40)
            bar.update(60)
        return str(tiny_mono)

    monkeypatch.setattr(location, "snapshot_download", download)
    told: list[tuple[float, str]] = []
    folder = location.locate("some/model", lambda part, what: told.append((part, what)))
    assert folder == tiny_mono
    assert told == [(0.4, "downloading"), (1.0, "downloading")]


def test_the_hubs_refusal_is_one_line(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(location, "_hub_answers", lambda: True)

    def download(model: str, **options) -> str:
        raise OSError("disk full\nand more")

    monkeypatch.setattr(location, "snapshot_download", download)
    with pytest.raises(BadCheckpoint, match=r"failed \(disk full\)"):
        location.locate("some/model")


def test_the_starter_is_beside_the_presets(
    tiny_mono: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "files", lambda package: tmp_path)
    with pytest.raises(BadCheckpoint, match="starter model is not part"):
        location.locate("starter")
    shutil.copytree(tiny_mono, tmp_path / "models" / "starter")
    assert read_info("starter").name == "starter"
