"""A loop through the audio process and JACK, against a leader whose tempo wanders."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest

from core.generation.messages import PcmBlock
from daw_bridge.audio.messages import BeginTake, LoopGrid, OpenOutput, OutputOpened, PlayLoop
from daw_bridge.looping.loop_making import make_loop
from daw_bridge.looping.tail import tail_frames
from tests.daw_bridge.audio.loop_stage import LEAD, judged
from tests.daw_bridge.looping.test_beat_drift import BEAT, drums
from tests.real.conftest import AudioRig, JackServer
from tests.real.test_audio_scheduling import TimedCapture

pytestmark = [pytest.mark.real, pytest.mark.accept]
RATE = 48_000
PERIOD = 256 / RATE  # of latency: what jackd -S says of its dummy driver
SECONDS = 4 * BEAT
ROUNDS = 50


def leader(at: float) -> float:
    """Rounds that are over `at` seconds after the start: 0.3 % faster and slower within 20 s."""
    return (at + 0.003 * 10 / math.pi * (1 - math.cos(math.pi * at / 10))) / SECONDS


def when(rounds: float) -> float:
    """The moment at which so many rounds are over."""
    at = rounds * SECONDS
    for _ in range(20):
        at += (rounds - leader(at)) * SECONDS
    return at


@pytest.mark.timeout(240)
def test_fifty_rounds_on_jack_keep_the_grid(
    audio_rig: AudioRig, jack_server: Callable[..., JackServer]
) -> None:
    jack_server(rate=RATE, period=256)
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    take = drums(BEAT, SECONDS + tail_frames(SECONDS) / 50)
    made = make_loop(take, SECONDS, BEAT)
    capture = TimedCapture("PortAudio:out_0")
    try:
        start = time.monotonic() + 1.0
        audio_rig.send(BeginTake(1, 1, 1.0, start - 1.0))
        audio_rig.client.play(PcmBlock(1, 1, 0, take, last=True))
        at = len(made.pcm) - round(LEAD * 32_000)
        audio_rig.send(PlayLoop(1, 2, made.pcm, SECONDS, 1, follows=1, at=at))
        end = start + when(ROUNDS + 1) + 0.5
        while (now := time.monotonic()) < end:
            here = leader(max(0.0, now - start))
            pace = (leader(now - start + 0.01) - leader(now - start - 0.01)) / 0.02
            line = start + when(math.floor(here) + 1) if now > start else start
            audio_rig.send(LoopGrid(1, 1 / pace, line))
            time.sleep(0.05)
        first, last = capture._blocks[0][0], capture._blocks[-1][0]
        heard = np.zeros(last - first + 2 * RATE, np.float32)
        for frame, audio in capture._blocks:
            heard[frame - first : frame - first + len(audio)] = audio
        frames = [
            _frame_of(capture, start + when(n) - PERIOD) - first for n in range(1, ROUNDS + 1)
        ]
    finally:
        capture.close()
    rounds = judged(heard, made.pcm[:, 0], np.array(frames), RATE)
    worst, mean = np.abs(rounds.errors).max() * 1e3, np.abs(rounds.errors).mean() * 1e3
    print(f"{ROUNDS} rounds: mean {mean:.2f} ms, worst {worst:.2f} ms off the grid")  # noqa: T201
    assert worst < 2.0
    assert rounds.at_wraps.max() <= np.percentile(rounds.inside, 99)
    assert rounds.hiss_at_wraps.max() <= np.percentile(rounds.hiss_inside, 99)


def _frame_of(capture: TimedCapture, at: float) -> float:
    """The frame that went by `at` that time: a callback is late now and then, never early."""
    near = [(f, t) for f, t in capture._times if abs(t - at) < 0.5]
    return (at - min(t - f / RATE for f, t in near)) * RATE
