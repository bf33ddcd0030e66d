"""The panel's opening: from the command to a painted window, as a person waits for it.

panel_open: median seconds of ten starts of `daw-bridge` under Xvfb with openbox and trayer, the
    first with an empty settings folder, until the Generate button is on the screen. The model's
    process is started at the same time and takes its share of the cores.
panel_open_slowest: the slowest of the ten.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import numpy as np

from tests.real.desktop import Desktop, end, watch
from tests.real.seen_panel import SeenPanel
from tests.real.serving import free_port

STARTS = 10


def figures() -> dict[str, Any]:
    with Desktop() as desktop, tempfile.TemporaryDirectory() as folder:
        time.sleep(1.0)  # the tray is there before the program
        seconds = [opening(desktop, Path(folder)) for _ in range(STARTS)]
    return {
        "panel_open": _figure(float(np.median(seconds))),
        "panel_open_slowest": _figure(max(seconds)),
    }


def opening(desktop: Desktop, folder: Path) -> float:
    homes = {f"XDG_{name}_HOME": str(folder) for name in ("DATA", "CONFIG", "STATE")}
    words = [sys.executable, "-m", "daw_bridge", "--osc-port", str(free_port())]
    begun = time.perf_counter()
    program = Popen(words, env=desktop.environment | homes, stdout=DEVNULL, stderr=DEVNULL)
    try:
        panel = SeenPanel(desktop, pause=0.005)
        seconds = time.perf_counter() - begun
        time.sleep(0.5)
    finally:
        end(program)
    watch(lambda: not panel.visible, "the window is gone")
    return seconds


def _figure(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "s", "baseline": None, "ratio": None}
