"""Ten clips make an adapter: the starter model moves towards them, and a playing take takes it up.

make accept ARGS="tests/core/training/lora/test_lora_accept.py -s"      prints the figures
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torchaudio.functional import highpass_biquad, lowpass_biquad
from torchaudio.transforms import MelSpectrogram

from core.errors import MissingProgram
from core.generation.generator import Generator
from core.generation.messages import (
    AdaptersLoaded,
    EngineEvent,
    LoadModel,
    ModelLoaded,
    PcmBlock,
    Quit,
    StartTake,
    TakeDone,
    TakeTokens,
    UseAdapter,
)
from core.generation.params import Prompt, SamplingParams
from core.generation.worker import run_engine
from core.model.adapter_file import read_adapter
from core.model.adapters import AdapterBlend
from core.model.checkpoint import load_checkpoint, read_info
from core.training.cli import tokenize
from core.training.composer.compose import compose
from core.training.composer.corpus import facts
from core.training.composer.render import RATE, render
from core.training.lora.finetune import Finetune, finetune
from core.training.tokens.clips import read_tokens
from core.training.transformer.objective import Objective
from core.training.transformer.validation import Validation
from tests.core.model.tiny_adapters import make_adapter

pytestmark = pytest.mark.accept
STEPS = 100
TRIGGER = "drumset"
NEUTRAL = "music"  # says nothing of what the clips are
SEEDS, SECONDS = 4, 8
FRAMES, CHANGED_AFTER = 500, 0.3  # of a take; the share of it that is heard before the change


@dataclass(frozen=True)
class Clips:
    ten: Path
    held_out: Path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Fourteen drum loops at house tempo as a small, overdriven loudspeaker plays them, which
    nothing that the starter learnt from sounds like; ten to learn from."""
    made = Clips(tmp_path_factory.mktemp("ten"), tmp_path_factory.mktemp("held-out"))
    pieces = (compose(seed, "house", "drums") for seed in itertools.count(80_000))
    narrow = (piece for piece in pieces if 122 <= piece.tempo <= 126)
    for number, piece in enumerate(itertools.islice(narrow, 14)):
        path = (made.ten if number < 10 else made.held_out) / f"clip{number:02d}.flac"
        try:
            soundfile.write(path, small_loudspeaker(render(piece)), RATE)
        except MissingProgram as missing:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
        path.with_suffix(".json").write_text(json.dumps(facts(piece)))
    return made


def small_loudspeaker(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """500 Hz to 3 kHz, distorted. pcm [samples] or [samples, channels]."""
    sound = torch.from_numpy(np.ascontiguousarray(pcm.T))
    for _ in range(2):
        sound = lowpass_biquad(highpass_biquad(sound, RATE, 500.0), RATE, 3_000.0)
    return (0.5 * torch.tanh(6 * sound)).numpy().T


def tell(line: str) -> None:
    """A figure, for whoever looks on (-s)."""
    print(line)  # noqa: T201


def mean_mel(pcm: NDArray[np.float32]) -> torch.Tensor:
    """The mean log-mel spectrum of 64 bands, its level taken out."""
    mel = MelSpectrogram(RATE, n_fft=2048, hop_length=640, n_mels=64, f_min=40.0)
    logs = (mel(torch.from_numpy(pcm)) + 1e-5).log().mean(1)
    return logs - logs.mean()


def generated(generator: Generator) -> torch.Tensor:
    """Mean log-mel spectrum of takes of a prompt that says nothing of the clips."""
    found = []
    for seed in range(SEEDS):
        stream = generator.open(Prompt(NEUTRAL), SamplingParams(seed=seed), 50 * SECONDS)
        blocks = []
        while not stream.ended:
            block = stream.step()
            if block is not None:
                blocks.append(block.pcm)
        found.append(mean_mel(np.concatenate(blocks)[:, 0].copy()))
    return torch.stack(found).mean(0)


@pytest.mark.timeout(3600)
def test_ten_clips_change_the_output_towards_them(clips: Clips, tmp_path: Path) -> None:
    file = tmp_path / "drumset.safetensors"
    assert finetune(Finetune(clips.ten, str(file), device="cpu", steps=STEPS, trigger=TRIGGER))

    tokens = tmp_path / "held-out"
    tokenize(clips.held_out, tokens, device="cpu")
    held = read_tokens(tokens)
    losses = []
    for adapter in (None, file):
        loaded = load_checkpoint("starter", trainable=True)
        if adapter is not None:
            read = read_adapter(adapter, loaded.config, loaded.digest)
            AdapterBlend(loaded.lm).put("a", read, 1.0)
        measure = Validation(held, held, loaded.conditioner.tokenizer, loaded.config, 500, 4)
        losses.append(np.mean(measure.of(Objective(loaded.lm, loaded.conditioner.encoder))))
    tell(f"held-out clips: {losses[0]:.3f} → {losses[1]:.3f} nats a code")
    assert losses[1] < losses[0] - 0.02

    generator = Generator.load("starter", "cpu")
    codes = [
        clip.codes[:, :400].astype(np.int64)
        for clip in read_tokens(tmp_path / "drumset.run/tokens")
    ]
    wanted = torch.stack([mean_mel(generator.codec.decode(one)[:, 0].copy()) for one in codes])
    distances = []
    for weight in (0.0, 1.0):
        generator.adapters.use(str(file), weight)
        distances.append(float((generated(generator) - wanted.mean(0)).abs().mean()))
    tell(f"mean log-mel spectrum, from the clips': {distances[0]:.3f} → {distances[1]:.3f}")
    assert distances[1] < 0.85 * distances[0]


@pytest.mark.timeout(300)
def test_an_adapter_joins_a_playing_take_without_a_gap(tmp_path: Path) -> None:
    """The engine in its own process, on the starter, an adapter on every layer."""
    config = read_info("starter").config
    adapter = make_adapter(tmp_path / "a.safetensors", config, rank=16, alpha=0.5)
    ours, theirs = multiprocessing.Pipe(duplex=True)
    engine = multiprocessing.get_context("spawn").Process(target=run_engine, args=(theirs,))
    engine.start()
    theirs.close()
    try:
        ours.send(LoadModel("starter", "cpu"))
        while not isinstance(ours.recv(), ModelLoaded):
            pass
        plain = take(ours, 1, None)
        changed = take(ours, 2, adapter)
        ours.send(Quit())
        engine.join(10)
    finally:
        engine.kill()
    told = next(e for e, _ in changed if isinstance(e, AdaptersLoaded) and e.adapters)
    frame = dict(told.takes)[2]
    assert CHANGED_AFTER * FRAMES <= frame < FRAMES
    before, after = codes_of(plain), codes_of(changed)
    assert np.array_equal(before[:, :frame], after[:, :frame])
    assert not np.array_equal(before[:, frame:], after[:, frame:])
    at = 0
    for event, _ in changed:
        if isinstance(event, PcmBlock):
            assert event.first_sample == at
            at += len(event.pcm)
    assert at == FRAMES * 640
    usual, around = gaps(plain), gaps(changed)
    tell(f"adapter of {adapter.stat().st_size / 2**20:.1f} MB at frame {frame}")
    for name, each in (("without", usual), ("with", around)):
        tell(f"between blocks {name}: median {np.median(each):.3f} s, longest {each.max():.3f} s")
    # A take has more in hand than this when its sound begins.
    assert around.max() < 2 * usual.max() + 0.12


Heard = list[tuple[EngineEvent, float]]


def take(pipe: multiprocessing.connection.Connection, number: int, adapter: Path | None) -> Heard:
    """A take from start to end with the time each event came, the adapter asked for in it."""
    pipe.send(StartTake(number, number, Prompt("house"), SamplingParams(seed=5), FRAMES))
    heard: Heard = []
    while True:
        event = pipe.recv()
        heard.append((event, time.perf_counter()))
        if isinstance(event, TakeDone):
            return heard
        drawn = event.first_frame if isinstance(event, TakeTokens) else 0
        if adapter is not None and drawn >= CHANGED_AFTER * FRAMES:
            pipe.send(UseAdapter(str(adapter), 1.0))
            adapter = None


def codes_of(heard: Heard) -> NDArray[np.int64]:
    return np.concatenate([e.codes for e, _ in heard if isinstance(e, TakeTokens)], axis=1)


def gaps(heard: Heard) -> NDArray[np.float64]:
    """Seconds between blocks, once they have their full size."""
    return np.diff([at for event, at in heard if isinstance(event, PcmBlock)][6:])
