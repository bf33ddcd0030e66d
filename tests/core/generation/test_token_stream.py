from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.generation import windows
from core.generation.context_window import first_frame_seen, kept_frames
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.token_stream import TokenStream
from core.model.language_model import LanguageModel
from tests.core.generation.conftest import GREEDY, Twins, taken

WARM = SamplingParams(seed=7, temperature=1.0, top_k=50)


def test_the_frames_asked_for_and_then_none(mono: Twins) -> None:
    stream = mono.stream(frames=9)
    assert taken(stream).shape == (4, 9)
    assert stream.frames_done == 9
    assert stream.next_frame() is None
    assert mono.stream(frames=0).next_frame() is None


def test_frames_are_host_int64_within_the_codebook(stereo: Twins) -> None:
    frame = stereo.stream(sampling=WARM).next_frame()
    assert frame is not None
    assert (frame.shape, frame.dtype, frame.device.type) == ((8,), torch.int64, "cpu")
    assert frame.min() >= 0
    assert frame.max() < stereo.lm.config.vocab


def test_codes_gives_what_was_given_out(mono: Twins) -> None:
    stream = mono.stream(context=np.ones((4, 5), dtype=np.int64), frames=None)
    np.testing.assert_array_equal(stream.codes(), np.zeros((4, 0)))
    got = taken(stream, 6)
    np.testing.assert_array_equal(stream.codes(), got)


def test_an_endless_run_begins_like_a_finite_one(mono: Twins) -> None:
    # The last max_delay frames differ by design: there the first codebook has already ended.
    endless, finite = taken(mono.stream(frames=None), 700), taken(mono.stream(frames=700))
    np.testing.assert_array_equal(endless[:, :697], finite[:, :697])


# ------------------------------------------------------------------ determinism


def test_a_seed_gives_the_same_codes(mono: Twins) -> None:
    torch.manual_seed(1)
    first = taken(mono.stream(sampling=WARM))
    torch.manual_seed(2)  # the process's own generator is not used
    np.testing.assert_array_equal(first, taken(mono.stream(sampling=WARM)))
    other = dataclasses.replace(WARM, seed=8)
    assert not np.array_equal(first, taken(mono.stream(sampling=other)))


def test_streams_in_turn_do_not_disturb_each_other(mono: Twins) -> None:
    alone = taken(mono.stream(sampling=WARM))
    one, two = mono.stream(sampling=WARM), mono.stream("another", sampling=WARM)
    got = []
    for _ in range(40):
        frame = one.next_frame()
        assert frame is not None
        got.append(frame.numpy())
        two.next_frame()
    np.testing.assert_array_equal(alone, np.stack(got, axis=1))


# ------------------------------------------------------------------ continuing from tokens


@pytest.mark.parametrize("channels", ["mono", "stereo"])
@pytest.mark.parametrize("begun", [1, 2, 3, 50, 99])
def test_greedy_continuation_is_the_uninterrupted_runs_remainder(
    channels: str, begun: int, request: pytest.FixtureRequest
) -> None:
    """Exact, the boundary included: the context's delayed codes are forced, not redrawn."""
    twins: Twins = request.getfixturevalue(channels)
    whole = taken(twins.stream(frames=100))
    rest = taken(twins.stream(context=whole[:, :begun], frames=100 - begun))
    np.testing.assert_array_equal(rest, whole[:, begun:])


@pytest.mark.parametrize("begun", [1, 50, 130, 200])
def test_a_drawn_continuation_is_exact_with_the_same_seed(mono: Twins, begun: int) -> None:
    """A take that was interrupted goes on as if nothing had happened, past the window too."""
    whole = taken(mono.stream(sampling=WARM, frames=260, window_frames=60))
    rest = taken(mono.stream("warm analog pads", WARM, whole[:, :begun], 260 - begun, 60))
    np.testing.assert_array_equal(rest, whole[:, begun:])


@pytest.mark.parametrize("begun", [50, 130, 200])
def test_continuation_is_exact_past_the_window_too(mono: Twins, begun: int) -> None:
    whole = taken(mono.stream(frames=260, window_frames=60))
    rest = taken(mono.stream(context=whole[:, :begun], frames=260 - begun, window_frames=60))
    np.testing.assert_array_equal(rest, whole[:, begun:])


@pytest.mark.parametrize(
    "context",
    [
        np.zeros((3, 5), dtype=np.int64),
        np.zeros(5, dtype=np.int64),
        np.full((4, 5), 256),
        np.full((4, 5), -1),
    ],
    ids=["books", "flat", "special", "negative"],
)
def test_a_context_that_does_not_fit_is_refused(mono: Twins, context: np.ndarray) -> None:
    with pytest.raises(BadInput, match="context codes"):
        mono.stream(context=context)


def test_int16_context_from_a_take_is_understood(mono: Twins) -> None:
    context = taken(mono.stream(frames=10))
    want = taken(mono.stream(context=context))
    np.testing.assert_array_equal(want, taken(mono.stream(context=context.astype(np.int16))))
    empty = np.zeros((4, 0), dtype=np.int64)
    np.testing.assert_array_equal(taken(mono.stream(context=empty, frames=10)), context)


# ------------------------------------------------------------------ past the window


def test_the_window_is_never_exceeded(mono: Twins) -> None:
    stream = mono.stream(frames=None, window_frames=60)
    for _ in range(200):
        stream.next_frame()
        assert stream._windows.now is not None
        assert stream._windows.now.state.cache.length <= 60 + mono.lm.config.max_delay


def test_inside_the_window_its_size_changes_nothing(mono: Twins) -> None:
    small, large = mono.stream(frames=80, window_frames=80), mono.stream(frames=80)
    np.testing.assert_array_equal(taken(small), taken(large))


def test_where_the_context_begins() -> None:
    assert kept_frames(1_500) == 600  # 12 s: AudioCraft's stride of 18 s
    room = 1_503
    assert first_frame_seen(room, 1_500, 3) == 0
    assert first_frame_seen(room + 1, 1_500, 3) == room - 600
    for window in (1, 2, 10, 1_500):
        begins = [first_frame_seen(step, window, 3) for step in range(1, 6 * window + 9)]
        assert begins == sorted(begins)
        seen = [step - begin for step, begin in enumerate(begins, start=1)]
        assert min(seen) >= 1
        assert max(seen) <= window + 3


@pytest.mark.parametrize("window", [10, 60, 1_500])
@pytest.mark.parametrize("bar", [1.0, 7.3, 100.0, 106.0 + 2 / 3, 133.33, 399.9, 2_400.0])
@pytest.mark.parametrize("first", [0.0, -0.4, 55.5, -1_234.0])
def test_with_bars_a_context_begins_on_a_line(window: int, bar: float, first: float) -> None:
    room, bars = window + 3, BarGrid(bar, first)
    begins = [first_frame_seen(step, window, 3, bars) for step in range(1, 6 * window + 9)]
    assert begins == sorted(begins)
    assert begins[room - 1] == 0
    seen = [step - begin for step, begin in enumerate(begins, start=1)]
    assert max(seen) <= room
    assert min(seen[room:]) >= kept_frames(window)
    line = bar
    while line > room - kept_frames(window):
        line /= 2
    off = [(begin - first + line / 2) % line - line / 2 for begin in set(begins) - {0}]
    assert np.abs(off).max() <= 0.5 + 1e-6


@given(
    told=st.integers(1, 3000),
    after=st.integers(0, 4000),
    window=st.sampled_from([20, 60, 1500]),
    bar=st.none() | st.floats(2, 1200),
    offset=st.floats(0, 1),
)
def test_a_new_prompt_sees_a_bar_or_two(
    told: int, after: int, window: int, bar: float | None, offset: float
) -> None:
    bars = None if bar is None else BarGrid(bar, offset * bar)
    begins = [
        first_frame_seen(step, window, 3, bars, told) for step in range(told + 1, told + after)
    ]
    for step, begin in enumerate(begins, told + 1):
        assert begin >= 0
        assert step - begin <= window + 3
    assert begins == sorted(begins)
    if not begins:
        return
    seen = told - begins[0]
    least, most = kept_frames(window) / 4, min(2 * 200, kept_frames(window))
    if bars is None:
        assert seen == min(told, 100, kept_frames(window))
    else:
        assert seen <= most + 1
        assert begins[0] == 0 or seen >= min(bars.frames, 100, least) - 1


def test_after_a_new_prompt_little_is_seen_of_the_old_one(mono: Twins) -> None:
    bars = BarGrid(10, 4)
    stream = TokenStream(
        mono.lm, mono.conditioner, Prompt("pads"), WARM, closed=False, bars=bars,
        changes=(Steering(97, Prompt("drums"), WARM),),
    )  # fmt: skip
    taken(stream, 97)
    assert stream._windows.now is not None
    assert stream._windows.now.state.cache.length == 100
    taken(stream, 3)
    assert stream._windows.now.state.cache.length == 103 - 84
    stream.rewind(95)  # the one that saw all of it is still there
    taken(stream, 1)
    assert stream._windows.now.state.cache.length == 99


def test_continuing_with_bars_meets_the_same_contexts(mono: Twins) -> None:
    """Drawn, past a window of 60 frames, its bars of 16.7: tokens are those of one run."""
    bars = BarGrid(50 / 3, 4.0)

    def stream(context: np.ndarray | None, frames: int, bars: BarGrid) -> TokenStream:
        return TokenStream(
            mono.lm, mono.conditioner, Prompt("pads"), WARM, context, frames, 60,
            closed=False, bars=bars,
        )  # fmt: skip

    whole = taken(stream(None, 200, bars))
    first = taken(stream(None, 130, bars))
    rest = taken(stream(first, 70, bars.moved(-130)))
    np.testing.assert_array_equal(np.concatenate((first, rest), axis=1), whole)
    rewound = stream(None, 200, bars)
    taken(rewound, 150)
    rewound.rewind(90)
    np.testing.assert_array_equal(taken(rewound), whole[:, 90:])
    without = mono.stream("pads", WARM, frames=200, window_frames=60)
    assert not np.array_equal(taken(without), whole)


@contextmanager
def readings(lm: LanguageModel) -> Iterator[list[int]]:
    """How many positions are read at once, each time that the model reads more than one step's."""
    read: list[int] = []
    prefill = lm.prefill

    def counted(columns: torch.Tensor, *rest: object) -> torch.Tensor:
        read.append(columns.shape[-1])
        return prefill(columns, *rest)  # pyright: ignore[reportArgumentType]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lm, "prefill", counted)
        yield read


@pytest.mark.parametrize("back_to", [55, 59, 97])
def test_going_back_over_a_windows_end_reads_nothing_again(mono: Twins, back_to: int) -> None:
    """A fader is moved just after the engine, ahead of the ear, has begun a new context."""
    begins = [first_frame_seen(step, 60, mono.lm.config.max_delay) for step in range(1, 121)]
    assert len(set(begins)) == 3
    whole = taken(mono.stream("pads", WARM, frames=120, window_frames=60))
    stream = mono.stream("pads", WARM, frames=120, window_frames=60)
    taken(stream, back_to + 10)
    with readings(mono.lm) as read:
        stream.rewind(back_to)
        assert stream.next_frame() is not None
    assert read == []
    np.testing.assert_array_equal(taken(stream, 120 - back_to - 1), whole[:, back_to + 1 :])
    np.testing.assert_array_equal(stream.codes(), whole)


@pytest.mark.parametrize("jumps", [(), (290,) * 6], ids=["on and on", "back again and again"])
def test_the_next_window_is_read_in_pieces_beforehand(
    mono: Twins, jumps: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read whole when it is due, or whenever a fader goes back over it, it would hold up sound."""
    monkeypatch.setattr(windows, "EVERY", 10**9)
    whole = taken(mono.stream("pads", WARM, frames=500, window_frames=300))
    monkeypatch.undo()
    stream = mono.stream("pads", WARM, frames=500, window_frames=300)
    with readings(mono.lm) as read:
        taken(stream, 315)
        for frame in jumps:
            stream.rewind(frame)
            taken(stream, 25)
        taken(stream)
    np.testing.assert_array_equal(stream.codes(), whole)
    assert sum(read) > kept_frames(300)
    assert max(read) == windows.PIECE


# ------------------------------------------------------------------ changes on the way


def test_a_changed_prompt_takes_over_at_the_next_step(mono: Twins) -> None:
    plain = taken(mono.stream("pads", frames=60))
    stream = mono.stream("pads", frames=60)
    before = taken(stream, 20)
    stream.change_prompt(Prompt("drums"))
    after = taken(stream)
    np.testing.assert_array_equal(before, plain[:, :20])
    # Frame 20's first codebooks were drawn with frame 19's last, before the change.
    np.testing.assert_array_equal(after[0, :3], plain[0, 20:23])
    assert not np.array_equal(after[:, 3:], plain[:, 23:])


def test_the_same_prompt_again_changes_nothing(mono: Twins) -> None:
    plain = taken(mono.stream("pads"))
    stream = mono.stream("pads")
    before = taken(stream, 10)
    stream.change_prompt(Prompt("pads"))
    np.testing.assert_array_equal(np.concatenate((before, taken(stream)), axis=1), plain)


def test_a_prompt_that_is_changed_at_once_keeps_what_was_read(mono: Twins) -> None:
    stream = mono.stream("pads", frames=None)
    taken(stream, 20)
    assert stream._windows.now is not None
    keys = stream._windows.now.state.cache.keys
    stream.change_prompt(Prompt("drums"))
    taken(stream, 3)
    assert stream._windows.now.state.cache.keys is keys


def test_emptying_the_prompt_leaves_the_null_branch(mono: Twins) -> None:
    stream = mono.stream("pads", frames=60)
    before = taken(stream, 20)
    stream.change_prompt(Prompt(""))
    after = taken(stream)
    fresh = mono.stream("", context=np.concatenate((before, after[:, :3]), axis=1), frames=37)
    np.testing.assert_array_equal(after[:, 3:], taken(fresh))


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_guidance_changes_on_the_way(mono: Twins, scale: float) -> None:
    """Both branches depend on prompt and codes alone, so the change equals a continuation."""
    other = SamplingParams(greedy=True, guidance=scale)
    for first, second in ((GREEDY, other), (other, GREEDY)):
        stream = mono.stream(sampling=first, frames=60)
        before = taken(stream, 20)
        stream.change_sampling(second)
        after = taken(stream)
        known = np.concatenate((before, after[:, :3]), axis=1)
        fresh = mono.stream(sampling=second, context=known, frames=37)
        np.testing.assert_array_equal(after[:, 3:], taken(fresh))


def test_from_no_text_to_a_text_and_back(mono: Twins) -> None:
    stream = mono.stream("", frames=60)
    before = taken(stream, 20)
    np.testing.assert_array_equal(before, taken(mono.stream("", frames=None), 20))
    stream.change_prompt(Prompt("drums"))
    assert not np.array_equal(taken(stream, 20), taken(mono.stream("", frames=60))[:, 20:40])
    stream.change_prompt(Prompt(""))
    assert taken(stream).shape == (4, 20)


def test_an_empty_prompt_runs_one_branch(mono: Twins) -> None:
    for text, scale, rows in (("", 3.0, 1), ("  ", 3.0, 1), ("pads", 1.0, 1), ("pads", 3.0, 2)):
        stream = mono.stream(text, SamplingParams(greedy=True, guidance=scale))
        stream.next_frame()
        assert stream._windows.now is not None
        assert stream._windows.now.state.cache.rows == rows


def test_sampling_changes_on_the_way(mono: Twins) -> None:
    stream = mono.stream(sampling=WARM)
    first = taken(stream, 10)
    stream.change_sampling(dataclasses.replace(WARM, temperature=0.5))
    cooler = taken(stream)
    again = mono.stream(sampling=WARM)
    np.testing.assert_array_equal(first, taken(again, 10))
    again.change_sampling(dataclasses.replace(WARM, temperature=0.5, seed=9))
    assert not np.array_equal(cooler, taken(again))
