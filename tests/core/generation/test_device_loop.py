"""Steps on tensors that never move, several at once, give what single steps give.

They run here as plain functions; tests/core/generation/test_on_gpu.py captures them. Weights are
float32, so that codes can be compared one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.generation.device_loop import MOST_STEPS, DeviceLoops
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.sampling import draw, seed_of_step
from core.generation.shared_stream import SharedStream
from core.generation.static_draw import StaticSampling, drawn
from core.generation.token_batch import TokenBatch
from core.model.adapters import Adapter, AdapterBlend, LowRank
from tests.core.generation.conftest import Twins, make_twins, taken

PADS, DRUMS = Prompt("warm analog pads"), Prompt("loud drums " * 5)  # 55 tokens: more places
BLEND = Prompt.of([("warm pads", 1.0), ("loud drums", 0.5), ("a choir", 0.2)], negative="noise")
GREEDY = SamplingParams(greedy=True)
DRAWN = SamplingParams(seed=7, top_k=50, top_p=0.95, temperature=1.1)
Make = Callable[..., SharedStream]


def maker(twins: Twins, loops: DeviceLoops | None) -> Make:
    def make(
        prompt: Prompt = PADS, sampling: SamplingParams = DRAWN, frames: int | None = 30,
        window: int | None = None, context: np.ndarray | None = None, closed: bool = True,
        changes: Sequence[Steering] = (), bars: BarGrid | None = None,
    ) -> SharedStream:  # fmt: skip
        return SharedStream(
            twins.lm, twins.conditioner, prompt, sampling, context, frames, window, closed,
            changes, bars, loops,
        )  # fmt: skip

    return make


def same(twins: Twins, play: Callable[[Make], np.ndarray]) -> None:
    expected = play(maker(twins, None))
    np.testing.assert_array_equal(play(maker(twins, DeviceLoops(twins.lm, False))), expected)
    assert len(np.unique(expected, axis=1).T) > 5


@pytest.mark.parametrize("channels", ["mono", "stereo"])
@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize(
    ("prompt", "guidance"),
    [(PADS, 3.0), (PADS, 1.0), (Prompt(), 3.0), (BLEND, 2.0)],
    ids=["guided", "unguided", "untold", "blend"],
)
def test_the_same_codes(
    channels: str, sampling: SamplingParams, prompt: Prompt, guidance: float,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    chosen = replace(sampling, guidance=guidance)
    same(request.getfixturevalue(channels), lambda make: taken(make(prompt, chosen)))


def test_past_the_window_from_bar_lines_on(mono: Twins) -> None:
    context = taken(maker(mono, None)(frames=25))
    bars = BarGrid(17.3, 2.0)
    same(mono, lambda make: taken(make(DRUMS, frames=180, window=60, context=context, bars=bars)))


def test_a_long_cache_is_read_in_longer_stretches(mono: Twins) -> None:
    same(mono, lambda make: taken(make(sampling=GREEDY, frames=None), 600))


@pytest.mark.parametrize("changed", [7, 8, 9])
def test_changes_take_hold_at_the_same_step(mono: Twins, changed: int) -> None:
    def play(make: Make) -> np.ndarray:
        stream = make(frames=60)
        taken(stream, changed)
        stream.change_prompt(DRUMS)
        assert stream.prompt == DRUMS
        taken(stream, 3)
        stream.change_sampling(replace(DRAWN, guidance=1.0, temperature=0.7, seed=9))
        taken(stream, 11)
        stream.change_prompt(Prompt())
        taken(stream, 2)
        stream.change_prompt(BLEND)
        taken(stream)
        return stream.codes()

    same(mono, play)


def test_planned_changes_and_ways_back(mono: Twins) -> None:
    changes = [Steering(13, DRUMS, DRAWN), Steering(21, BLEND, GREEDY)]

    def play(make: Make) -> np.ndarray:
        stream = make(frames=70, window=40, changes=changes, closed=False)
        taken(stream, 50)
        stream.rewind(37)
        taken(stream, 9)
        stream.rewind(11)
        stream.change_prompt(PADS)
        taken(stream)
        return stream.codes()

    same(mono, play)


def test_melody_is_read_anew_where_the_prompt_changes(melody: Twins) -> None:
    sung = Prompt("harpsichord", melody="0479" * 5)

    def play(make: Make) -> np.ndarray:
        stream = make(sung, frames=50, window=30)
        taken(stream, 12)
        stream.change_prompt(replace(sung, text="a choir"))
        taken(stream)
        return stream.codes()

    same(melody, play)


@pytest.mark.parametrize("left", [0, 2])
def test_streams_side_by_side(mono: Twins, left: int) -> None:
    contexts = [taken(maker(mono, None)(sampling=replace(DRAWN, seed=n))) for n in (1, 2, 2)]

    def play(make: Make) -> np.ndarray:
        streams = [
            make(BLEND, replace(DRAWN, seed=n, temperature=1 + n / 9), 40, 50, context)
            for n, context in enumerate(contexts)
        ]
        TokenBatch(streams)
        for _ in range(15):
            for stream in streams:
                stream.next_frame()
        streams[left].leave()
        streams[left].rewind(9)
        for stream in streams:
            taken(stream)
        return np.concatenate([stream.codes() for stream in streams])

    same(mono, play)


def test_streams_in_turn_put_their_past_aside(mono: Twins) -> None:
    """Each has steps under way that nobody has asked for when the other comes."""

    def play(make: Make) -> np.ndarray:
        one, two = make(), make(DRUMS, replace(DRAWN, seed=8))
        for stream, frames in ((one, 2), (two, 5), (one, 9), (two, 1), (one, 19), (two, 24)):
            taken(stream, frames)
        return np.concatenate((one.codes(), two.codes()))

    same(mono, play)


def test_an_adapter_comes_and_goes(mono: Twins) -> None:
    twins = make_twins(stereo=False)
    draws = torch.Generator().manual_seed(3)
    path = LowRank(*(torch.randn(shape, generator=draws) for shape in ((4, 32), (64, 4))))
    adapter = Adapter({"layers.1.fc1": path}, 1.0)

    def play(make: Make) -> np.ndarray:
        blend, stream = AdapterBlend(twins.lm), make(sampling=GREEDY)
        taken(stream, 6)
        for weight in (0.3, 0.0):
            blend.put("one", adapter, weight)
            stream.forget_text()
            taken(stream, 7)
        return stream.codes()

    same(twins, play)
    assert not np.array_equal(
        play(maker(twins, None)), taken(maker(mono, None)(sampling=GREEDY), 20)
    )


def test_few_steps_are_drawn_that_are_not_asked_for(mono: Twins) -> None:
    launched: list[int] = []
    loops = DeviceLoops(mono.lm, False)
    loop = loops.loop(2, 1, 1_503)
    launch = loop.launch

    def counted(*arguments: object) -> object:
        launched.append(len(arguments[3]) - 1)  # pyright: ignore[reportArgumentType]
        return launch(*arguments)  # pyright: ignore[reportArgumentType]

    loop.launch = counted  # pyright: ignore[reportAttributeAccessIssue]
    stream = maker(mono, loops)(frames=None)
    taken(stream, 20)
    assert 20 + 3 <= sum(launched) + 1 <= 20 + 3 + 2 * MOST_STEPS
    launched.clear()
    ended = maker(mono, loops)(frames=20)
    taken(ended)
    assert sum(launched) + 1 == 20 + 3


@pytest.mark.parametrize("top_k", [0, 1, 9, 250, 2_048])
@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.2, 1e-6])
@pytest.mark.parametrize("temperature", [0.05, 1.0, 10.0])
def test_the_draw_is_the_same(top_k: int, top_p: float, temperature: float) -> None:
    params = [
        SamplingParams(seed, temperature, top_k, top_p, greedy=seed == 2) for seed in range(4)
    ]
    logits = torch.randn(4, 4, 2_048, generator=torch.Generator().manual_seed(top_k)) * 3
    sampling = StaticSampling.made(4, torch.device("cpu"))
    sampling.hold(params, 2_048)
    generator, noise = torch.Generator(), torch.empty(4, 4, 2_048)
    expected = []
    for place, one in enumerate(params):
        generator.manual_seed(seed_of_step(one.seed, 5))
        noise[place].exponential_(generator=generator)
        generator.manual_seed(seed_of_step(one.seed, 5))
        expected.append(draw(logits[place], one, generator))
    torch.testing.assert_close(drawn(logits, noise, sampling), torch.stack(expected))
