"""The small pure parts: envelope, clock, ring, source, rolling buffer."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from core.generation.messages import PcmBlock
from daw_bridge.audio.clock import StreamClock
from daw_bridge.audio.envelope import Envelope
from daw_bridge.audio.input import RollingBuffer
from daw_bridge.audio.ring_buffer import RingBuffer
from daw_bridge.audio.source import TakeSource, fit_channels


def test_an_envelope_ramps_from_where_it_is() -> None:
    envelope = Envelope(1.0)
    assert envelope.values(0, 10) == 1.0
    envelope.ramp(100, 0.0, 100)
    assert envelope.value(150) == pytest.approx(0.5)
    envelope.ramp(150, 1.0, 50)
    assert envelope.value(150) == pytest.approx(0.5)
    assert envelope.value(200) == 1.0
    assert envelope.values(200, 10) == 1.0
    assert isinstance(envelope.values(90, 20), np.ndarray)


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 2), st.integers(1, 50)), max_size=8),
       st.integers(0, 600))  # fmt: skip
def test_forgetting_the_past_of_an_envelope_changes_nothing_later(ramps, before) -> None:
    envelope, other = Envelope(0.5), Envelope(0.5)
    for frame, target, frames in ramps:
        envelope.ramp(frame, target, frames)
        other.ramp(frame, target, frames)
    other.forget(before)
    frames = range(before, 700, 7)
    assert [other.value(f) for f in frames] == [envelope.value(f) for f in frames]


def test_the_clock_finds_the_callbacks_beat_behind_late_polls() -> None:
    rate, block = 48_000, 256
    clock = StreamClock(rate, latency=0.01)
    rng = np.random.default_rng(1)
    now = 100.0
    while now < 101.0:
        taken = (int((now - 100.0) * rate) // block + 1) * block
        clock.observe(now, taken, block)
        now += rng.uniform(0.002, 0.006)
    assert clock.time_of(48_000) == pytest.approx(101.01, abs=5e-4)
    assert abs(clock.frame_at(101.01) - 48_000) < 24


def test_the_clock_follows_after_an_xrun() -> None:
    clock = StreamClock(48_000)
    for step in range(500):
        now = step * 0.004
        slip = 0.02 if now > 1.0 else 0.0
        clock.observe(now, round((now - slip) * 48_000), 0)
    assert clock.time_of(96_000) == pytest.approx(2.02, abs=5e-4)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_the_ring_returns_what_was_written(sizes) -> None:
    ring = RingBuffer(400, 2)
    everything = np.arange(2 * sum(sizes), dtype=np.float32).reshape(-1, 2)
    at = 0
    for size in sizes:
        ring.write(at, everything[at : at + size])
        at += size
        back = min(at, ring.capacity)
        np.testing.assert_array_equal(ring.read(at - back, back), everything[at - back : at])


def test_the_ring_may_be_written_again_but_never_with_a_hole() -> None:
    ring = RingBuffer(64, 1)
    ring.write(0, np.zeros((50, 1), np.float32))
    ring.write(20, np.ones((10, 1), np.float32))
    assert ring.frontier == 50
    assert ring.read(0, 50).sum() == 10
    with pytest.raises(ValueError, match="frontier"):
        ring.write(51, np.ones((1, 1), np.float32))
    with pytest.raises(ValueError, match="not in the ring"):
        ring.read(40, 11)


def block(pcm: np.ndarray, first: int = 0, last: bool = False) -> PcmBlock:
    return PcmBlock(1, 1, first, pcm.astype(np.float32), last)


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=10), st.sampled_from([44_100, 48_000]))
def test_block_borders_are_not_heard_in_resampled_audio(sizes, rate) -> None:
    audio = np.random.default_rng(0).normal(0, 0.2, (sum(sizes) + 1000, 1)).astype(np.float32)
    source, at = TakeSource(rate, 1), 0
    for size in [*sizes, 1000]:
        source.receive(block(audio[at : at + size], at, last=at + size == len(audio)))
        at += size
    assert source.complete
    assert source.received == len(audio)
    expected = soxr.resample(audio, 32_000, rate)
    assert abs(source.tail - len(expected)) <= 1
    count = min(source.tail, len(expected))
    np.testing.assert_allclose(source.read(0, count), expected[:count], atol=1e-5)
    assert source.sample_at(source.tail) == len(audio)


def test_overlapping_blocks_are_trimmed_and_holes_are_silent() -> None:
    source = TakeSource(32_000, 1)
    source.receive(block(np.ones((100, 1)), first=50))
    source.receive(block(np.full((100, 1), 2.0), first=100))
    source.receive(block(np.full((10, 1), 3.0), first=210, last=True))
    assert (source.base, source.received, source.tail) == (50, 220, 170)
    values = source.read(0, 170)[:, 0]
    assert [(values == v).sum() for v in (1, 2, 0, 3)] == [100, 50, 10, 10]


def test_channels_are_made_to_fit_and_nonsense_is_silent() -> None:
    mono = np.array([[1.0], [np.nan]], np.float32)
    np.testing.assert_array_equal(fit_channels(mono, 2), [[1, 1], [0, 0]])
    stereo = np.array([[1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(fit_channels(stereo, 1), [[0.5]])
    np.testing.assert_array_equal(fit_channels(stereo, 4), [[1, 0, 0, 0]])


@given(st.lists(st.integers(0, 130), max_size=12), st.integers(0, 150))
def test_the_rolling_buffer_keeps_the_latest(sizes, wanted) -> None:
    rolling, everything = RollingBuffer(100, 2), np.zeros((0, 2), np.float32)
    for size in sizes:
        new = np.arange(2 * size, dtype=np.float32).reshape(-1, 2) + len(everything)
        rolling.append(new)
        everything = np.concatenate([everything, new])
    count = min(wanted, len(everything), 100)
    expected = everything[len(everything) - count :]
    np.testing.assert_array_equal(rolling.until(len(everything), wanted), expected)
    stop = len(everything) // 2  # a stretch that ended a while ago
    kept = everything[max(len(everything) - 100, stop - wanted, 0) : stop]
    np.testing.assert_array_equal(rolling.until(stop, wanted), kept)
