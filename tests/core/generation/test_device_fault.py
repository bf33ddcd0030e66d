"""A device that fails in mid-take, played by a model on the CPU that says it is elsewhere.

The fault is raised where the device would raise it; all that follows is the real thing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.generation import generator as generator_module
from core.generation.audio_stream import AudioStream
from core.generation.device_loop import DeviceLoops
from core.generation.engine import Engine
from core.generation.generator import Generator
from core.generation.messages import (
    EngineProblem,
    LoadModel,
    ModelLoaded,
    Quit,
    StartBeside,
    StartTake,
    TakeDone,
)
from core.generation.params import Prompt, SamplingParams, Steering
from core.model.checkpoint import load_checkpoint
from core.model.memory import Memory, memory_of
from tests.core.generation.remote_engine import Remote, of, pcm_of, tokens_of

PROMPT, SAMPLING = Prompt("slow piano"), SamplingParams(seed=3)
FRAMES = 40
OUT = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
BROKEN = RuntimeError("CUDA error: an illegal memory access was encountered")


@pytest.fixture(autouse=True)
def _no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAW_BRIDGE_GRAPHS", "0")
    monkeypatch.setattr("core.generation.generator.available_cores", lambda: 1)


def on_a_gpu(folder: Path) -> Generator:
    """Whatever it says, it is on the CPU."""
    return Generator(replace(load_checkpoint(str(folder)), device=torch.device("cuda")))


def fails_at(count: int, work: Callable[..., Any], problem: Exception) -> Callable[..., Any]:
    """`work`, which from its `count`th call on raises, as a device that is lost does."""
    calls = 0

    def maybe(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= count:
            raise problem
        return work(*arguments, **named)

    return maybe


def break_part(made: Generator, part: str, count: int, problem: Exception) -> None:
    owner, name = {
        "step": (made.loaded.lm, "step"),
        "prefill": (made.loaded.lm, "prefill"),
        "decoder": (made.codec.streaming, "decode"),
        "text": (made.loaded.conditioner, "text_keys"),
        "flight": (made, ""),
    }[part]
    if part == "flight":
        made._loops = DeviceLoops(made.loaded.lm, capture=False)
        loop = made._loops.loop(2, 1, made.window_frames + 3)
        owner, name = loop, "launch"
    setattr(owner, name, fails_at(count, getattr(owner, name), problem))


def played(made: Generator, stream: AudioStream) -> tuple[np.ndarray, np.ndarray]:
    blocks, end = [], 0
    while not stream.ended:
        if (block := made.attempt(stream.step, [stream])) is not None:
            assert block.first_sample == end
            end += len(block.pcm)
            blocks.append(block.pcm)
    codes = stream.untold_codes()
    assert codes is not None
    return codes, np.concatenate(blocks)


@pytest.fixture(scope="module")
def whole(tiny_mono: Path) -> tuple[np.ndarray, np.ndarray]:
    made = Generator.load(str(tiny_mono), "cpu", "float32")
    return played(made, made.open(PROMPT, SAMPLING, FRAMES, changes=CHANGES))


CHANGES = (Steering(31, Prompt("loud drums"), SAMPLING),)


@pytest.mark.parametrize(
    ("part", "count", "problem"),
    [
        ("step", 17, OUT),
        ("prefill", 1, BROKEN),
        ("decoder", 2, OUT),
        ("text", 4, BROKEN),
        ("flight", 3, OUT),
    ],
)
def test_the_take_goes_on_from_its_own_tokens(
    tiny_mono: Path, whole: tuple[np.ndarray, np.ndarray], part: str, count: int, problem: Exception
) -> None:
    made = on_a_gpu(tiny_mono)
    break_part(made, part, count, problem)
    stream = made.attempt(lambda: made.open(PROMPT, SAMPLING, FRAMES, changes=CHANGES))
    codes, pcm = played(made, stream)
    np.testing.assert_array_equal(codes, whole[0])
    np.testing.assert_allclose(pcm, whole[1], atol=1e-5)
    assert made.loaded.device.type == "cpu"
    assert made.notice.startswith("the CUDA device ")
    assert made.notice.endswith("; the take goes on on the CPU")
    assert "\n" not in made.notice


def test_other_errors_are_no_fault_of_the_device(tiny_mono: Path) -> None:
    made = on_a_gpu(tiny_mono)
    break_part(made, "step", 3, RuntimeError("The size of tensor a (3) must match"))
    with pytest.raises(RuntimeError, match="must match"):
        played(made, made.open(PROMPT, SAMPLING, FRAMES))
    assert made.loaded.device.type == "cuda"


def test_the_engine_tells_it_in_one_line_and_goes_on(tiny_mono: Path) -> None:
    ours, theirs = Pipe(duplex=True)

    def load(*_: Any) -> Generator:
        made = on_a_gpu(tiny_mono)
        made.warm_up = lambda: 1  # pyright: ignore[reportAttributeAccessIssue]
        break_part(made, "step", 9, OUT)
        return made

    thread = threading.Thread(target=Engine(theirs, load).run)
    thread.start()
    remote = Remote(ours)
    first, other = (StartTake(n, n, PROMPT, SAMPLING, FRAMES) for n in (1, 2))
    remote.send(LoadModel(str(tiny_mono), "cpu"))
    remote.until(lambda event: isinstance(event, ModelLoaded))
    remote.send(StartBeside((other,)), first)
    heard = remote.until(lambda event: isinstance(event, TakeDone))
    heard += remote.until(lambda event: isinstance(event, TakeDone))
    problems = of(EngineProblem, heard)
    assert [(one.take, one.code) for one in problems] == [(None, "engine")]
    assert problems[0].text.endswith("ran out of memory; the take goes on on the CPU")
    assert [event.device for event in of(ModelLoaded, heard)] == ["cpu"]
    takes = [[e for e in heard if getattr(e, "take", None) == n] for n in (1, 2)]
    made = Generator.load(str(tiny_mono), "cpu", "float32")
    alone = made.open(PROMPT, SAMPLING, FRAMES, open_end=True)
    codes, pcm = played(made, alone)
    for events in takes:
        np.testing.assert_array_equal(tokens_of(events), codes)
        np.testing.assert_allclose(pcm_of(events), pcm, atol=1e-5)
    remote.send(Quit())
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("when", ["loading", "warming up"])
def test_a_driver_that_fails_at_the_start(
    tiny_mono: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(
        generator_module,
        "resolve_device",
        lambda device, dtype: (device, "float32" if dtype == "auto" else dtype),
    )
    real = load_checkpoint

    def load(model: str, device: str, *rest: Any) -> Any:
        if device == "cpu":
            return real(model, device, *rest)
        if when == "loading":
            raise RuntimeError("CUDA driver version is insufficient for CUDA runtime version")
        return replace(real(model, "cpu", *rest), device=torch.device("cuda"))

    monkeypatch.setattr(generator_module, "load_checkpoint", load)
    made = Generator.load(str(tiny_mono), "cuda")
    if when != "loading":
        break_part(made, "step", 1, BROKEN)
    made.warm_up()
    assert made.loaded.device.type == "cpu"
    assert made.notice.startswith("the CUDA device failed (CUDA ")
    assert made.notice.endswith("); the model runs on the CPU")
    assert played(made, made.open(PROMPT, SAMPLING, 6))[0].shape == (4, 6)


def test_a_gpu_without_room(tiny_mono: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        generator_module, "resolve_device", lambda device, dtype: (device, "float32")
    )
    real = memory_of

    def little(device: torch.device | str) -> Memory:
        return Memory(10**8, 10**9) if torch.device(device).type == "cuda" else real(device)

    monkeypatch.setattr("core.model.checkpoint.memory_of", little)
    made = Generator.load(str(tiny_mono), "cuda")
    assert made.loaded.device.type == "cpu"
    assert made.notice.endswith("GB of the GPU's memory, 0.1 GB is free; the model runs on the CPU")
    assert played(made, made.open(PROMPT, SAMPLING, 6))[0].shape == (4, 6)
