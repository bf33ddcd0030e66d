"""A panel that goes through a scene: for pictures, and for tests that look for what is cut off."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PyQt6.QtCore import QEventLoop, QTimer

from daw_bridge.presets import load_presets
from gui.bridge_adapter import BridgeAdapter
from gui.main_window import MainWindow
from gui.panel_settings import PanelSettings
from gui.rehearsal import Rehearsal
from gui.scenes import OTHER, PROMPT, Scene
from gui.setup_scenes import DEVICES, downloader, models, osc_log

PRESETS = {preset.name: preset.prompt for preset in load_presets()[0]} | {"Lo-fi": PROMPT}
PATIENCE = 10.0


@contextmanager
def staged(scene: Scene, settle: int = 120) -> Iterator[MainWindow]:
    """The window, 900 × 600, as it looks when all of the scene has happened.

    settle: milliseconds for what moves by itself, and for the takes' waveforms to be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = PanelSettings(Path(folder) / "panel.ini")
        settings.history = [PROMPT, OTHER]
        controller = Rehearsal()
        bridge = BridgeAdapter(controller)
        window = MainWindow(bridge, PRESETS, 9770, lambda: DEVICES, settings, osc_log())
        window.models.program = downloader()
        window.models.show_table(models())
        window.show()
        window.begin()
        pump(20)
        controller.emit(*scene.events)
        pump(20)
        window.pages.show_page(scene.page)
        scene.then(window)
        pump(settle)
        until = time.monotonic() + PATIENCE
        while not scene.ready(window) and time.monotonic() < until:
            pump(20)
        controller.emit(*scene.events[-1:])  # where the sound is, or what the meters show
        pump(settle // 2)
        try:
            yield window
        finally:
            bridge.close()
            window.close_down()
            window.deleteLater()
            pump(0)


def pump(milliseconds: int) -> None:
    """Let the event loop run for that long."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
