"""A CUDA device: steps a second of three sizes, first sound, streamed decode, memory.

    python -m tests.benchmarks.bench_gpu --out DIR     DIR/gpu.json has each figure at once
    python -m tests.benchmarks.bench_gpu --rehearse    tiny sizes on the CPU: does all of it run?

Weights are random and of the public sizes, so nothing is downloaded. Ours are the engine's own
parts with its defaults (float16, drawn, guided); transformers' are greedy on the same weights,
which spares it the draw. Its steps are timed at four lengths of context, ours one by one over a
whole window.

The bound of a step is the time in which its weights, and the cache that is there on average, are
read at the bandwidth that copying 2 GB on the device reaches (bytes read and written).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from transformers import (
    EncodecConfig,
    EncodecModel,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    T5Config,
    T5EncoderModel,
)

from core.figures import Figures, table, write
from core.generation.generator import Generator
from core.generation.params import Prompt, SamplingParams
from core.model.acceleration import prepare
from core.model.checkpoint import CheckpointInfo, LoadedModel
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from tests.core.tiny_checkpoints import tiny_codec_config, tiny_tokenizer

TEXT = "warm analog pads over a slow drum machine"
SIZES = {"small": (24, 1_024), "medium": (48, 1_536), "large": (48, 2_048)}
CONTEXTS = (0, 500, 1_000, 1_400)  # where transformers is timed
THEIR_STEPS = 60
FIRST_SOUNDS = 20


@dataclass(frozen=True)
class Bench:
    device: torch.device
    dtype: torch.dtype
    sizes: dict[str, tuple[int, int]]
    frames: int
    note: Callable[[Figures], None]

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def figures() -> Figures:
    """For `make bench`: nothing where there is no CUDA device."""
    if not torch.cuda.is_available():
        print("no CUDA device")
        return {}
    found: Figures = {}
    for line in run_all(Bench(torch.device("cuda"), torch.float16, SIZES, 1_500, found.update)):
        print("failed:", line)
    return found


def run_all(bench: Bench) -> list[str]:
    """Every part, whatever becomes of the one before; → what failed."""
    prepare(bench.device)
    failed = []
    speed = bandwidth(bench)
    parts: list[tuple[str, Callable[[], None]]] = [
        (size, lambda size=size: language_model(bench, size, speed)) for size in bench.sizes
    ]
    parts.insert(1, ("first sound", lambda: first_sound(bench)))
    for name, part in parts:
        began = time.perf_counter()
        try:
            part()
        except Exception as problem:  # noqa: BLE001  (the lease is short: the next part counts)
            failed.append(f"{name}: {type(problem).__name__}: {problem}")
        if bench.device.type == "cuda":
            torch.cuda.empty_cache()
        print(f"{name}: {time.perf_counter() - began:.1f} s", flush=True)
    return failed


def figure(value: float, unit: str, baseline: float | None = None) -> dict[str, Any]:
    ratio = None if not baseline else value / baseline
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": ratio}


def bandwidth(bench: Bench) -> float:
    """Bytes a second, read and written, of the fastest of several large copies."""
    count = 2_000_000_000 if bench.device.type == "cuda" else 50_000_000
    one = torch.ones(count, dtype=torch.uint8, device=bench.device)
    other = torch.empty_like(one)
    best = float("inf")
    for _ in range(8):
        bench.wait()
        began = time.perf_counter()
        other.copy_(one)
        bench.wait()
        best = min(best, time.perf_counter() - began)
    bench.note({"gpu_copy": figure(2 * count / best / 1e9, "GB/s")})
    return 2 * count / best


def theirs_of(bench: Bench, size: str) -> Any:
    layers, hidden = bench.sizes[size]
    text = T5Config(
        vocab_size=len(tiny_tokenizer()), d_model=768, d_kv=64, d_ff=64, num_layers=1, num_heads=2
    )
    config = MusicgenConfig(
        text_encoder=text,
        audio_encoder=tiny_codec_config(2_048),
        decoder=MusicgenDecoderConfig(
            hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=hidden // 64,
            ffn_dim=4 * hidden,
        ),
    )  # fmt: skip
    torch.manual_seed(0)
    with bench.device:
        model: Any = MusicgenForConditionalGeneration(config).eval()
    special = model.decoder.config.vocab_size
    model.generation_config.update(
        pad_token_id=special, bos_token_id=special, decoder_start_token_id=special
    )
    return model.to(bench.device, bench.dtype)


def language_model(bench: Bench, size: str, speed: float) -> None:
    theirs = theirs_of(bench, size)
    config = ModelConfig.from_hugging_face(theirs.config.to_dict())
    lm = LanguageModel.from_hugging_face(theirs.state_dict(), config)
    lm = lm.to(bench.device, bench.dtype).eval().requires_grad_(False)
    theirs.text_encoder.float()
    generator = Generator(loaded(lm, theirs.text_encoder, theirs.audio_encoder.float()))
    generator.warm_up()
    seconds = our_seconds(bench, generator, bench.frames)
    ours = 1 / statistics.fmean(seconds)
    theirs_seconds = []
    for context in CONTEXTS:
        codes = torch.randint(2_048, (4, context), device=bench.device) if context else None
        if context + THEIR_STEPS < bench.frames:
            theirs_seconds.append(their_seconds(bench, theirs, codes))
            speed_there = figure(1 / theirs_seconds[-1], "steps/s")
            bench.note({f"transformers_{size}_at_{context}": speed_there})
    baseline = 1 / statistics.fmean(theirs_seconds) if theirs_seconds else None
    read = sum(one.numel() * one.element_size() for one in lm.layers.parameters())
    read += lm.heads.weight.numel() * lm.heads.weight.element_size()
    cache = 2 * 2 * config.layers * config.hidden * lm.heads.weight.element_size()  # a position
    cache *= bench.frames // 2
    early = seconds[len(seconds) // 3 : len(seconds) // 2]
    name = f"lm_{size}_gpu"
    bench.note({
        name: figure(ours, "steps/s", baseline),
        f"{name}_after_10_s": figure(1 / statistics.fmean(early), "steps/s"),
        f"{name}_bound": figure(ours, "steps/s", speed / (read + cache)),
        f"{name}_median_ms": figure(1000 * statistics.median(seconds), "ms"),
        f"{name}_worst_ms": figure(1000 * max(seconds), "ms"),
    })  # fmt: skip
    if bench.device.type == "cuda":
        bench.note({f"{name}_memory": figure(torch.cuda.max_memory_allocated() / 1e9, "GB")})
        torch.cuda.reset_peak_memory_stats()
    generator._loops = None  # kernel by kernel, as without graphs
    plain = our_seconds(bench, generator, min(200, bench.frames))
    bench.note({f"{name}_without_graphs": figure(1 / statistics.fmean(plain), "steps/s")})


def our_seconds(bench: Bench, generator: Generator, frames: int) -> list[float]:
    """Of each frame after the first, drawn with the defaults, as the engine gets them."""
    stream = generator.open(Prompt(TEXT), SamplingParams(seed=1), frames)
    stamps = []
    while stream.tokens.next_frame() is not None:
        stamps.append(time.perf_counter())
    bench.wait()
    return [b - a for a, b in zip(stamps, [*stamps[1:], time.perf_counter()], strict=True)][:-1]


def their_seconds(bench: Bench, model: Any, context: torch.Tensor | None) -> float:
    """Of a step on average, between the first and the last call of its decoder in `generate`."""
    ends: list[float] = []
    forward = model.decoder.forward

    def timed(*arguments: Any, **named: Any) -> Any:
        made = forward(*arguments, **named)
        bench.wait()  # it waits for the token itself
        ends.append(time.perf_counter())
        return made

    told = tiny_tokenizer()([TEXT], return_tensors="pt").to(bench.device)
    prompted = {} if context is None else {"decoder_input_ids": context}
    silent = SimpleNamespace(audio_values=torch.zeros(1, 1, 1))
    with (
        mock.patch.object(model.decoder, "forward", timed),
        mock.patch.object(model.audio_encoder, "decode", return_value=silent),
    ):
        model.generate(
            **told, **prompted, do_sample=False, guidance_scale=3.0, max_new_tokens=THEIR_STEPS
        )
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def first_sound(bench: Bench) -> None:
    """With a text encoder and a codec of their real sizes: from a prompt to the first PCM."""
    layers, hidden = bench.sizes["small"]
    real = bench.device.type == "cuda"
    text = T5Config(
        vocab_size=32_128, d_model=768, d_kv=64, d_ff=3_072 if real else 64,
        num_layers=12 if real else 1, num_heads=12,
    )  # fmt: skip
    sound = tiny_codec_config(2_048, filters=64 if real else 4).to_dict()
    if real:
        sound |= {"hidden_size": 128, "codebook_dim": 128}
    with bench.device:
        config = ModelConfig(hidden, layers, hidden // 64, 4 * hidden)
        lm = LanguageModel(config).to(bench.dtype).eval().requires_grad_(False)
        encoder: Any = T5EncoderModel(text).eval().requires_grad_(False)
        codec: Any = EncodecModel(EncodecConfig.from_dict(sound)).eval().requires_grad_(False)
    lm = lm.to(bench.device)
    generator = Generator(loaded(lm, encoder.to(bench.device), codec.to(bench.device)))
    generator.warm_up()
    times = []
    for number in range(FIRST_SOUNDS):
        bench.wait()
        began = time.perf_counter()
        stream = generator.open(Prompt(f"{TEXT} {number}"), SamplingParams(seed=number), 50)
        while (block := stream.step()) is None or not len(block.pcm):
            pass
        times.append(1000 * (time.perf_counter() - began))
        while not stream.ended:
            stream.step()
    bench.note({
        "first_sound_gpu": figure(statistics.median(times), "ms", 100),
        "first_sound_gpu_worst": figure(max(times), "ms", 100),
    })  # fmt: skip
    frames = bench.frames
    began = time.perf_counter()
    stream = generator.open(Prompt(TEXT), SamplingParams(seed=1), frames)
    while not stream.ended:
        stream.step()
    whole = time.perf_counter() - began
    bench.note({"take_small_gpu": figure(frames / 50 / whole, "seconds of audio a second")})
    codes = np.random.default_rng(0).integers(0, 2_048, (4, min(500, frames)))
    at_once = streamed = 0.0
    for _ in range(2):  # the first warms up
        began = time.perf_counter()
        generator.codec.decode(codes)
        at_once = time.perf_counter() - began
        began = time.perf_counter()
        decoder = generator.codec.streaming
        state, tokens = decoder.start(), torch.from_numpy(codes)
        for at in range(0, codes.shape[1], 10):
            decoder.decode(state, tokens[:, at : at + 10], at + 10 >= codes.shape[1]).cpu()
        streamed = time.perf_counter() - began
    bench.note({"stream_decode_gpu": figure(streamed, "s", at_once)})


def loaded(lm: LanguageModel, encoder: Any, codec: Any) -> LoadedModel:
    info = CheckpointInfo(Path("random"), "random", "", lm.config, {}, {}, ())
    conditioner = Conditioner(encoder, tiny_tokenizer(), lm)
    precision = str(lm.dtype).removeprefix("torch.")
    return LoadedModel(lm, conditioner, codec, info, "", lm.device, precision)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("sizes", nargs="*", choices=[*SIZES, []])
    options = parser.parse_args(arguments)
    found: Figures = {}

    def note(more: Figures) -> None:
        found.update(more)
        write(found, options.out / "gpu.json")
        print(json.dumps(more), flush=True)

    sizes = {size: SIZES[size] for size in options.sizes or SIZES}
    if options.rehearse:
        tiny = {"small": (2, 64), "medium": (3, 128)}
        bench = Bench(torch.device("cpu"), torch.float32, tiny, 120, note)
    else:
        bench = Bench(torch.device("cuda"), torch.float16, sizes, 1_500, note)
    failed = run_all(bench)
    from rich.console import Console

    Console(width=120).print(table(found))
    for line in failed:
        print("failed:", line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
