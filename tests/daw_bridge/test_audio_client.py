"""The client with a real audio process that writes a WAV: no sound card needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from core.generation.messages import PcmBlock
from daw_bridge.audio.messages import (
    AudioEvent,
    AudioProblem,
    BeginTake,
    Capture,
    Captured,
    DeviceLost,
    Levels,
    OpenOutput,
    OutputOpened,
    Played,
    TakeEnded,
    TakeHeard,
)
from daw_bridge.audio_client import AudioClient


class Listener:
    def __init__(self) -> None:
        self.events: list[AudioEvent] = []

    def of(self, kind: type) -> list:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def wait(self, kind: type, count: int = 1, timeout: float = 15.0) -> list:
        until = time.monotonic() + timeout
        while len(self.of(kind)) < count:
            told = [event for event in self.events if not isinstance(event, Levels)]
            assert time.monotonic() < until, f"no {count} × {kind.__name__}: {told[-8:]}"
            time.sleep(0.01)
        return self.of(kind)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def client(listener: Listener) -> Iterator[AudioClient]:
    client = AudioClient()
    client.start(listener.events.append)
    yield client
    client.stop()


def ramp(seconds: float) -> np.ndarray:
    return (np.arange(1, round(seconds * 32_000) + 1) / 2**24).astype(np.float32)[:, None]


def play(client: AudioClient, pcm: np.ndarray, last: bool = True) -> None:
    client.send(BeginTake(1, 1))
    starts = range(0, len(pcm), 6400)
    for first in starts:
        end = last and first == starts[-1]
        client.play(PcmBlock(1, 1, first, pcm[first : first + 6400], end))


def test_a_take_is_played_into_a_file(client: AudioClient, listener: Listener, tmp_path) -> None:
    path = tmp_path / "out.wav"
    client.send(OpenOutput(f"wav:{path}"))
    play(client, ramp(0.6))
    listener.wait(TakeEnded)
    client.stop()
    assert listener.of(OutputOpened)[0].rate == 32_000
    assert len(listener.of(TakeHeard)) == 1
    assert listener.of(TakeEnded) == [TakeEnded(1, 19_200, completed=True)]
    audio = sf.read(path, dtype="float32")[0][:, 0]
    start = int(np.flatnonzero(audio == np.float32(1000 / 2**24))[0]) - 999
    np.testing.assert_array_equal(audio[start + 100 : start + 19_000], ramp(0.6)[100:19_000, 0])


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])  # a crash, and a hang
def test_the_take_goes_on_in_another_process(
    client: AudioClient, listener: Listener, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "out.wav"
    client.send(OpenOutput(f"wav:{path}"))
    play(client, ramp(4.0), last=False)
    listener.wait(Played, 3)
    first = client.process_id
    assert first is not None
    os.kill(first, getattr(signal, how))
    problem = listener.wait(AudioProblem)[0]
    assert "starting it again" in problem.text
    before = listener.of(Played)
    after = listener.wait(Played, len(before) + 2)[-1]
    assert client.process_id != first
    assert before[-1].samples <= after.samples < before[-1].samples + 16_000
    assert len(listener.of(TakeHeard)) == 1
    client.stop()
    assert len(sf.read(path)[0]) > before[-1].samples - 16_000  # continued, not started over


def test_another_output_takes_the_take_along(
    client: AudioClient, listener: Listener, tmp_path: Path
) -> None:
    client.send(OpenOutput("none"))
    play(client, ramp(3.0))
    listener.wait(Played, 2)
    path = tmp_path / "out.wav"
    client.send(OpenOutput(f"wav:{path}"))
    listener.wait(OutputOpened, 2)
    listener.wait(TakeEnded)
    client.stop()
    assert listener.of(TakeEnded) == [TakeEnded(1, 96_000, completed=True)]
    assert not listener.of(AudioProblem)
    assert 0 < np.abs(sf.read(path)[0]).max() <= 96_000 / 2**24


def test_what_cannot_be_opened_is_one_line(client: AudioClient, listener: Listener) -> None:
    client.send(OpenOutput("wav:/no/such/folder/out.wav"))
    (lost,) = listener.wait(DeviceLost)
    assert not lost.retrying
    assert "there is no folder" in lost.text
    client.send(Capture(1, 2.0))
    assert listener.wait(Captured)[0].pcm.shape == (0, 1)
    assert "no input is open" in listener.of(AudioProblem)[0].text


def test_stopping_twice_and_sending_later_do_no_harm(listener: Listener) -> None:
    client = AudioClient()
    client.send(OpenOutput("none"))
    client.start(listener.events.append)
    listener.wait(OutputOpened)
    client.stop()
    client.stop()
    client.send(OpenOutput("none"))
    assert client.process_id is None


def test_the_application_never_loads_portaudio() -> None:
    check = (
        "import sys, daw_bridge.audio_client, daw_bridge.audio.devices\n"
        "assert not {'sounddevice', 'rtmixer', 'soundfile', 'torch'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-c", check], check=True, env=environment)
