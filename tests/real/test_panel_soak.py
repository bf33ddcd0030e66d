"""Five minutes of an endless take through JACK while the panel is painted without a rest.

`make accept ARGS=tests/real/test_panel_soak.py`; PANEL_SOAK_SECONDS=40 makes a short try of it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import require_program
from tests.real.conftest import wait_for
from tests.real.desktop import Desktop
from tests.real.endless_figures import departures, silences
from tests.real.serving import OscClient, Program

SECONDS = int(os.environ.get("PANEL_SOAK_SECONDS", "300"))
pytestmark = [pytest.mark.real, pytest.mark.accept, pytest.mark.timeout(SECONDS + 200)]
RATE, PERIOD = 48_000, 256
SMALL, STEP = (900, 600), (18, 12)
STEPS = 20  # from small to large, as a hand drags a corner: 25 a second
PAUSE = 0.04
STAY = 4  # sweeps on a page: there and back twice
PAGES = ("alt+1", "alt+2", "alt+1", "alt+3", "alt+1", "alt+4", "alt+1", "alt+5")


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    with Desktop((1300, 900), tray=False) as screen:
        yield screen


class RestlessHand:
    """Sizes the panel up and down and turns its pages, until it is told to stop."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._window = desktop.tool("search", "--onlyvisible", "--name", "^daw-bridge$").split()[0]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.sizes: set[tuple[int, int]] = set()  # that the screen had, as X tells it
        self.resized = self.pages = self.changed = 0
        self.problem = ""

    def __enter__(self) -> RestlessHand:
        self._thread.start()
        return self

    def __exit__(self, *left: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _work(self) -> None:
        try:
            for page in cycle(PAGES):
                self._desktop.tool("key", "--window", self._window, page)
                self.pages += 1
                for sweep in range(STAY):
                    if self._stop.is_set():
                        return
                    self._sweep(down=bool(sweep % 2))
                    self._look()
        except Exception as error:  # noqa: BLE001 - it is asserted where the test ends
            self.problem = str(error)

    def _sweep(self, *, down: bool) -> None:
        words: list[object] = []
        steps = range(STEPS + 1)
        for step in reversed(steps) if down else steps:
            size = [small + each * step for small, each in zip(SMALL, STEP, strict=True)]
            words += ["windowsize", self._window, *size, "sleep", PAUSE]
        self._desktop.tool(*words)
        self.resized += STEPS + 1

    def _look(self) -> None:
        """The window's size, and whether what is on the screen moves by itself."""
        told = self._desktop.tool("getwindowgeometry", "--shell", self._window)
        facts = dict(line.split("=") for line in told.split())
        self.sizes.add((int(facts["WIDTH"]), int(facts["HEIGHT"])))
        before = self._desktop.pixels()
        time.sleep(0.3)
        self.changed += bool((before != self._desktop.pixels()).any())


def test_sound_does_not_notice_the_panel(
    jack_server, jack_rec, desktop: Desktop, tmp_path: Path, monkeypatch, capsys
) -> None:
    require_program("xdotool")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    server = jack_server(rate=RATE, period=PERIOD, realtime=True)
    with Program(tmp_path, "--model", "starter", "--device", "cpu", "--no-discovery",
                 display=desktop.display) as program:  # fmt: skip
        client = OscClient(program.port)
        wait_for(lambda: "PortAudio:out_0" in server.ports(), 60, "the output is open")
        while client.status()["state"] != "idle":
            time.sleep(0.5)
        for name, value in (("tempo", 112), ("bars", 0), ("quantize", 0), ("seed", 5)):
            client.send(f"/musicgen/{name}", value)
        client.send("/play")  # the beats blink
        recording = jack_rec(server, SECONDS + 20, ("PortAudio:out_0",))
        with RestlessHand(desktop) as hand:
            client.send("/musicgen/generate", "funky drums and bass")
            began, _ = client.wait_for("/musicgen/first_audio", 60)
            time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        client.send("/musicgen/stop")
        _, (_, path) = client.wait_for("/musicgen/done", 60)
        status = client.status()
        client.close()
    take = soundfile.read(path, dtype="float32")[0]
    heard = recording.result()[:, 0]
    gaps, quiet = departures(heard, take, RATE, []), silences(heard, RATE)
    with capsys.disabled():
        sys.stdout.write(
            f"\npanel: {np.count_nonzero(heard) / RATE:.1f} s at {PERIOD} frames, {len(gaps)} gaps"
            f" {gaps}, {quiet} silences, {status['underruns']} underruns; jackd:"
            f" {server.xruns()} xruns; sized {hand.resized} times, {hand.pages} pages,"
            f" seen to move {hand.changed} times,"
            f" latency {status['latency']}, headroom {status['headroom']:.2f}\n"
        )
    assert hand.problem == ""
    assert len(take) / 32_000 >= SECONDS - 1
    assert hand.resized > 10 * SECONDS
    assert len(hand.sizes) > 1
    assert hand.pages >= min(len(PAGES), SECONDS // 10)
    assert hand.changed > 0
    assert gaps == []
    assert quiet == 0
    assert status["underruns"] == 0
