"""A fader that moves all the time while other programs take the processors whole.

The whole program on the starter model plays an endless take into its own real-time sink, guided;
then as many busy Pythons as there are cores run beside it, and `/musicgen/temperature` comes 20
times a second, for long enough that two of the model's windows end. Each change that is passed on
throws away what was made ahead of the ear.

fader_dropouts: dropouts while it moves. fader_changes: changes that the engine took over, a second.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.figures import Figures
from daw_bridge.take_table import record_of
from daw_bridge.take_timeline import timeline
from tests.real.serving import OscClient, Program

SECONDS, RATE, ALONE = 70.0, 20.0, 6.0  # of moves, moves a second, seconds before them
HOG = "while True: sum(range(1000))"


def figures() -> Figures:
    quiet = ("--output", "none", "--device", "cpu", "--no-discovery")
    with tempfile.TemporaryDirectory() as folder, Program(Path(folder), *quiet) as program:
        program.wait_for("ready:", 120)
        client = OscClient(program.port)
        client.send("/musicgen/bars", 0)
        client.send("/musicgen/seed", 5)
        client.send("/musicgen/generate", "house")
        time.sleep(ALONE)
        before = client.status()["underruns"]
        hogs = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(os.cpu_count() or 1)]
        try:
            move(client)
            after = client.status()["underruns"]
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()
        client.send("/musicgen/stop")
        _, (_, path) = client.wait_for("/musicgen/done", 60)
        client.close()
        record = record_of(json.loads(Path(path).with_suffix(".json").read_text()))
    made = len(timeline(record)) - 1
    return {
        "fader_dropouts": {"value": after - before, "unit": "", "baseline": None, "ratio": None},
        "fader_changes": {"value": made / SECONDS, "unit": "/s", "baseline": None, "ratio": None},
    }


def move(client: OscClient) -> None:
    began = time.monotonic()
    for turn in range(round(SECONDS * RATE)):
        time.sleep(max(0.0, began + turn / RATE - time.monotonic()))
        client.send("/musicgen/temperature", 1 + 0.3 * math.sin(turn / RATE))
