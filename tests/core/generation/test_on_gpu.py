"""On a CUDA device (`pytest -m gpu`): what is captured gives what is launched kernel by kernel."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.codec.encodec import Codec
from core.generation.device_loop import DeviceLoops
from core.generation.generator import Generator
from core.generation.params import Prompt, SamplingParams, Steering
from core.generation.shared_stream import SharedStream
from core.generation.token_batch import TokenBatch
from core.model import acceleration
from core.model.acceleration import prepare
from core.model.conditioner import Conditioner
from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.model.static_step import StaticStep
from tests.core.generation.conftest import Twins, taken
from tests.core.tiny_checkpoints import tiny_model, tiny_tokenizer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
GREEDY, DRAWN = SamplingParams(greedy=True), SamplingParams(seed=7, top_k=50, top_p=0.95)
PADS, DRUMS = Prompt("warm analog pads"), Prompt("loud drums " * 5)
BLEND = Prompt.of([("warm pads", 1.0), ("a choir", 0.5)], negative="noise")
Play = Callable[..., np.ndarray]


def moved(twins: Twins) -> Twins:
    prepare(torch.device("cuda"))
    lm = copy.deepcopy(twins.lm).to("cuda")
    encoder = copy.deepcopy(twins.theirs.text_encoder).to("cuda")
    return Twins(twins.theirs, lm, Conditioner(encoder, tiny_tokenizer(), lm))


@pytest.fixture(scope="module")
def gpu_mono(mono: Twins) -> Twins:
    return moved(mono)


def stream(
    twins: Twins, loops: DeviceLoops | None, prompt: Prompt = PADS,
    sampling: SamplingParams = DRAWN, frames: int | None = 60, window: int | None = None,
) -> SharedStream:  # fmt: skip
    return SharedStream(
        twins.lm, twins.conditioner, prompt, sampling, None, frames, window, loops=loops
    )


def steered(twins: Twins, loops: DeviceLoops | None) -> np.ndarray:
    one, two = stream(twins, loops, window=40), stream(twins, loops, BLEND, GREEDY)
    for at, prompt in ((7, DRUMS), (9, PADS), (30, BLEND)):
        taken(one, at)
        taken(two, 3)
        one.change_prompt(prompt)
        one.rewind(at - 2)
    taken(one)
    taken(two)
    return np.concatenate((one.codes(), two.codes()))


def side_by_side(twins: Twins, loops: DeviceLoops | None) -> np.ndarray:
    streams = [stream(twins, loops, BLEND, replace(DRAWN, seed=n)) for n in range(3)]
    TokenBatch(streams)
    for _ in range(20):
        for one in streams:
            one.next_frame()
    streams[1].leave()
    return np.concatenate([np.concatenate((one.codes(), taken(one)), 1) for one in streams])


def plain(prompt: Prompt, sampling: SamplingParams, frames: int) -> Play:
    return lambda twins, loops: taken(stream(twins, loops, prompt, sampling, frames))


@pytest.mark.parametrize("channels", ["mono", "stereo"])
@pytest.mark.parametrize(
    "play",
    [
        plain(PADS, GREEDY, 300), plain(PADS, DRAWN, 60), plain(Prompt(), DRAWN, 60),
        plain(BLEND, DRAWN, 60), plain(PADS, replace(GREEDY, guidance=1.0), 60), steered,
        side_by_side,
    ],
)  # fmt: skip
def test_captured_steps_give_the_same_codes(
    channels: str, play: Play, request: pytest.FixtureRequest
) -> None:
    on_cpu: Twins = request.getfixturevalue(channels)
    twins = moved(on_cpu)
    expected = play(twins, None)
    np.testing.assert_array_equal(play(twins, DeviceLoops(twins.lm, capture=True)), expected)
    # Noise is the host's, so that a seed is one take: rounding may part them, not soon.
    np.testing.assert_array_equal(expected[:, :20], play(on_cpu, None)[:, :20])


@pytest.mark.parametrize("play", [plain(PADS, GREEDY, 700), plain(BLEND, DRAWN, 60), steered])
def test_fused_kernels_give_the_same_codes(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tiny_model(hidden=256, layers=3, spread=0.1)  # heads of 64, as the public models'
    lm = LanguageModel(ModelConfig.from_hugging_face(theirs.config.to_dict())).eval()
    lm.load_hugging_face(theirs.state_dict())
    twins = moved(Twins(theirs, lm, Conditioner(theirs.text_encoder, tiny_tokenizer(), lm)))
    found = []
    for fused in ("0", "1"):
        monkeypatch.setenv("DAW_BRIDGE_FUSED", fused)
        loops = DeviceLoops(twins.lm, capture=True)
        found.append(play(twins, loops))
        made = next(iter(loops._made.values()))
        assert (made._step.fused is not None) == (fused == "1")
    np.testing.assert_array_equal(*found)
    assert len(np.unique(found[0], axis=1).T) > 20


def test_a_melody_too(melody: Twins) -> None:
    twins, sung = moved(melody), Prompt("harpsichord", melody="0479" * 5)
    expected = taken(stream(twins, None, sung))
    loops = DeviceLoops(twins.lm, capture=True)
    np.testing.assert_array_equal(taken(stream(twins, loops, sung)), expected)


def test_a_change_of_prompt_captures_nothing(
    gpu_mono: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured: list[object] = []
    real = acceleration.Played._captured

    def counted(self: acceleration.Played, *arguments: object) -> object:
        graph = real(self, *arguments)  # pyright: ignore[reportArgumentType]
        captured.append(graph)
        return graph

    monkeypatch.setattr(acceleration.Played, "_captured", counted)
    loops = DeviceLoops(gpu_mono.lm, capture=True)
    one = stream(gpu_mono, loops, frames=200)
    taken(one, 20)
    assert len(captured) == 1
    assert captured[0] is not None
    for number in range(5):
        one.change_prompt(Prompt(f"pads {number}"))
        one.change_sampling(replace(DRAWN, seed=number, temperature=1 + number / 9, top_k=number))
        taken(one, 10)
    assert len(captured) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_near(mono: Twins, dtype: torch.dtype) -> None:
    full = copy.deepcopy(mono.lm).to("cuda")
    half = copy.deepcopy(mono.lm).to("cuda", dtype)
    codes = torch.randint(256, (1, 4), device="cuda")
    with torch.inference_mode():
        one, other = (StaticStep(lm, 2, 256) for lm in (full, half))
        expected, found = (step.logits(codes, None, 256).float() for step in (one, other))
    assert (found - expected).norm() / expected.norm() < (0.01 if dtype == torch.float16 else 0.05)


def test_the_streamed_decode_is_the_whole_one(tiny_stereo: Path) -> None:
    made = Generator.load(str(tiny_stereo), "cuda")
    codec: Codec = made.codec
    codes = np.random.default_rng(0).integers(0, 256, (8, 60))
    state, tokens = codec.streaming.start(), torch.from_numpy(codes)
    parts = [
        codec.streaming.decode(state, tokens[:, at : at + 7], at + 7 >= 60).cpu()
        for at in range(0, 60, 7)
    ]
    np.testing.assert_allclose(torch.cat(parts).numpy(), codec.decode(codes), atol=1e-4)


@pytest.fixture
def _little_memory() -> Iterator[None]:
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 30_000_000) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.usefixtures("_little_memory")
def test_memory_that_runs_out_in_mid_take(tiny_mono: Path) -> None:
    made = Generator.load(str(tiny_mono), "cuda", "float32")
    one = made.open(PADS, GREEDY, 60, changes=(Steering(30, DRUMS, GREEDY),))
    for _ in range(20):
        one.step()
    hog = torch.empty(0, device="cuda")
    for size in (2**24, 2**20, 2**16, 2**12, 2**9):  # all that is left
        while True:
            try:
                hog = [hog, torch.empty(size, dtype=torch.uint8, device="cuda")]
            except torch.OutOfMemoryError:
                break
    while not one.ended:
        made.attempt(one.step, [one])
    assert made.loaded.device.type == "cpu"
    assert "ran out of memory" in made.notice
    whole = Generator.load(str(tiny_mono), "cpu", "float32")
    expected = whole.open(PADS, GREEDY, 60, changes=(Steering(30, DRUMS, GREEDY),))
    while not expected.ended:
        expected.step()
    np.testing.assert_array_equal(one.tokens.codes(), expected.tokens.codes())
    del hog
