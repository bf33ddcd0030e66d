"""The sound server dies, the audio process dies, the application is killed: what then?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from daw_bridge.audio.messages import (
    AudioProblem,
    BeginTake,
    Capture,
    Captured,
    DeviceLost,
    InputOpened,
    OpenInput,
    OpenOutput,
    OutputOpened,
    Played,
    TakeEnded,
    TakeHeard,
)
from tests.real.conftest import wait_for

pytestmark = pytest.mark.real


def coded(seconds: float) -> np.ndarray:
    """Sample i is i/2²⁴: what is heard tells where in the take it is from."""
    return (np.arange(round(seconds * 32_000)) / 2**24).astype(np.float32)[:, None]


def test_the_take_goes_on_when_a_killed_jackd_is_back(jack_server, jack_rec, audio_rig):
    server = jack_server(rate=32_000)
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(coded(8.0))
    wait_for(lambda: bool(audio_rig.of(Played)), 5.0, "the take plays")
    time.sleep(1.0)
    server.kill()
    lost = audio_rig.wait(DeviceLost)
    time.sleep(1.0)
    before = max(event.samples for event in audio_rig.of(Played))
    server.start()
    back = time.monotonic()
    played = len(audio_rig.of(Played))
    audio_rig.wait(Played, played + 1)
    assert time.monotonic() - back < 3.0
    captured = jack_rec(server, 1).result()
    codes = np.rint(captured[:, 0].astype(np.float64) * 2**24).astype(np.int64)
    codes = codes[np.flatnonzero(codes)]
    assert before - 3200 < codes[0] < before + 5 * 32_000
    assert (np.diff(codes) == 1).all()
    resumed = audio_rig.of(Played)[played].samples
    assert before - 320 <= resumed < before + 8000  # nothing skipped, hardly anything twice
    assert [event.kind for event in lost] == ["output"]
    assert len(audio_rig.of(TakeHeard)) == 1
    assert not audio_rig.of(TakeEnded)


def test_a_missing_device_is_one_line_and_found_later(jack_server, audio_rig, monkeypatch):
    server = jack_server()
    server.kill()
    audio_rig.send(OpenOutput())
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(coded(0.5) + 0.25)
    lost = audio_rig.wait(DeviceLost)
    time.sleep(1.2)
    assert audio_rig.of(DeviceLost) == lost
    assert lost[0].retrying
    assert "no audio device" in lost[0].text
    server.start()
    back = time.monotonic()
    audio_rig.wait(TakeHeard)
    assert time.monotonic() - back < 6.0  # two starts of a process among whatever else runs
    assert audio_rig.wait(TakeEnded) == [TakeEnded(1, 16_000, completed=True)]


def test_a_killed_audio_process_is_replaced(jack_server, audio_rig):
    jack_server(synchronous=False)
    audio_rig.send(OpenOutput())
    audio_rig.wait(OutputOpened)
    audio_rig.send(BeginTake(1, 1))
    audio_rig.play(coded(20.0) + 0.1)
    audio_rig.wait(Played, 3)
    killed = audio_rig.client.process_id
    os.kill(killed, signal.SIGKILL)
    assert "starting it again" in audio_rig.wait(AudioProblem)[0].text
    before = audio_rig.of(Played)
    after = audio_rig.wait(Played, len(before) + 1)[-1].samples
    assert before[-1].samples <= after < before[-1].samples + 8000
    assert audio_rig.client.process_id != killed


def test_the_input_captures_what_was_played(jack_server, audio_rig):
    server = jack_server(rate=32_000)
    audio_rig.send(OpenOutput())
    audio_rig.send(OpenInput())
    audio_rig.wait(OutputOpened)
    assert audio_rig.wait(InputOpened)[0].rate == 32_000
    for side in (0, 1):
        server.connect(f"PortAudio:out_{side}", f"PortAudio:in_{side}")
    audio_rig.send(BeginTake(1, 1))
    sent = coded(1.0) + np.float32(2**-10)  # never zero
    audio_rig.play(sent)
    audio_rig.wait(TakeEnded)
    time.sleep(0.1)
    audio_rig.send(Capture(7, 3.0))
    answer = audio_rig.wait(Captured)[0]
    assert (answer.token, answer.rate, answer.pcm.shape[1]) == (7, 32_000, 2)
    left = answer.pcm[:, 0]
    start = int(np.flatnonzero(left == sent[5000, 0])[0]) - 5000
    np.testing.assert_array_equal(left[start + 200 : start + 31_800], sent[200:31_800, 0])


def test_the_audio_process_ends_with_a_killed_application(tmp_path: Path, jack_server):
    jack_server()
    script = tmp_path / "application.py"
    script.write_text(
        "import time\n"
        "from daw_bridge.audio.messages import OpenOutput, OutputOpened\n"
        "from daw_bridge.audio_client import AudioClient\n"
        "if __name__ == '__main__':\n"
        "    client = AudioClient()\n"
        "    def tell(event):\n"
        "        if isinstance(event, OutputOpened):\n"
        "            print(client.process_id, flush=True)\n"
        "    client.start(tell)\n"
        "    client.send(OpenOutput())\n"
        "    time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=environment
    ) as application:
        assert application.stdout is not None
        child = int(application.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        application.kill()
        wait_for(lambda: not _runs(child), 3.0, "the audio process is gone")


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
