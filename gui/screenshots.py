"""Pictures of the panel: `python -m gui.screenshots OUT_DIR`.

Real widgets, scripted events, dark and light, 900 × 600, once and twice as dense. Needs no display
and no engine. The pictures are of few colours, which is all that they have but for blurred edges.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCALES = (1, 2)
COLOURS = 160


def main(arguments: list[str]) -> int:
    """One child for each scale: Qt reads it once, at its start."""
    if len(arguments) == 2:
        return _take_pictures(Path(arguments[0]), int(arguments[1]))
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gui.screenshots OUT_DIR\n")
        return 2
    for scale in SCALES:
        environment = {
            **os.environ, "QT_SCALE_FACTOR": str(scale),
            "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
        }  # fmt: skip
        command = [sys.executable, "-m", "gui.screenshots", arguments[0], str(scale)]
        done = subprocess.run(command, env=environment, check=False)
        if done.returncode:
            return done.returncode
    return 0


def _take_pictures(folder: Path, scale: int) -> int:
    from PyQt6.QtWidgets import QApplication

    from gui.scenes import scenes, takes_on_disk
    from gui.theme import DARK, LIGHT, dress

    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    suffix = "" if scale == 1 else f"@{scale}x"
    with tempfile.TemporaryDirectory() as there:
        records = takes_on_disk(Path(there))
        for name, colours in (("dark", DARK), ("light", LIGHT)):
            dress(app, colours)
            for what, scene in scenes(records, time.monotonic()).items():
                _save(picture_of(scene, time.monotonic), folder / f"{what}-{name}{suffix}.png")
            advanced = picture_of(scenes(records, 0.0)["idle"], time.monotonic, advanced=True)
            _save(advanced, folder / f"advanced-{name}{suffix}.png")
    if scale == 1:
        _save(picture_icons(), folder / "tray-icons.png")
    return 0


def picture_of(scene, now, *, advanced: bool = False):
    """A panel that went through a scene, as it looks."""
    from gui.bridge_adapter import BridgeAdapter
    from gui.main_window import MainWindow
    from gui.panel_settings import PanelSettings
    from gui.rehearsal import Rehearsal
    from gui.scenes import OTHER, PROMPT
    from gui.setup_scenes import models, osc_log

    presets = {"Funky drums and bass": "funky drums and bass, 110 bpm", "Lo-fi": PROMPT}
    devices = [("output", "PulseAudio"), ("output", "system"), ("input", "system")]
    with tempfile.TemporaryDirectory() as folder:
        settings = PanelSettings(Path(folder) / "panel.ini")
        settings.history = [PROMPT, OTHER]
        settings.advanced = advanced
        controller = Rehearsal()
        bridge = BridgeAdapter(controller)
        window = MainWindow(bridge, presets, 9770, lambda: devices, settings, osc_log())
        window.models.show_table(models())
        window.show()
        window.begin()
        _pump()
        for event in scene.events:
            controller.emit(event)
            _pump(5)
        window.pages.show_page(scene.page)
        window.takes.search.setText(scene.search)
        if scene.look:
            window.takes.list.look_at(scene.look)
        window.takes.detail.recipe_button.setChecked(scene.recipe)
        if scene.doctor:
            window.setup.show_doctor()
        _pump(350)
        controller.emit(*scene.events[-1:])  # where the sound is, or what the meters show
        _pump(60)
        picture = window.grab()
        bridge.close()
        window.close_down()
        window.deleteLater()
        return picture


def picture_icons():
    """The tray's states at their usual sizes, on a dark and on a light ground."""
    from PyQt6.QtGui import QColor, QPainter, QPixmap

    from gui.icons import ICON_STATES, state_icon

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


def _save(picture, file: Path) -> None:
    """As few bytes as a picture of few colours needs."""
    from io import BytesIO

    from PIL import Image
    from PyQt6.QtCore import QBuffer

    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    whole = Image.open(BytesIO(buffer.data().data())).convert("RGB")
    few = whole.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


def _pump(milliseconds: int = 120) -> None:
    from PyQt6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
