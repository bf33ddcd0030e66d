"""What shorter numbers cost: each precision of a CPU against float32.

On the starter (real weights) and on a model of musicgen-small's sizes with random weights, whose
figures tell of the arithmetic alone. Both are told the same codes, those that float32 drew (random
ones for the second), one step after the other through the cache, guided as a take is. So the
distributions of the same step are compared, and no difference grows out of an earlier one.

quality_*_kl: Kullback-Leibler divergence from float32's distribution of a code, nats.
quality_*_agreement: share of the codes whose most likely entry is the same.
quality_*_greedy: of a greedy take of its own, frames until the first code that differs (median).
quality_*_spectrum: each step's codes drawn from both with the same noise, and decoded: RMS of the
    difference of their mel spectra in dB. baseline: float32 against itself with other noise.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Sequence

import numpy as np
import torch
import torchaudio
from torch import Tensor

from core.figures import Figures
from core.generation.guidance import guide
from core.generation.params import Prompt, SamplingParams
from core.generation.sampling import draw
from core.generation.token_stream import TokenStream
from core.model import int4_linear, int8_linear
from core.model.checkpoint import LoadedModel, load_checkpoint
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel, LMState
from core.model.packed_linear import pack
from tests.benchmarks.bench_lm import figure

PROMPTS = (
    "funky drums and bass at 110 bpm", "calm ambient pads, 80 bpm",
    "rock guitars, 140 bpm", "house piano and drums, 124 bpm",
)  # fmt: skip
SHORTER = ("bfloat16", "int8", "int4")
FRAMES = 200
GREEDY_FRAMES = 500
SMALL_STEPS = 60
GUIDANCE = 3.0


@torch.inference_mode()
def figures() -> Figures:
    torch.manual_seed(0)
    return starter() | small()


def starter() -> Figures:
    plain = load_checkpoint("starter")
    takes = [taken(plain, text, SamplingParams(seed=i), FRAMES) for i, text in enumerate(PROMPTS)]
    exact = [told(plain, text, codes) for text, codes in zip(PROMPTS, takes, strict=True)]
    greedy = [taken(plain, text, SamplingParams(greedy=True), GREEDY_FRAMES) for text in PROMPTS]
    sound = [heard(plain, one, 0) for one in exact]
    usual = distance(sound, [heard(plain, one, 1) for one in exact])
    found: Figures = {}
    for precision in SHORTER:
        model = load_checkpoint("starter", precision=precision)
        made = [told(model, text, codes) for text, codes in zip(PROMPTS, takes, strict=True)]
        name = f"quality_starter_{precision}"
        found |= compared(name, torch.cat(exact), torch.cat(made))
        firsts = [
            first_difference(taken(model, text, SamplingParams(greedy=True), GREEDY_FRAMES), codes)
            for text, codes in zip(PROMPTS, greedy, strict=True)
        ]
        found[f"{name}_greedy"] = figure(statistics.median(firsts), "frames", GREEDY_FRAMES)
        apart = distance(sound, [heard(plain, one, 0) for one in made])
        found[f"{name}_spectrum"] = figure(apart, "dB", usual)
    return found


def small() -> Figures:
    config = ModelConfig()
    plain = LanguageModel(config).eval().requires_grad_(False)
    states = torch.randn(1, 12, config.text_hidden)
    codes = torch.randint(config.vocab, (config.codebooks, SMALL_STEPS)).numpy()
    found: Figures = {}
    exact: Tensor | None = None
    for precision in ("float32", *SHORTER):
        model = copy.deepcopy(plain)
        match precision:
            case "int8":
                int8_linear.quantise(model)
            case "int4":
                int4_linear.quantise(model)
            case dtype:
                pack(model.to(getattr(torch, dtype)))
        text = model.text_keys(model.project_text(states.to(model.dtype)))
        made = stepped(model, model.new_state(2, SMALL_STEPS, text), codes)
        exact = made if exact is None else exact
        if precision != "float32":
            found |= compared(f"quality_small_{precision}", exact, made)
    return found


def taken(loaded: LoadedModel, text: str, sampling: SamplingParams, frames: int) -> np.ndarray:
    """A take's codes [K,frames]."""
    stream = TokenStream(
        loaded.lm, loaded.conditioner, Prompt(text), sampling, None, frames, closed=False
    )
    while stream.next_frame() is not None:
        pass
    return stream.codes()


def told(loaded: LoadedModel, text: str, codes: np.ndarray) -> Tensor:
    keys = loaded.conditioner.text_keys(Prompt(text))
    return stepped(loaded.lm, loaded.lm.new_state(2, codes.shape[1], keys), codes)


def stepped(lm: LanguageModel, state: LMState, codes: np.ndarray) -> Tensor:
    """Guided logits [S,K,V] of each step that has all codebooks, told `codes` [K,F] before it."""
    books, frames = codes.shape
    delayed = np.full((books, frames + 1), lm.config.special_token)
    for book, delay in enumerate(lm.config.delays):
        delayed[book, 1 + delay :] = codes[book, : frames - delay]
    columns = torch.from_numpy(delayed).t()[:-1]
    logits = [guide(lm.step(column[None], state).float(), GUIDANCE) for column in columns]
    return torch.stack(logits[lm.config.max_delay :])


def compared(name: str, exact: Tensor, made: Tensor) -> Figures:
    before, after = exact.log_softmax(-1), made.log_softmax(-1)
    apart = (before.exp() * (before - after)).sum(-1).mean().item()
    same = (exact.argmax(-1) == made.argmax(-1)).float().mean().item()
    return {
        f"{name}_kl": figure(apart, "nats"),
        f"{name}_agreement": figure(same, "share of codes"),
    }


def heard(loaded: LoadedModel, logits: Tensor, seed: int) -> Tensor:
    """Sound [samples] of what is drawn from `logits` [S,K,V], the same noise for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack([draw(one, SamplingParams(), generator) for one in logits]).t()  # [K,S]
    delays, frames = loaded.config.delays, drawn.shape[1] - max(loaded.config.delays)
    rows = [drawn[book, delay : delay + frames] for book, delay in enumerate(delays)]
    codes = torch.stack(rows)[None, None]
    return loaded.codec.decode(codes, [None])[0][0, 0]  # pyright: ignore[reportArgumentType]


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """RMS of the difference of mel spectra in dB, nothing below -80 dB of the loudest."""
    mel = torchaudio.transforms.MelSpectrogram(32_000, n_fft=2_048, hop_length=640, n_mels=64)
    squares = [((_decibels(mel(a)) - _decibels(mel(b))) ** 2).mean() for a, b in zip(
        one, other, strict=True)]  # fmt: skip
    return float(torch.stack(squares).mean().sqrt())


def _decibels(power: Tensor) -> Tensor:
    return 10 * torch.log10(power.clamp(min=float(power.max()) * 1e-8))


def first_difference(one: np.ndarray, other: np.ndarray) -> int:
    """Frames that are the same at the beginning."""
    differs = (one != other).any(0)
    return int(differs.argmax()) if differs.any() else one.shape[1]
