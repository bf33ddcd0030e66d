"""What Set-up, Models and Guide show in pictures: a measurement, a list of models, OSC lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from daw_bridge.events import LoopbackMeasured
from daw_bridge.loopback.report import Dropout, LoopbackReport, advice, better_buffer
from daw_bridge.osc_feedback import OscMessage
from daw_bridge.osc_log import OscLog

if TYPE_CHECKING:
    from gui.main_window import MainWindow

SECONDS = 4.35
AT = 2.35  # of the dropout
LICENCE = "CC-BY-NC-4.0"
SMALL, MEDIUM, MELODY = (f"facebook/musicgen-{name}" for name in ("small", "medium", "melody"))
PUBLIC = (
    ("small", "300M", 2.4, ""), ("medium", "1.5B", 8.0, ""), ("large", "3.3B", 13.6, ""),
    ("melody", "1.5B", 6.2, "melody"), ("melody-large", "3.3B", 10.4, "melody"),
    ("stereo-small", "300M", 2.4, "stereo"), ("stereo-medium", "1.5B", 8.1, "stereo"),
    ("stereo-large", "3.3B", 13.8, "stereo"), ("stereo-melody", "1.5B", 6.3, "melody, stereo"),
    ("stereo-melody-large", "3.3B", 10.5, "melody, stereo"), ("style", "1.5B", 6.7, "style"),
)  # fmt: skip
DEVICES = [("output", "PulseAudio"), ("output", "system"), ("input", "system")]
DOWNLOADER = """
import json, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
what, *words = sys.argv[1:]
if what == "get" and words[0].endswith("medium"):
    print(json.dumps({"fraction": 0.42, "what": "model.safetensors, 3.4 of 8.0 GB"}), flush=True)
    time.sleep(60)
elif what == "get":
    sys.exit("daw-bridge: facebook/musicgen-melody is not on this machine and huggingface.co does"
             " not answer; connect to the internet once, or give a checkpoint's folder")
"""
OSC = (
    (True, "/musicgen/tempo", (85.0,)), (False, "/musicgen/accepted", (0, "/musicgen/tempo")),
    (True, "/musicgen/generate", ("lo-fi hip hop, soft drums",)),
    (False, "/musicgen/accepted", (12, "/musicgen/generate")),
    (False, "/musicgen/scheduled", (12, 9, 5.4, 0)), (False, "/musicgen/progress", (12, 0.25)),
)  # fmt: skip


def measured() -> LoopbackMeasured:
    """A good way with one dropout."""
    delays = tuple(
        (at, 23.4 + 0.0004 * number + (5.3 if at > AT else 0.0))
        for number, at in ((n, 0.35 + 0.08 * n) for n in range(50))
    )
    lost = (Dropout(AT, -5.3),)
    report = LoopbackReport(True, SECONDS, 0.1, 0.0234, 0.002, 0.4, lost, delays)
    return LoopbackMeasured(report, advice(report), better_buffer(report))


def models() -> dict[str, Any]:
    """As `daw-bridge models list --json` tells it."""
    starter = {"name": "starter", "folder": "", "bytes": 63_000_000, "licence": "MIT",
               "problem": "", "removable": False, "memory": {"float32": 540_000_000}}  # fmt: skip
    small = {"name": SMALL, "folder": "", "bytes": 2_400_000_000,
             "licence": LICENCE, "problem": "", "removable": True,
             "memory": {"float32": 2_900_000_000}}  # fmt: skip
    public = [
        {"id": f"facebook/musicgen-{name}", "size": size, "gigabytes": gigabytes, "plays": plays,
         "licence": LICENCE}
        for name, size, gigabytes, plays in PUBLIC
    ]  # fmt: skip
    return {
        "installed": [starter, small], "public": public, "disk_free": 120e9,
        "cache": "the hub's cache", "memory_free": 9.1e9, "memory_total": 15.4e9,
    }  # fmt: skip


def osc_log() -> OscLog:
    """A DAW that asks for a take."""
    log = OscLog()
    for received, address, values in OSC:
        log.note(OscMessage(address, values).datagram(), ("127.0.0.1", 9001), received=received)
    return log


def downloader() -> tuple[str, ...]:
    """In place of `daw-bridge models`: one download gets stuck, every other one fails."""
    return (sys.executable, "-S", "-E", "-c", DOWNLOADER)


def download(window: MainWindow) -> None:
    window.models.look_at(MEDIUM)
    window.models.get.click()


def failed_download(window: MainWindow) -> None:
    window.models.look_at(MELODY)
    window.models.get.click()


def worked(window: MainWindow) -> bool:
    """What was under way is over."""
    return not window.models.working
