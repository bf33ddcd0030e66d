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
COLOURS = {1: 48, 2: 32}  # where pixels are small, fewer are as good
ONCE = "guide-"  # so begin the scenes of one view that differ in their text alone: at one scale


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
    from PyQt6.QtCore import qInstallMessageHandler
    from PyQt6.QtWidgets import QApplication

    from gui.scenes import scenes, takes_on_disk
    from gui.stage import staged
    from gui.theme import DARK, LIGHT, dress

    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    qInstallMessageHandler(_say_what_matters)
    suffix = "" if scale == 1 else f"@{scale}x"
    with tempfile.TemporaryDirectory() as there:
        records = takes_on_disk(Path(there))
        for name, colours in (("dark", DARK), ("light", LIGHT)):
            dress(app, colours)
            for what in scenes(records, 0.0):
                if what.startswith(ONCE) and scale != 1:
                    continue
                scene = scenes(records, time.monotonic())[what]
                with staged(scene) as window:
                    file = folder / f"{what}-{name}{suffix}.png"
                    _save(_picture(window), file, COLOURS[scale])
    if scale == 1:
        _save(picture_icons(), folder / "tray-icons.png", COLOURS[1])
    return 0


def _picture(window):
    """The window, and what has popped up over it."""
    from PyQt6.QtCore import QPoint
    from PyQt6.QtGui import QPainter
    from PyQt6.QtWidgets import QApplication

    picture = window.grab()
    painter = QPainter(picture)
    for popup in QApplication.topLevelWidgets():
        if popup.isVisible() and popup.windowType() == popup.windowType().Popup:
            corner = popup.mapToGlobal(QPoint(0, 0)) - window.mapToGlobal(QPoint(0, 0))
            painter.drawPixmap(corner, popup.grab())
    painter.end()
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


def _save(picture, file: Path, colours: int) -> None:
    """As few bytes as a picture of few colours needs."""
    from io import BytesIO

    from PIL import Image
    from PyQt6.QtCore import QBuffer

    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    whole = Image.open(BytesIO(buffer.data().data())).convert("RGB")
    _in_few_colours(whole, colours).save(file, optimize=True)


def _in_few_colours(whole, count: int):
    """The commonest half of them as they are, and the rest so that no colour is far from its own:
    grounds stay the theme's, and what is small keeps its colour, too."""
    from PIL import Image

    found = [colour for _, colour in sorted(whole.getcolors(whole.width * whole.height))[::-1]]
    if len(found) <= count:
        return whole.quantize(len(found), dither=Image.Dither.NONE)
    common, rest = found[: count // 2], found[count // 2 :]
    strip = Image.new("RGB", (len(rest), 1))
    strip.putdata(rest)
    spread = strip.quantize(count - len(common), Image.Quantize.MAXCOVERAGE)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in common for part in colour] + (spread.getpalette() or []))
    return whole.quantize(palette=palette, dither=Image.Dither.NONE)


def _say_what_matters(_kind: object, _where: object, text: str | None) -> None:
    """Off screen there is no window manager to tell of sizes, and Qt says so each time."""
    if text and "propagateSizeHints" not in text:
        sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
