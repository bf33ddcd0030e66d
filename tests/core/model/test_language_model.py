from __future__ import annotations

import copy

import pytest
import torch
from transformers.models.musicgen.modeling_musicgen import MusicgenSinusoidalPositionalEmbedding

from core.errors import BadCheckpoint
from core.generation.params import Prompt
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.kv_cache import KVCache
from core.model.language_model import LanguageModel, sinusoidal_positions
from core.model.packed_linear import PackedLinear, pack
from core.packed_weights import OFF_SWITCH
from tests.core.tiny_checkpoints import VOCAB, tiny_model, tiny_tokenizer

ROWS, STEPS, TOKENS = 2, 40, 6


@pytest.fixture(scope="module", params=["mono", "stereo"])
def theirs(request: pytest.FixtureRequest):
    return tiny_model(stereo=request.param == "stereo")


@pytest.fixture(scope="module")
def lm(theirs) -> LanguageModel:
    config = ModelConfig.from_hugging_face(theirs.config.to_dict())
    return LanguageModel.from_hugging_face(theirs.state_dict(), config).eval()


def codes_of(lm: LanguageModel, rows: int = ROWS, steps: int = STEPS) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(VOCAB + 1, (rows, lm.config.codebooks, steps), generator=generator)


def text_states() -> torch.Tensor:
    return torch.randn(ROWS, TOKENS, 24, generator=torch.Generator().manual_seed(1))


# ------------------------------------------------------------------ teacher forcing


@pytest.mark.parametrize("mask", [[6, 6], [6, 3], [6, 0]], ids=["full", "padded", "dropped"])
def test_forward_is_transformers(theirs, lm: LanguageModel, mask: list[int]) -> None:
    codes, states = codes_of(lm), text_states()
    seen = torch.tensor([[1] * length + [0] * (TOKENS - length) for length in mask])
    with torch.no_grad():
        expected = theirs(
            encoder_outputs=(states,),
            attention_mask=seen,
            decoder_input_ids=codes.flatten(0, 1),
        ).logits.view(ROWS, lm.config.codebooks, STEPS, VOCAB)
        torch.testing.assert_close(lm(codes, states, seen), expected, atol=1e-4, rtol=1e-4)


def test_a_row_without_text_is_a_model_without_text(lm: LanguageModel) -> None:
    codes = codes_of(lm)
    with torch.no_grad():
        dropped = lm(codes, text_states(), torch.zeros(ROWS, TOKENS))
        torch.testing.assert_close(dropped, lm(codes), atol=1e-5, rtol=1e-5)


def test_gradients_reach_every_weight(lm: LanguageModel) -> None:
    model = copy.deepcopy(lm).train()
    mask = torch.tensor([[1] * TOKENS, [0] * TOKENS])
    logits = model(codes_of(model), text_states(), mask)
    entries = logits.flatten(0, 2)
    target = torch.randint(VOCAB, (entries.shape[0],))
    torch.nn.functional.cross_entropy(entries, target).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_training_after_inference_with_the_same_model(lm: LanguageModel) -> None:
    """The table of positions grown inside inference mode does not poison autograd."""
    model = copy.deepcopy(lm)
    with torch.inference_mode():
        model(codes_of(model))
    model.train()(codes_of(model), text_states()).sum().backward()


def test_offset_moves_the_positions(lm: LanguageModel) -> None:
    codes = codes_of(lm, steps=1)
    with torch.no_grad():
        moved = lm(codes, offset=5_000)
    assert moved.isfinite().all()
    assert not torch.allclose(moved, lm(codes))


def test_positions_are_transformers_at_any_length() -> None:
    expected = MusicgenSinusoidalPositionalEmbedding.get_embedding(4_000, 32)
    torch.testing.assert_close(sinusoidal_positions(0, 4_000, 32), expected)
    torch.testing.assert_close(sinusoidal_positions(3_990, 10, 32), expected[3_990:])


# ------------------------------------------------------------------ step by step


@pytest.mark.parametrize("begun", [1, 7])
@pytest.mark.parametrize("told", [0, 1, 2])
@torch.inference_mode()
def test_steps_are_the_teacher_forced_logits(lm: LanguageModel, begun: int, told: int) -> None:
    """Prefill and steps, whatever number of the rows sees a text."""
    codes, states = codes_of(lm), text_states()
    mask = torch.zeros(ROWS, TOKENS)
    mask[:told] = 1
    expected = lm(codes, states, mask)
    text = lm.text_keys(lm.project_text(states[:told])) if told else None
    state = lm.new_state(ROWS, 4, text)  # less than needed: it grows
    logits = lm.prefill(codes[..., :begun], state)
    torch.testing.assert_close(logits, expected[:, :, begun - 1], atol=1e-4, rtol=1e-4)
    for step in range(begun, STEPS):
        logits = lm.step(codes[..., step], state)
        torch.testing.assert_close(logits, expected[:, :, step], atol=1e-4, rtol=1e-4)
    assert state.cache.length == STEPS


@torch.inference_mode()
def test_one_row_of_codes_serves_all_rows(lm: LanguageModel) -> None:
    codes = codes_of(lm, rows=1)
    both, one = lm.new_state(2, STEPS), lm.new_state(1, STEPS)
    expected = lm.prefill(codes[..., :5], one)
    torch.testing.assert_close(lm.prefill(codes[..., :5], both), expected.expand(2, -1, -1))
    expected = lm.step(codes[..., 5], one)
    torch.testing.assert_close(lm.step(codes[..., 5], both), expected.expand(2, -1, -1))


def test_cache_rows_can_be_taken_apart_and_joined() -> None:
    config = ModelConfig(hidden=8, heads=2, layers=2)
    cache = KVCache.allocate(config, rows=2, capacity=5)
    cache.keys.normal_()
    cache.values.normal_()
    cache.length = 3
    again = cache.row(0).joined(cache.row(1))
    assert torch.equal(again.keys[:, :, :3], cache.keys[:, :, :3])
    assert torch.equal(again.values[:, :, :3], cache.values[:, :, :3])
    twice = cache.row(1).picked([0, 0])
    assert torch.equal(twice.keys[:, :2, :3], cache.keys[:, 2:, :3])
    assert torch.equal(twice.keys[:, 2:, :3], cache.keys[:, 2:, :3])
    before = cache.keys[:, :, :3].clone()
    cache.reserve(100)
    assert cache.capacity >= 100
    assert torch.equal(cache.keys[:, :, :3], before)
    with pytest.raises(ValueError, match="join"):
        cache.joined(KVCache.allocate(config, 1, 5))


@torch.inference_mode()
def test_codes_may_be_read_in_pieces(lm: LanguageModel) -> None:
    codes = codes_of(lm, rows=1)
    text = lm.text_keys(torch.randn(1, 3, lm.config.hidden))
    whole, pieces = (lm.new_state(2, STEPS, text) for _ in range(2))
    expected = lm.prefill(codes, whole)
    for start, stop in ((0, 3), (3, 4), (4, STEPS)):
        made = lm.prefill(codes[..., start:stop], pieces)
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(pieces.cache.keys, whole.cache.keys)
    torch.testing.assert_close(pieces.cache.values, whole.cache.values)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_half_precision_steps(lm: LanguageModel, dtype: torch.dtype) -> None:
    model = copy.deepcopy(lm).to(dtype)
    state = model.new_state(1, STEPS)
    codes = codes_of(model, rows=1)
    model.prefill(codes[..., :3], state)
    logits = model.step(codes[..., 3], state)
    assert logits.dtype == dtype
    assert logits.isfinite().all()


# ------------------------------------------------------------------ weights


def test_weights_go_there_and_back(theirs, lm: LanguageModel) -> None:
    back = lm.to_hugging_face()
    expected = {
        name: one
        for name, one in theirs.state_dict().items()
        if name.startswith(("decoder.", "enc_to_dec_proj."))
    }
    assert back.keys() == expected.keys()
    assert all(torch.equal(back[name], expected[name]) for name in back)
    other = LanguageModel(lm.config)
    other.load_hugging_face(back)
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), lm.parameters(), strict=True))


def test_a_missing_or_misshapen_weight_is_named(lm: LanguageModel) -> None:
    weights = lm.to_hugging_face()
    name = "decoder.model.decoder.layers.1.fc2.weight"
    with pytest.raises(BadCheckpoint, match="shape"):
        LanguageModel.from_hugging_face(weights | {name: torch.zeros(3, 3)}, lm.config)
    del weights[name]
    with pytest.raises(BadCheckpoint, match=r"lack decoder.*fc2\.weight"):
        LanguageModel.from_hugging_face(weights, lm.config)


def test_config_survives_hugging_face(theirs) -> None:
    raw = theirs.config.to_dict()
    config = ModelConfig.from_hugging_face(raw)
    again = config.to_hugging_face(raw["text_encoder"], raw["audio_encoder"])
    assert ModelConfig.from_hugging_face(again) == config
    assert type(theirs.config)(**again).decoder.num_codebooks == config.codebooks


# ------------------------------------------------------------------ packed weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_packed_weights_compute_the_same(lm: LanguageModel, dtype: torch.dtype) -> None:
    lm = copy.deepcopy(lm).to(dtype)
    packed = copy.deepcopy(lm)
    if not pack(packed):
        pytest.skip(f"this machine's oneDNN does not multiply {dtype}")
    near = 1e-4 if dtype == torch.float32 else 3e-2
    assert isinstance(packed.heads, PackedLinear)
    codes, text = codes_of(lm), lm.text_keys(lm.project_text(text_states()[:1].to(dtype)))
    for rows in (1, 2):
        plain_state, state = lm.new_state(rows, STEPS, text), packed.new_state(rows, STEPS, text)
        expected = lm.prefill(codes[:1, :, :5], plain_state)
        torch.testing.assert_close(
            packed.prefill(codes[:1, :, :5], state), expected, atol=near, rtol=near
        )
        expected = lm.step(codes[:1, :, 5], plain_state)
        torch.testing.assert_close(
            packed.step(codes[:1, :, 5], state), expected, atol=near, rtol=near
        )


def test_packing_has_an_off_switch(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF_SWITCH, "0")
    assert not pack(copy.deepcopy(lm))
    monkeypatch.delenv(OFF_SWITCH)
    assert not pack(copy.deepcopy(lm).half())


# ------------------------------------------------------------------ text


def test_prompts_are_encoded_once_and_forgotten_in_turn(theirs, lm: LanguageModel) -> None:
    asked: list[int] = []

    def encoder(**kwargs: torch.Tensor):
        asked.append(kwargs["input_ids"].shape[1])
        return theirs.text_encoder(**kwargs)

    conditioner = Conditioner(encoder, tiny_tokenizer(), lm, keep=2)
    for text in ("one", "two", "one", "three", "one", "two"):
        assert conditioner.text_keys(Prompt(text)) is not None
    assert len(asked) == 4  # "two" was the one used longest ago when "three" came
    assert conditioner.text_keys(Prompt("")) is None
    assert conditioner.text_keys(Prompt(" \n")) is None
    conditioner.text_keys(Prompt("é日本🎵" * 500))  # the longest prompt, mostly unknown pieces
    conditioner.text_keys(Prompt("x" * 2_000))
    assert max(asked) == 512


def test_padding_does_not_change_a_text(theirs, lm: LanguageModel) -> None:
    conditioner = Conditioner(theirs.text_encoder, tiny_tokenizer(), lm)
    alone, _ = conditioner.text_states(["pads"])
    beside, mask = conditioner.text_states(["pads", "a much longer text"])
    length = int(mask[0].sum())
    torch.testing.assert_close(beside[0, :length], alone[0])
    assert not beside[0, length:].any()
