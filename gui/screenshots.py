"""Pictures of the panel: `python -m gui.screenshots OUT_DIR`.

Real widgets, scripted events, dark and light, 900 × 600. Needs no display and no engine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QEventLoop, QTimer
from PyQt6.QtGui import QColor, QPainter, QPixmap
from PyQt6.QtWidgets import QApplication

from daw_bridge.commands import Origin
from daw_bridge.events import (
    Accepted,
    Event,
    ParameterChanged,
    Problem,
    PromptChanged,
    Status,
    StatusChanged,
    TakeProgress,
    TakeSaved,
)
from gui.bridge_adapter import BridgeAdapter
from gui.icons import ICON_STATES, state_icon
from gui.main_window import MainWindow
from gui.panel_settings import PanelSettings
from gui.rehearsal import Rehearsal, levels, waveform
from gui.theme import DARK, LIGHT, dress

PROMPT = "lo-fi hip hop, mellow electric piano, soft drums and bass, 85 bpm"
PRESETS = {"Funky drums and bass": "funky drums and bass, 110 bpm", "Lo-fi": PROMPT}
DEVICES = [
    ("output", "PulseAudio"),
    ("output", "system"),
    ("input", "system"),
]
READY = Status(
    state="idle", model="starter", device="cpu", dtype="float32", licence="MIT",
    output="system", output_rate=48000, input="system", headroom=1.8, tempo=85, prompt=PROMPT,
)  # fmt: skip


def loading(controller: Rehearsal) -> None:
    status = Status(state="loading", model="starter", model_progress=0.4)
    controller.emit(StatusChanged(status))


def idle(controller: Rehearsal) -> None:
    _set_up(controller)
    controller.emit(StatusChanged(READY))


def generating(controller: Rehearsal) -> None:
    _set_up(controller)
    _take(controller, 3, seconds=14.2)
    playing = replace(READY, state="generating", take=3, buffered=4.6, rolling=True, clock="midi")
    controller.emit(
        StatusChanged(playing), TakeProgress(3, 14.2 / 22.6), levels(0.35), levels(0.62)
    )


def done(controller: Rehearsal) -> None:
    _set_up(controller)
    _take(controller, 3, seconds=22.58)
    controller.emit(
        StatusChanged(replace(READY, take=3)), TakeSaved(3, "takes/0003-lo-fi-hip-hop.wav", 22.58)
    )


def error(controller: Rehearsal) -> None:
    _set_up(controller)
    text = "The sound device 'system' went away; it is opened again as soon as it is back"
    failed = replace(READY, state="error", output="", output_rate=0, underruns=3, problem=text)
    controller.emit(StatusChanged(failed), Problem("audio", text))


SCENES: dict[str, Callable[[Rehearsal], None]] = {
    "loading": loading,
    "idle": idle,
    "generating": generating,
    "done": done,
    "error": error,
}


def _set_up(controller: Rehearsal) -> None:
    events: tuple[Event, ...] = (PromptChanged(PROMPT), ParameterChanged("tempo", 85))
    controller.emit(*events)


def _take(controller: Rehearsal, take: int, seconds: float) -> None:
    controller.emit(StatusChanged(READY))
    _pump()
    controller.emit(Accepted(take, Origin()), waveform(take, 0, int(50 * seconds), 85))


def _pump(milliseconds: int = 120) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def picture_scene(scene: str, advanced: bool = False) -> QPixmap:
    """A panel that went through a scene, as it looks."""
    with tempfile.TemporaryDirectory() as folder:
        settings = PanelSettings(Path(folder) / "panel.ini")
        settings.history = [PROMPT]
        settings.advanced = advanced
        controller = Rehearsal()
        bridge = BridgeAdapter(controller)
        window = MainWindow(bridge, PRESETS, 9770, lambda: DEVICES, settings)
        window.show()
        window.begin()
        _pump()
        SCENES[scene](controller)
        _pump()
        picture = window.grab()
        bridge.close()
        window.close_down()
        window.deleteLater()
        return picture


def picture_icons() -> QPixmap:
    """The tray's states at their usual sizes, on a dark and on a light ground."""
    sizes = (16, 22, 32, 64)
    picture = QPixmap(len(ICON_STATES) * 160, 160)
    painter = QPainter(picture)
    for row, ground in enumerate(("#202226", "#eceef0")):
        painter.fillRect(0, 80 * row, picture.width(), 80, QColor(ground))
        for column, state in enumerate(ICON_STATES):
            x = 160 * column + 6
            for size in sizes:
                painter.drawPixmap(x, 80 * row + 8, state_icon(state).pixmap(size, size))
                x += size + 4
    painter.end()
    return picture


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gui.screenshots OUT_DIR\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication(sys.argv[:1])
    for name, colours in (("dark", DARK), ("light", LIGHT)):
        dress(app, colours)
        for scene in SCENES:
            picture_scene(scene).save(str(folder / f"panel-{scene}-{name}.png"))
        picture_scene("idle", advanced=True).save(str(folder / f"panel-advanced-{name}.png"))
    picture_icons().save(str(folder / "tray-icons.png"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
