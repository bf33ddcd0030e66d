"""Ten minutes of endless generation through JACK, steered on the way, on a busy machine.

`make accept ARGS=tests/real/test_endless.py`; the picture is then build/endless.png.
ENDLESS_SECONDS=120 makes a short try of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.generation.context_window import first_frame_seen
from core.generation.steering_timeline import SteeringTimeline
from daw_bridge.take_table import record_of
from daw_bridge.take_timeline import timeline
from tests.conftest import require_program
from tests.real.conftest import wait_for
from tests.real.endless_figures import (
    MemoryWatch,
    departures,
    draw,
    levels,
    silences,
    spectral_steps,
)
from tests.real.serving import OscClient, Program

SECONDS = int(os.environ.get("ENDLESS_SECONDS", "600"))
pytestmark = [pytest.mark.real, pytest.mark.accept, pytest.mark.timeout(SECONDS + 300)]
RATE = 48_000
FLAT = 3.0  # MB a minute; a take of ten minutes in memory would be 7
PICTURE = Path(__file__).parents[2] / "build" / "endless.png"
PROMPTS = ("mellow jazz trio", "techno with a driving kick", "solo piano", "latin percussion",
           "lo-fi hip hop beat")  # fmt: skip
FADERS = tuple(fader for top_k in (150, 100, 200, 250) for fader in (
    ("temperature", 0.9), ("top_k", top_k), ("guidance", 2.5), ("temperature", 1.1),
    ("guidance", 3.0)))  # fmt: skip


@pytest.fixture
def display() -> Iterator[str]:
    require_program("Xvfb")
    words = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    yield f":{server.stdout.readline().strip()}"
    server.terminate()
    server.wait(5)
    server.stdout.close()


@pytest.fixture
def hogs() -> Iterator[None]:
    words = [sys.executable, "-c", "while True: sum(range(1000))"]
    started = [subprocess.Popen(words) for _ in range(2)]
    yield
    for hog in started:
        hog.kill()
        hog.wait()


def test_ten_minutes_without_a_gap(
    jack_server, jack_rec, display: str, tmp_path: Path, hogs: None, capsys
) -> None:
    server = jack_server(rate=RATE, period=256, realtime=True)
    with Program(tmp_path, "--model", "starter", "--device", "cpu", "--no-discovery",
                 display=display) as program:  # fmt: skip
        client = OscClient(program.port)
        wait_for(lambda: "PortAudio:out_0" in server.ports(), 60, "the output is open")
        while client.status()["state"] != "idle":
            time.sleep(0.5)
        recording = jack_rec(server, SECONDS + 30, ("PortAudio:out_0",))
        watch = MemoryWatch(program.pid)
        for name, value in (("tempo", 112), ("bars", 0), ("quantize", 0), ("seed", 5)):
            client.send(f"/musicgen/{name}", value)
        client.send("/musicgen/generate", "funky drums and bass")
        began, _ = client.wait_for("/musicgen/first_audio", 60)
        prompts = [(PROMPTS[n], (n + 0.5) * SECONDS / 5) for n in range(5)]
        faders = [(fader, (n + 0.25) * SECONDS / 20) for n, fader in enumerate(FADERS)]
        for what, at in sorted([*prompts, *faders], key=lambda one: one[1]):
            time.sleep(max(0.0, began + at - time.monotonic()))
            if isinstance(what, str):
                client.send("/musicgen/prompt", what)
            else:
                client.send(f"/musicgen/{what[0]}", what[1])
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        watch.stop()
        client.send("/musicgen/stop")
        _, (_, path) = client.wait_for("/musicgen/done", 60)
        status = client.status()
        client.close()
    take = soundfile.read(path, dtype="float32")[0]
    record = record_of(json.loads(Path(path).with_suffix(".json").read_text()))
    heard = recording.result()[:, 0]
    changes = timeline(record)[1:]
    spliced = [change.frame / 50 - 0.075 for change in changes]
    gaps = departures(heard, take, RATE, spliced)
    quiet = silences(heard, RATE)
    steps, loud = spectral_steps(take), levels(take, 32_000)
    first = timeline(record)[0]
    past = SteeringTimeline(first.prompt, first.sampling)
    for change in changes:
        past.change(change.frame + 1, prompt=change.prompt, sampling=change.sampling)
    begins = [first_frame_seen(step, 1500, 3, record.bar_grid, past.told_since(step))
              for step in range(1, 50 * len(loud))]  # fmt: skip
    anew = [step / 50 for step, (one, other) in enumerate(pairwise(begins), 1) if one != other]
    draw(PICTURE, take, {"a prompt or a parameter changed": spliced,
                         "context made anew": anew}, watch)  # fmt: skip
    said = [f"endless: {len(take) / 32_000:.1f} s, {len(changes)} changes, {len(gaps)} gaps {gaps}",
            f"{quiet} silences, {status['underruns']} underruns; jackd: {server.xruns()} xruns",
            f"level {np.median(loud):.1f} dB, first minute {np.median(loud[:60]):.1f}, last "
            f"{np.median(loud[-60:]):.1f}; spectral step {np.median(steps):.2f} dB, where the "
            f"context is made anew {np.median(_at(steps, anew)):.2f}"]  # fmt: skip
    said += [f"{watch.seen[pid][-1][1]:.0f} MB, {watch.growth(pid):+.2f} MB a minute: {name}"
             for pid, name in watch.names.items() if len(watch.seen[pid]) > 10]  # fmt: skip
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(said) + "\n")
    assert len(take) / 32_000 >= SECONDS - 1
    assert len({change.prompt for change in changes}) == 6  # 5, and the one it began with
    assert len(changes) >= 20  # moves of guidance change nothing while latency has turned it off
    assert gaps == []
    assert quiet == 0
    assert status["underruns"] == 0
    for pid, samples in watch.seen.items():
        assert len(samples) < 10 or watch.growth(pid) < FLAT, watch.names[pid]


def _at(steps: np.ndarray, places: list[float]) -> np.ndarray:
    """The steps across those moments; all of them where there is none."""
    chosen = [steps[int(place) - 1] for place in places if 0 < int(place) <= len(steps)]
    return np.array(chosen) if chosen else steps
