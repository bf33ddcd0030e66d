"""What comes out of PortAudio, recorded by jack_rec: whole, exact and without clicks."""

from __future__ import annotations

import time

import numpy as np
import pytest
import soxr

from daw_bridge.audio.messages import (
    BeginTake,
    EndTake,
    OpenOutput,
    OutputOpened,
    Played,
    SetGain,
    Silence,
    TakeEnded,
    TakeHeard,
)

pytestmark = pytest.mark.real


def tone(seconds: float, hertz: float = 220.0, amplitude: float = 0.5) -> np.ndarray:
    """A cosine: it starts at full level, so a missing fade would click."""
    phase = 2 * np.pi * hertz * np.arange(round(seconds * 32_000)) / 32_000
    return (amplitude * np.cos(phase)).astype(np.float32)[:, None]


def test_every_sample_arrives_once_and_unchanged(jack_server, jack_rec, audio_rig):
    """At 32 kHz nothing is resampled: sample i is i/2²⁴, right is −left, none may be missing."""
    server = jack_server(rate=32_000)
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    recording = jack_rec(server, 9)
    left = (np.arange(64_000) / 2**24).astype(np.float32)
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(np.stack([left, -left], axis=1), size=1920)
    audio_rig.wait(TakeEnded)

    captured = recording.so_far()
    codes = np.rint(captured[:, 0].astype(np.float64) * 2**24).astype(np.int64)
    start = int(np.flatnonzero(codes == 1000)[0]) - 1000
    whole = slice(start + 200, start + 64_000 - 200)  # without the fades at both ends
    np.testing.assert_array_equal(codes[whole], np.arange(200, 64_000 - 200))
    np.testing.assert_array_equal(captured[:, 1], -captured[:, 0])
    assert not captured[: start + 1].any()
    assert not captured[start + 64_000 :].any()
    assert audio_rig.of(TakeEnded) == [TakeEnded(1, 64_000, completed=True)]
    assert audio_rig.of(Played)[-1].underruns == 0


def test_resampled_audio_equals_the_reference(jack_server, jack_rec, audio_rig):
    """At 48 kHz: equal to soxr's resampling of the whole take, though blocks are odd-sized."""
    server = jack_server(rate=48_000)
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    recording = jack_rec(server, 9)
    noise = np.random.default_rng(5).normal(0, 0.1, 48_000).astype(np.float32)[:, None]
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(noise, size=1777)
    audio_rig.wait(TakeEnded)

    captured = recording.so_far()[:, 0]
    reference = soxr.resample(noise[:, 0], 32_000, 48_000)[480:-480]
    probe = reference[:8192]
    size = 1 << int(np.ceil(np.log2(len(captured) + len(probe))))
    spectrum = np.fft.rfft(captured, size) * np.conj(np.fft.rfft(probe, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: len(captured)]))
    error = np.abs(captured[at : at + len(reference)] - reference).max()
    assert error <= 1e-4


def test_nothing_clicks(jack_server, jack_rec, audio_rig):
    """Start, gain, take change, stop and panic: no step larger than a ramp's."""
    server = jack_server()
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    recording = jack_rec(server, 9)
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(tone(5), last=False)
    time.sleep(0.4)
    audio_rig.send(SetGain(0.5))
    time.sleep(0.3)
    audio_rig.send(BeginTake(2, 2))
    audio_rig.play(tone(5, 330.0), take=2, epoch=2, last=False)
    ended = audio_rig.wait(TakeEnded)
    assert (ended[0].take, ended[0].completed) == (1, False)
    time.sleep(0.3)
    audio_rig.send(EndTake(2))
    audio_rig.wait(TakeEnded, 2)
    audio_rig.send(BeginTake(3, 3))
    audio_rig.play(tone(5), take=3, epoch=3, last=False)
    time.sleep(0.3)
    panicked = time.monotonic()
    audio_rig.send(Silence())
    audio_rig.wait(TakeEnded, 3)
    assert time.monotonic() - panicked < 0.15

    captured = recording.so_far()
    steps = np.abs(np.diff(captured, axis=0)).max(axis=0)
    slope = 0.5 * 2 * np.pi * 330 / 48_000
    assert steps.max() < slope + 0.5 / (0.002 * 48_000) + 0.002  # the tone's own + a 2 ms ramp
    assert np.abs(captured).max() > 0.45
    assert not captured[-2400:].any()
    assert [event.take for event in audio_rig.of(TakeHeard)] == [1, 2, 3]


def test_first_sound_is_quick_though_the_ring_is_full(jack_server, audio_rig):
    jack_server()
    audio_rig.send(OpenOutput(buffer_seconds=0.5))
    audio_rig.wait(OutputOpened)
    time.sleep(0.6)
    audio_rig.send(BeginTake(1, 1))
    sent = time.monotonic()
    audio_rig.play(tone(1.0))
    heard = audio_rig.wait(TakeHeard)[0]
    assert heard.at - sent < 0.1


@pytest.mark.parametrize("pause", [0.4])
def test_a_starved_take_dips_without_a_click_and_is_counted(
    jack_server, jack_rec, audio_rig, pause
):
    server = jack_server()
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    recording = jack_rec(server, 9)
    audio = tone(1.2)
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(audio[:12_800], last=False)
    time.sleep(0.4 + pause)
    audio_rig.play(audio[12_800:], first=12_800)
    ended = audio_rig.wait(TakeEnded)
    assert ended == [TakeEnded(1, len(audio), completed=True)]
    assert audio_rig.of(Played)[-1].underruns == 1

    captured = recording.so_far()[:, 0]
    loud = np.flatnonzero(np.abs(captured) > 1e-3)
    silent = np.diff(loud).max() / 48_000  # the longest silence inside
    assert pause - 0.1 < silent < pause + 0.15
    assert np.abs(np.diff(captured)).max() < 0.03
