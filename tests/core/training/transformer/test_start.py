"""The structured start: a pulse in the tempo that the text names, and the codes' frequencies."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.training.transformer.start import prepare
from core.training.transformer.text import make_tokenizer, small_t5

HEADS = ((0, math.cos, 1), (1, math.sin, 1), (2, math.cos, 4), (3, math.sin, 4))


def _model(hidden: int = 256, heads: int = 4) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(
        ModelConfig(hidden=hidden, layers=2, heads=heads, ffn=512, text_hidden=192, dropout=0.0)
    )


@torch.no_grad()
def _attention_to_tempo(model: LanguageModel, tempo: int, frames: int) -> np.ndarray:
    """How much each head of the first layer looks at the tempo's token [heads, frames]."""
    tokenizer = make_tokenizer(["energetic house drums at 120 bpm"] * 3)
    text = small_t5(len(tokenizer), 192)
    prepare(model, text, tokenizer, torch.ones(4, model.config.vocab))
    tokens = tokenizer(f"energetic house drums at {tempo} bpm", return_tensors="pt")
    states = model.project_text(text(**tokens).last_hidden_state)
    first = model.layers[0].cross_attn
    keys, _ = first.text_keys(states)
    codes = torch.randint(0, model.config.vocab, (1, 4, frames))
    x = model.layers[0].cross_attn_norm(model._embed(codes, 0))
    query = first._heads(first.q_proj(x))
    weights = torch.softmax(query @ keys.transpose(2, 3) * first.scale, -1)[0]
    place = tokens.input_ids[0].tolist().index(tokenizer.convert_tokens_to_ids(f"▁{tempo}"))
    return weights[..., place].numpy()


@pytest.mark.parametrize("tempo", [75, 110, 128, 160])
def test_heads_pulse_once_a_beat_and_once_a_bar(tempo: int):
    bar = round(50 * 60 / tempo * 4)
    seen = _attention_to_tempo(_model(), tempo, bar)
    turn = 2 * math.pi * np.arange(bar) * tempo / 60 / 50
    for head, wave, beats in HEADS:
        right = np.corrcoef(seen[head], [wave(t / beats) for t in turn])[0, 1]
        assert right > 0.65, (head, right)
    # and the pulse is this tempo's, not another's
    other = 2 * math.pi * np.arange(bar) * tempo * 1.5 / 60 / 50
    assert np.corrcoef(seen[0], np.cos(other))[0, 1] < np.corrcoef(seen[0], np.cos(turn))[0, 1]


def test_a_model_without_room_gets_embeddings_alone():
    model = _model(hidden=64, heads=2)
    before = model.layers[0].cross_attn.q_proj.weight.clone()
    tokenizer = make_tokenizer(["drums at 120 bpm"] * 3)
    prepare(model, small_t5(len(tokenizer), 192), tokenizer, torch.ones(4, model.config.vocab))
    assert torch.equal(model.layers[0].cross_attn.q_proj.weight, before)
    assert float(model.embed_codes.weight.detach().std()) == pytest.approx(0.3, rel=0.02)


@torch.no_grad()
def test_it_starts_with_the_codes_frequencies_and_a_quiet_residual():
    model = _model()
    tokenizer = make_tokenizer(["drums at 120 bpm"] * 3)
    torch.manual_seed(1)
    counts = torch.distributions.Exponential(0.001).sample((4, model.config.vocab)).round()
    prepare(model, small_t5(len(tokenizer), 192), tokenizer, counts)
    codes = torch.randint(0, model.config.vocab, (2, 4, 60))
    shares = torch.softmax(model(codes), -1).mean((0, 2))
    wanted = (counts + 1) / (counts + 1).sum(1, keepdim=True)
    # Kullback-Leibler divergence in nats: uniform shares would be 0.42 away
    assert float((wanted * (wanted / shares).log()).sum(1).max()) < 0.1
    states = model._embed(codes, 0)
    for layer in model.layers:
        states = layer(states, None, None)
    assert float(states.pow(2).mean().sqrt()) < 2.0
