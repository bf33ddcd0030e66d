"""Where a small MusicGen starts: not from white noise, but from a pulse in the asked tempo.

A model of ten million parameters trained for hours, not months, hears the music of its corpus
long before it learns that "112 bpm" means a beat every 26.8 frames. It cannot count: all it
has of time are sinusoids of fixed rates. So the first layer's cross-attention starts as a
metronome. The token of a tempo holds the weights that make those sinusoids add up to one turn a
beat and one turn a bar (least squares; the sum stays in phase for the first bars, after which
the model has its own beats to follow), and four heads read it: cosine and sine of each.
Everything here is an initial value. Training may keep it, bend it or forget it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import T5EncoderModel, T5Tokenizer

from core.model.language_model import LanguageModel
from core.training.transformer.text import TEMPI, number_tokens
from core.types import FRAME_RATE

EMBEDDING = 0.3  # deviation of code embeddings: 0.02 is lost beside positions of unit size
SHARPNESS, READINESS = 3.0, 2.0  # swing of a pulse, and how far it stands above other words
QUIET = 0.2
LOUDNESS = 0.4  # of a pulse, beside codes and positions of about 0.9
BEATS_A_BAR = 4
SMOOTH = 8  # pairs of slow waves over log tempo, so that near tempi start alike
TURN, BAR = (48.0, 240.0), (12.0, 48.0)  # cycles a minute that each pair of heads reads


def prepare(
    model: LanguageModel, text: T5EncoderModel, tokenizer: T5Tokenizer, counts: Tensor
) -> None:
    """Set the initial weights of a new model. counts: how often each code occurs [K,V]."""
    _quiet_layers(model)
    _frequencies(model, counts)
    _metronome(model, text, tokenizer)


@torch.no_grad()
def _quiet_layers(model: LanguageModel) -> None:
    """What a layer adds is small at the start, the less the more layers there are (GPT-2's way)."""
    for layer in model.layers:
        for last in (layer.self_attn.out_proj, layer.cross_attn.out_proj, layer.fc2):
            last.weight *= 1 / math.sqrt(2 * len(model.layers))


@torch.no_grad()
def _frequencies(model: LanguageModel, counts: Tensor) -> None:
    """The codes' own frequencies, as a bias of the heads: the last channel is made constant.

    MusicGen's heads have no bias. A model that starts without one first learns to be constant:
    its first layer adds a vector forty times the size of the signal, which drowns codes, time
    and text for the rest of the run (measured: version 0 of the starter).
    """
    share = (counts + 1.0).log()
    share = share - share.mean(1, keepdim=True)
    model.norm.weight[-1] = 0.0
    model.norm.bias[-1] = 1.0
    model.heads.weight[:, -1] = share.flatten().to(model.heads.weight)


@torch.no_grad()
def _metronome(model: LanguageModel, text: T5EncoderModel, tokenizer: T5Tokenizer) -> None:
    """Needs four heads of at least 48 in each layer; smaller models get the embeddings alone."""
    embed = model.embed_codes.weight
    embed.normal_(0.0, EMBEDDING)
    heads, width = model.config.heads, model.config.head_dim
    rates = _rates(model.config.hidden)
    bands = [_band(rates, *band) for band in (TURN, BAR)]
    code_width = 2 * sum(len(band) for band in bands)
    words = text.get_input_embeddings().weight
    needed = code_width + 1 + 2 * SMOOTH
    if heads < 4 or model.text_proj is None or words.shape[1] < needed or width < 48:
        return
    half = len(rates)
    for band in bands:  # keep the sinusoids that are read free of the codes
        embed[:, band] = 0.0
        embed[:, band + half] = 0.0

    for block in text.encoder.block:  # T5's layers start quiet, so that a word stays itself
        block.layer[0].SelfAttention.o.weight *= QUIET
        block.layer[1].DenseReluDense.wo.weight *= QUIET
    words[:, :needed] = 0.0
    for tempo, tokens in number_tokens(tokenizer).items():
        code = torch.cat([_weights(rates, band, tempo / turns) for band, turns in
                          zip(bands, (1, BEATS_A_BAR), strict=True)])  # fmt: skip
        for token in tokens:
            words[token, :code_width] = code / code.pow(2).mean().sqrt()
            words[token, code_width] = 1.0
            words[token, code_width + 1 : needed] = _smooth(tempo)

    through = model.text_proj.weight
    through[:needed] = 0.0
    through[:needed, :needed] = torch.eye(needed)
    model.text_proj.bias[:needed] = 0.0

    cross = model.layers[0].cross_attn
    size = torch.stack([words[t, :code_width].norm() for ts in number_tokens(tokenizer).values()
                        for t in ts[:1]]).mean()  # fmt: skip
    # Swing and constant as products of equal weights in query and key, so that the optimizer's
    # steps move both alike (with small keys under large queries the pulse is torn at once);
    # sqrt(width) undoes attention's own scale.
    swing = math.sqrt(SHARPNESS * math.sqrt(2 * width) / float(size))
    lift = math.sqrt(READINESS * math.sqrt(width))
    start = 0
    for pair, band in enumerate(bands):
        count = len(band)
        places = torch.arange(count)
        real = torch.arange(start, start + count)
        imaginary = real + count
        cosine, sine = band, band + half
        for quadrature in (0, 1):
            head = 2 * pair + quadrature
            rows = slice(head * width, (head + 1) * width)
            query, keys = cross.q_proj.weight[rows], cross.k_proj.weight[rows]
            query[:] = 0.0
            keys[:] = 0.0
            cross.v_proj.weight[rows] = 0.0
            cross.v_proj.weight[head * width, code_width] = 1.0
            cross.out_proj.weight[:, head * width].normal_(0.0, LOUDNESS)
            # Re(z·e^iwp) = a·cos - b·sin; Im = a·sin + b·cos
            first, second = (cosine, sine) if quadrature == 0 else (sine, cosine)
            query[places, first] = swing
            query[places + count, second] = swing if quadrature else -swing
            keys[places, real] = swing
            keys[places + count, imaginary] = swing
            # the slowest cosine stands still: a constant that lifts tempi above other words
            query[2 * count, half - 1] = lift
            keys[2 * count, code_width] = lift
        start += 2 * count


def _rates(hidden: int) -> Tensor:
    """Radians a frame of the model's sinusoids, from fast to slow [hidden / 2]."""
    half = hidden // 2
    return torch.exp(torch.arange(half).double() * -(math.log(10_000) / (half - 1)))


def _band(rates: Tensor, low: float, high: float) -> Tensor:
    """Indices of the sinusoids of `low` to `high` cycles a minute."""
    cycles = rates * FRAME_RATE * 60 / (2 * math.pi)
    return torch.nonzero((cycles > low) & (cycles <= high)).flatten()


def _weights(rates: Tensor, band: Tensor, cycles: float) -> Tensor:
    """Weights [2·len(band)], real then imaginary parts, for one turn `cycles` times a minute.

    Least squares against e^(i·w·p) over positions p, at full size for six turns, then fading.
    """
    wanted = 2 * math.pi * cycles / 60 / FRAME_RATE
    positions = torch.arange(1500).double()
    turns = positions * wanted / (2 * math.pi)
    fade = (0.5 + 0.5 * torch.cos(math.pi * ((turns - 6) / 6).clamp(0, 1))).double()
    trust = torch.where(turns < 6, 1.0, 0.1).double()
    basis = torch.exp(1j * positions[:, None] * rates[band][None, :])
    target = torch.exp(1j * positions * wanted) * fade
    ridge = 0.01 * float(trust.sum()) * torch.eye(len(band), dtype=torch.complex128)
    left = (basis.conj().T * trust) @ basis + ridge
    found = torch.linalg.solve(left, (basis.conj().T * trust) @ target)
    return torch.cat([found.real, found.imag]).float()


def _smooth(tempo: float) -> Tensor:
    """2·SMOOTH slow waves over the tempo's logarithm, unit size."""
    place = math.log(tempo / TEMPI[0]) / math.log(TEMPI[-1] / TEMPI[0])
    angles = math.pi * place * torch.arange(1, SMOOTH + 1)
    return torch.cat([angles.cos(), angles.sin()])
