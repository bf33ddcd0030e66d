"""Adapters beside a model: equal to merged weights, blended, and gone without a trace."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.errors import BadAdapter
from core.generation.params import Prompt, is_adapter_name
from core.model.adapter_file import PREFIX, Origin, read_adapter, write_adapter
from core.model.adapter_location import adapters_folder, locate_adapter
from core.model.adapters import Adapter, AdapterBlend, TrainableAdapter
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.model.packed_linear import can_pack, pack
from tests.core.model.tiny_adapters import make_adapter, random_paths
from tests.core.tiny_checkpoints import VOCAB, AnyMusicgen, tiny_model, tiny_tokenizer

STEPS = 12


def config_of(theirs: AnyMusicgen) -> ModelConfig:
    return ModelConfig.from_hugging_face(theirs.config.to_dict())


def model_of(theirs: AnyMusicgen) -> LanguageModel:
    made = LanguageModel.from_hugging_face(copy.deepcopy(theirs.state_dict()), config_of(theirs))
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=["mono", "stereo"])
def theirs(request: pytest.FixtureRequest) -> AnyMusicgen:
    return tiny_model(stereo=request.param == "stereo")


@pytest.fixture(scope="module")
def mono() -> AnyMusicgen:
    return tiny_model()


def codes_of(config: ModelConfig) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(VOCAB + 1, (2, config.codebooks, STEPS), generator=generator)


def text_states() -> torch.Tensor:
    return torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(1))


def logits_of(lm: LanguageModel) -> torch.Tensor:
    with torch.no_grad():
        return lm(codes_of(lm.config), text_states())


def stepped(lm: LanguageModel) -> torch.Tensor:
    """Logits of a prefill of four positions and steps from there, [2,K,S-3,V]."""
    codes = codes_of(lm.config)
    with torch.inference_mode():
        text = lm.text_keys(lm.project_text(text_states()))
        state = lm.new_state(2, STEPS, text)
        made = [lm.prefill(codes[..., :4], state)]
        made += [lm.step(codes[..., at], state) for at in range(4, STEPS)]
    return torch.stack(made, dim=2).clone()


# ------------------------------------------------------------------ what it computes


def test_an_adapter_is_its_product_added_to_the_weights(theirs, tmp_path: Path) -> None:
    """The oracle: transformers with W + weight · alpha / rank · B A, by the file's own names."""
    lm, config = model_of(theirs), config_of(theirs)
    path = make_adapter(tmp_path / "a.safetensors", config, rank=3, alpha=6)
    AdapterBlend(lm).put("a", read_adapter(path, config), 0.7)
    merged = copy.deepcopy(theirs)
    tensors = load_file(path)
    weights = merged.state_dict()
    for key, down in tensors.items():
        if key.endswith("lora_A.weight"):
            module = key.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            up = tensors[key.replace("lora_A", "lora_B")].float()
            weights[f"{module}.weight"] += 0.7 * 6 / 3 * up @ down.float()
    with torch.no_grad():
        expected = merged(
            encoder_outputs=(text_states(),), decoder_input_ids=codes_of(config).flatten(0, 1)
        ).logits.view(2, config.codebooks, STEPS, VOCAB)
    made = logits_of(lm)
    torch.testing.assert_close(made, expected, atol=2e-3, rtol=2e-3)
    assert (made - logits_of(model_of(theirs))).abs().max() > 0.1


def test_steps_are_what_the_whole_sequence_gives_packed_too(theirs) -> None:
    config = config_of(theirs)
    for packs in (False, True):
        lm = model_of(theirs)
        if packs and not (can_pack(lm) and pack(lm)):
            continue
        AdapterBlend(lm).put("a", Adapter(random_paths(config), 1.5), 1.2)
        torch.testing.assert_close(stepped(lm), logits_of(lm)[:, :, 3:], atol=2e-3, rtol=2e-3)


def test_two_adapters_add_up(mono) -> None:
    """Their sum is one adapter with both matrices' rows."""
    config, lm, other = config_of(mono), model_of(mono), model_of(mono)
    one, two = random_paths(config, 1, rank=2), random_paths(config, 2, rank=5, targets=("ffn",))
    blend = AdapterBlend(lm)
    blend.put("one", Adapter(one, 2.0), 0.5)
    blend.put("two", Adapter(two, 0.4), 2.0)
    once = AdapterBlend(other)
    once.put("two", Adapter(two, 0.4), 2.0)
    once.put("one", Adapter(one, 2.0), 1.9)
    once.weigh("one", 0.5)
    torch.testing.assert_close(logits_of(lm), logits_of(other), atol=1e-4, rtol=1e-4)
    blend.drop("one")
    once.drop("one")
    assert torch.equal(logits_of(lm), logits_of(other))


@pytest.mark.parametrize("how", ["never heard", "weighed to 0", "dropped"])
def test_weight_0_gives_the_same_bits(mono, how: str) -> None:
    plain, lm = model_of(mono), model_of(mono)
    pack(plain)
    pack(lm)
    blend = AdapterBlend(lm)
    blend.put("a", Adapter(random_paths(lm.config), 1.0), 0.0 if how == "never heard" else 1.0)
    if how == "weighed to 0":
        assert not torch.equal(stepped(lm), stepped(plain))
        blend.weigh("a", 0.0)
    elif how == "dropped":
        blend.drop("a")
    assert torch.equal(stepped(lm), stepped(plain))
    assert not any(module._forward_hooks for module in lm.modules())  # no cost either


def test_half_precision_follows_the_model(mono) -> None:
    lm = model_of(mono).to(torch.bfloat16)
    blend = AdapterBlend(lm)
    blend.put("a", Adapter(random_paths(lm.config), 1.0), 1.0)
    assert {path.up.dtype for path in blend.adapters["a"].paths.values()} == {torch.bfloat16}
    with torch.no_grad():
        assert torch.isfinite(lm(codes_of(lm.config), text_states().bfloat16())).all()


def test_the_prompts_keys_are_made_anew_without_the_text_encoder(mono) -> None:
    lm = model_of(mono)
    calls = []

    def encoder(**given: torch.Tensor):
        calls.append(1)
        return mono.text_encoder(**given)

    conditioner = Conditioner(encoder, tiny_tokenizer(), lm)
    before = conditioner.text_keys(Prompt("slow piano"))
    blend = AdapterBlend(lm)
    assert not blend.put("ffn", Adapter(random_paths(lm.config, targets=("ffn",)), 1.0), 1.0)
    assert conditioner.text_keys(Prompt("slow piano")) is before
    assert blend.put("a", Adapter(random_paths(lm.config), 1.0), 1.0)
    conditioner.forget_keys()
    after = conditioner.text_keys(Prompt("slow piano"))
    assert before is not None
    assert after is not None
    assert not torch.equal(before.layers[0][0], after.layers[0][0])
    blend.drop("a")
    conditioner.forget_keys()
    again = conditioner.text_keys(Prompt("slow piano"))
    assert again is not None
    assert torch.equal(before.layers[0][0], again.layers[0][0])
    assert len(calls) == 1


# ------------------------------------------------------------------ training's side


def test_what_is_trained_is_what_plays(mono, tmp_path: Path) -> None:
    """Only the adapter learns; written, read and blended it computes what it did in training."""
    lm, config = model_of(mono), config_of(mono)
    plain = logits_of(lm)
    learning = TrainableAdapter(config, rank=2, alpha=4)
    handles = learning.attach(lm)
    torch.testing.assert_close(logits_of(lm), plain, atol=0, rtol=0)  # up starts with zeros
    lm(codes_of(config), text_states()).square().mean().backward()
    assert all(matrix.grad is not None for matrix in learning.up)
    assert all(weight.grad is None for weight in lm.parameters())
    with torch.no_grad():
        for matrix in learning.up:
            matrix.normal_(0, 0.1)
    trained = logits_of(lm)
    for handle in handles:
        handle.remove()
    assert torch.equal(logits_of(lm), plain)
    path = tmp_path / "new" / "trained.safetensors"
    write_adapter(path, learning.paths(), 2, 4.0, config, Origin("tiny", ""))
    AdapterBlend(lm).put("a", read_adapter(path, config), 1.0)
    torch.testing.assert_close(logits_of(lm), trained, atol=0.05, rtol=0.02)  # float16


# ------------------------------------------------------------------ files


def test_the_file_says_what_it_is(mono, tmp_path: Path) -> None:
    config = config_of(mono)
    path = make_adapter(tmp_path / "a.safetensors", config, base_digest="feed" * 4)
    before = path.read_bytes()
    with safe_open(path, "pt") as opened:
        said = opened.metadata()
        names = set(opened.keys())
    assert said["rank"] == "3"
    assert said["lora_alpha"] == "6"
    assert said["base_digest"] == "feed" * 4
    assert said["made_with"].startswith("daw-bridge ")
    first = f"{PREFIX}decoder.model.decoder.layers.0.self_attn"
    assert {f"{first}.{part}_proj.lora_A.weight" for part in "qkv"} <= names
    adapter = read_adapter(path, config, "feed" * 4)
    assert (adapter.scale, adapter.trigger, adapter.licence) == (2.0, "zither", "cc-by-4.0")
    assert len(adapter.digest) == 16
    assert make_adapter(path, config, base_digest="feed" * 4).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_an_adapter_of_peft_with_ways_down_of_its_own(mono, tmp_path: Path) -> None:
    """As peft makes it: query and value alone, each its own A; alpha in the file beside."""
    config, lm = config_of(mono), model_of(mono)
    tensors = {}
    for layer in range(config.layers):
        for part in "qv":
            module = f"{PREFIX}decoder.model.decoder.layers.{layer}.self_attn.{part}_proj"
            tensors[f"{module}.lora_A.weight"] = torch.randn(2, config.hidden)
            tensors[f"{module}.lora_B.weight"] = torch.randn(config.hidden, 2)
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 1}))
    adapter = read_adapter(tmp_path / "adapter_model.safetensors", config)
    assert adapter.scale == 0.5
    AdapterBlend(lm).put("a", adapter, 1.0)
    weights = {k: v.clone() for k, v in mono.state_dict().items()}
    for key, down in tensors.items():
        if "lora_A" in key:
            module = key.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            weights[f"{module}.weight"] += 0.5 * tensors[key.replace("lora_A", "lora_B")] @ down
    merged = LanguageModel.from_hugging_face(weights, config).eval()
    torch.testing.assert_close(logits_of(lm), logits_of(merged), atol=2e-3, rtol=2e-3)


def broken(path: Path, how: str, config: ModelConfig) -> Path:
    tensors = load_file(path)
    some = next(iter(tensors))
    match how:
        case "missing":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[:-9])
        case "text":
            path.write_text("this is a song")
        case "nan":
            tensors[some][0, 0] = float("nan")
        case "foreign":
            tensors["decoder.lm_heads.0.weight"] = torch.zeros(2, 2)
        case "half":
            del tensors[some]
        case "layer":
            for half in "AB":
                name = f"{PREFIX}decoder.model.decoder.layers.9.fc1.lora_{half}.weight"
                tensors[name] = torch.zeros(3, 3)
        case "nothing":
            tensors = {}
    if how in ("nan", "foreign", "half", "layer", "nothing"):
        save_file(tensors, path)
    if how == "sizes":
        make_adapter(path, ModelConfig(hidden=64, layers=2, heads=4, ffn=64, vocab=VOCAB))
    if how == "sizes unsaid":
        make_adapter(path, ModelConfig(hidden=64, layers=2, heads=4, ffn=64, vocab=VOCAB))
        save_file(load_file(path), path)
    if how == "weights":
        make_adapter(path, config, base_digest="0123456789abcdef")
    if how == "alpha":
        save_file(tensors, path, {"lora_alpha": "loud"})
    if how == "ranks":
        tensors[some] = torch.cat((tensors[some], tensors[some]))
        other = some.replace("lora_A", "lora_B")
        tensors[other] = torch.cat((tensors[other], tensors[other]), dim=1)
        save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "No such file"),
        ("folder", "is not a file"),
        ("pipe", "is not a file"),
        ("empty", "cut short"),
        ("cut", "cut short"),
        ("text", "cut short or no safetensors"),
        ("nan", "numbers that are none"),
        ("foreign", "lm_heads.0.weight', which is no part"),
        ("half", "lacks one of its two"),
        ("layer", r"there is no .*layers\.9\.fc1 here"),
        ("nothing", "empty"),
        ("sizes", "is for tiny .hidden_size 64, here 32"),
        ("sizes unsaid", "is for another model: its .* is 64 × 64, here it is 32 × 32"),
        ("weights", "other weights .tiny 0123456789abcdef, here they are feedfeedfeedfeed"),
        ("alpha", "lora_alpha 'loud'"),
        ("ranks", "mixes ranks"),
    ],
)
def test_a_bad_file_is_one_line(mono, tmp_path: Path, how: str, says: str) -> None:
    config = config_of(mono)
    path = make_adapter(tmp_path / "bad.safetensors", config)
    with pytest.raises(BadAdapter, match=says) as refused:
        read_adapter(broken(path, how, config), config, "feed" * 4)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_damaged_byte_never_surprises(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    config = ModelConfig(hidden=8, layers=1, heads=2, ffn=8, vocab=16)
    path = make_adapter(tmp_path_factory.mktemp("a") / "a.safetensors", config)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    with contextlib.suppress(BadAdapter):  # any other error fails the test
        read_adapter(path, config)


# ------------------------------------------------------------------ names


def test_names_are_found_in_the_users_folder(mono) -> None:
    path = make_adapter(adapters_folder() / "warm tape.safetensors", config_of(mono))
    assert locate_adapter("warm tape") == path.resolve()
    assert locate_adapter("warm tape.safetensors") == path.resolve()
    assert locate_adapter(str(path)) == path.resolve()
    with pytest.raises(BadAdapter, match=r"no adapter 'wram tape' in .*; there are: warm tape"):
        locate_adapter("wram tape")
    with pytest.raises(BadAdapter, match="there is no adapter /nowhere/x; check"):
        locate_adapter("/nowhere/x")


@given(asked=st.text(max_size=300))
def test_a_name_never_leaves_the_folder(asked: str) -> None:
    if is_adapter_name(asked):
        assert (adapters_folder() / asked).parent == adapters_folder()
    try:
        found = locate_adapter(asked)
    except BadAdapter:  # any other error fails the test
        pass
    else:
        assert not is_adapter_name(asked) or found.parent == adapters_folder().resolve()
