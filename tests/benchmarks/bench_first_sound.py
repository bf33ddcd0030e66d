"""From an OSC packet to the first sound: the whole program on the starter model.

The program plays into its own real-time sink without a device, so the figure holds the OSC
server, the controller, the engine, the decoder, the pipes and the feeder, but no sound card.
Timed by the client, from the moment it sends the packet to the moment it hears that the first
sample that is not silent was played: an upper bound, since the news takes its way too.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.real.serving import OscClient, Program

TAKES = 20


def figures() -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, Program(Path(folder), "--output", "none") as run:
        run.wait_for("ready:", 120)
        client = OscClient(run.port)
        client.send("/musicgen/bars", 1)
        client.send("/musicgen/quantize", 0)
        client.send("/musicgen/subscribe")
        times = []
        for take in range(TAKES):
            sent = client.send("/musicgen/generate", f"drums and bass, {100 + take} bpm")
            heard, _ = client.wait_for("/musicgen/first_audio", 30)
            times.append(1000 * (heard - sent))
            client.wait_for("/musicgen/done", 60)
            time.sleep(0.2)
        client.close()
    median, worst = float(np.median(times)), float(max(times))
    return {
        "first_sound_ms": {"value": median, "unit": "ms", "baseline": 500.0, "ratio": median / 500},
        "first_sound_worst_ms": {"value": worst, "unit": "ms", "baseline": 500.0,
                                 "ratio": worst / 500},
    }  # fmt: skip
