"""What is captured from the input lies on the bar: a drummer beside a clock, through JACK."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from daw_bridge.audio.messages import Capture, Captured, InputOpened, OpenInput
from tests.real.jack_child import LoopPlayer

pytestmark = pytest.mark.real
RATE = 48_000
STEADY = 0.0003  # seconds
CAPTURE = 256 / RATE  # what jackd says of its dummy card: a frame was heard a period before


def drum_bar(bpm: float, rate: int = RATE) -> np.ndarray:
    """One bar of 4/4: a burst on each beat, the first one the loudest; float32 [samples]."""
    bar = np.zeros(round(rate * 240 / bpm), np.float32)
    length = rate // 10
    fade = np.exp(-np.arange(length) / (0.02 * rate))
    for beat, (loud, pitch) in enumerate(((0.8, 180), (0.4, 900), (0.6, 300), (0.4, 900))):
        burst = loud * fade * np.cos(2 * np.pi * pitch * np.arange(length) / rate)
        at = round(beat * rate * 60 / bpm)
        bar[at : at + length] += burst.astype(np.float32)[: len(bar) - at]
    return bar


def lateness(heard: np.ndarray, bar: np.ndarray) -> float:
    """Seconds by which the first bar line lies behind the first sample."""
    expected = np.resize(bar, len(heard))
    alike = np.fft.irfft(np.fft.rfft(heard) * np.fft.rfft(expected).conj(), len(heard))
    late = int(np.argmax(alike))
    return (late - len(bar) * round(late / len(bar))) / RATE


def test_a_capture_begins_and_ends_on_bar_lines(jack_server, audio_rig) -> None:
    """Also where the end is yet to come. A capture beside which the server lost time is none."""
    server = jack_server(rate=RATE)
    audio_rig.send(OpenInput())
    audio_rig.wait(InputOpened)
    drummer, bar = LoopPlayer(), drum_bar(240.0)
    length, off = len(bar) / RATE, []
    try:
        server.connect(drummer.name, "PortAudio:in_0")
        drummer.play(bar)
        while time.monotonic() < drummer.began() + 3 * length:
            time.sleep(0.5)
        for token in range(1, 13):
            began = drummer.began()
            bars = math.ceil((time.monotonic() - began) / length) - token % 2
            asked_until = began + bars * length - CAPTURE
            audio_rig.send(Capture(token, 2 * length, asked_until))
            captured = audio_rig.wait(Captured, token)[-1]
            assert captured.token == token
            assert time.monotonic() >= asked_until
            assert abs(len(captured.pcm) - 2 * len(bar)) <= 1
            if abs(drummer.began() - began) < STEADY:
                off.append(lateness(captured.pcm[:, 0], bar))
            if len(off) == 5:
                break
    finally:
        drummer.close()
    assert off, "the sound server lost time all the while"
    assert np.median(np.abs(off)) < 0.002, f"off the bar line by {off} s"
