"""Icons drawn in code: the tray's states and the glyphs on buttons.

A state shows in shape as well as colour. The tray's tile brings its own dark ground and a
light edge, so it reads on a light tray and on a dark one.
"""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

SIZES = (16, 22, 24, 32, 48, 64, 128)

INK = QColor("#ffffff")
EDGE = QColor(255, 255, 255, 150)
GROUNDS = {
    "idle": QColor("#3c4552"),
    "loading": QColor("#8a5a00"),
    "generating": QColor("#6a35cf"),
    "playing": QColor("#14803d"),
    "error": QColor("#c0271d"),
}
ICON_STATES = tuple(GROUNDS)


def icon_state(state: str) -> str:
    """Which icon a `Status.state` shows."""
    known = {"starting": "loading", "scheduled": "generating"}
    return known.get(state, state if state in GROUNDS else "idle")


def state_icon(state: str) -> QIcon:
    """The application's and the tray's icon for one of `ICON_STATES`, at every size."""
    icon = QIcon()
    for size in SIZES:
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / 32, size / 32)
        _paint_tile(painter, GROUNDS[state])
        _GLYPHS[state](painter)
        painter.end()
        icon.addPixmap(pixmap)
    return icon


def _paint_tile(painter: QPainter, ground: QColor) -> None:
    painter.setPen(QPen(EDGE, 1))
    painter.setBrush(ground)
    painter.drawRoundedRect(QRectF(0.75, 0.75, 30.5, 30.5), 7, 7)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(INK)


def _bars(painter: QPainter, heights: tuple[float, ...]) -> None:
    """A little waveform: bars around the middle."""
    step = 22 / len(heights)
    for number, height in enumerate(heights):
        x = 5 + number * step + step * 0.15
        painter.drawRoundedRect(QRectF(x, 16 - height / 2, step * 0.7, height), 1.4, 1.4)


def _idle(painter: QPainter) -> None:
    _bars(painter, (6, 14, 20, 12, 7))


def _loading(painter: QPainter) -> None:
    for number in range(3):
        painter.drawEllipse(QPointF(8.5 + 7.5 * number, 16), 2.7, 2.7)


def _generating(painter: QPainter) -> None:
    """A waveform that is still being written: bars, then dots."""
    _bars(painter, (12, 20, 9, 3.2, 3.2))


def _playing(painter: QPainter) -> None:
    painter.drawPolygon(QPolygonF([QPointF(11, 7), QPointF(25, 16), QPointF(11, 25)]))


def _error(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(14, 6.5, 4, 12), 1.8, 1.8)
    painter.drawEllipse(QPointF(16, 23.4), 2.3, 2.3)


_GLYPHS = {
    "idle": _idle,
    "loading": _loading,
    "generating": _generating,
    "playing": _playing,
    "error": _error,
}


def glyph(
    name: str, colour: QColor, faded: QColor | None = None, down: QColor | None = None
) -> QIcon:
    """A button's icon: one of those that `_outline` knows."""
    icon = QIcon()
    for size in (16, 24, 32, 48):
        icon.addPixmap(_glyph_pixmap(name, colour, size))
        if faded is not None:
            icon.addPixmap(_glyph_pixmap(name, faded, size), QIcon.Mode.Disabled)
        if down is not None:
            pixmap = _glyph_pixmap(name, down, size)
            icon.addPixmap(pixmap, QIcon.Mode.Normal, QIcon.State.On)
    return icon


def _glyph_pixmap(name: str, colour: QColor, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / 16, size / 16)
    pen = QPen(colour, 1.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    path, filled = _outline(name)
    if filled:
        painter.fillPath(path, colour)
    else:
        painter.drawPath(path)
    painter.end()
    return pixmap


def _outline(name: str) -> tuple[QPainterPath, bool]:
    """A glyph on a 16 × 16 ground, and whether it is filled."""
    path = QPainterPath()
    match name:
        case "generate":
            path.addPolygon(QPolygonF([QPointF(4, 2.5), QPointF(13.5, 8), QPointF(4, 13.5)]))
            return path, True
        case "stop":
            path.addRoundedRect(QRectF(3.5, 3.5, 9, 9), 1, 1)
            return path, True
        case "continue":  # two chevrons: on and on
            for x in (3, 8.5):
                path.moveTo(x, 3.5)
                path.lineTo(x + 4.5, 8)
                path.lineTo(x, 12.5)
        case "retry":
            path.arcMoveTo(QRectF(3, 3, 10, 10), 60)
            path.arcTo(QRectF(3, 3, 10, 10), 60, 290)
            path.moveTo(10.6, 0.9)
            path.lineTo(10.8, 3.8)
            path.lineTo(7.9, 4.3)
        case "file" | "folder":
            path.moveTo(2, 12.8)
            for x, y in ((2, 3.4), (6.2, 3.4), (7.8, 5.4), (14, 5.4), (14, 12.8), (2, 12.8)):
                path.lineTo(x, y)
        case "panic":  # a loudspeaker struck through
            path.addPolygon(
                QPolygonF([QPointF(2, 6), QPointF(4.5, 6), QPointF(8, 3), QPointF(8, 13),
                           QPointF(4.5, 10), QPointF(2, 10), QPointF(2, 6)])
            )  # fmt: skip
            path.moveTo(10.6, 6)
            path.lineTo(14.4, 10)
            path.moveTo(14.4, 6)
            path.lineTo(10.6, 10)
        case "dice":
            path.addRoundedRect(QRectF(2, 2, 12, 12), 2.5, 2.5)
            for x, y in ((5.4, 5.4), (10.6, 10.6), (10.6, 5.4), (5.4, 10.6)):
                path.addEllipse(QPointF(x, y), 0.5, 0.5)
        case "branch":  # one line becomes two
            path.moveTo(2, 11)
            path.lineTo(14, 11)
            path.moveTo(4.5, 11)
            path.cubicTo(8, 11, 7, 4.5, 11, 4.5)
            path.lineTo(14, 4.5)
        case "star":
            for number in range(11):
                reach = 6.6 if number % 2 == 0 else 2.9
                angle = math.pi * (number / 5 - 0.5)
                point = QPointF(8 + reach * math.cos(angle), 8.4 + reach * math.sin(angle))
                path.lineTo(point) if number else path.moveTo(point)
        case "rename":  # a text cursor
            for y in (2.5, 13.5):
                path.moveTo(5.5, y)
                path.lineTo(10.5, y)
            path.moveTo(8, 2.5)
            path.lineTo(8, 13.5)
        case "delete":
            path.moveTo(2.5, 4)
            path.lineTo(13.5, 4)
            path.moveTo(6, 4)
            for x, y in ((6, 2), (10, 2), (10, 4)):
                path.lineTo(x, y)
            path.moveTo(4, 4)
            for x, y in ((4.8, 14), (11.2, 14), (12, 4)):
                path.lineTo(x, y)
        case "undo" | "redo":
            side = 1 if name == "undo" else -1
            path.moveTo(8 - 2 * side, 2.5)
            path.lineTo(8 - 5.5 * side, 6)
            path.lineTo(8 - 2 * side, 9.5)
            path.moveTo(8 - 5.5 * side, 6)
            path.cubicTo(8 + side, 6, 8 + 5.5 * side, 6, 8 + 5.5 * side, 13.5)
        case "loop":
            path.addRoundedRect(QRectF(2, 4.5, 12, 8), 4, 4)
            path.moveTo(6.5, 1.8)
            path.lineTo(9.4, 4.5)
            path.lineTo(6.5, 7.2)
        case "more":  # two takes beside one another
            path.addRoundedRect(QRectF(2, 2.5, 12, 4.5), 1, 1)
            path.addRoundedRect(QRectF(2, 9, 12, 4.5), 1, 1)
        case "play":  # pages
            path.addRoundedRect(QRectF(2, 2.5, 12, 11), 2, 2)
            path.moveTo(6.5, 5.5)
            for x, y in ((10.8, 8), (6.5, 10.5), (6.5, 5.5)):
                path.lineTo(x, y)
        case "takes":
            for x, reach in ((2.5, 2), (5.3, 5), (8.1, 3.2), (10.9, 5.6), (13.5, 2.4)):
                path.moveTo(x, 8 - reach)
                path.lineTo(x, 8 + reach)
        case "set-up":
            for y, x in ((4, 10), (8, 5.5), (12, 9)):
                path.moveTo(2, y)
                path.lineTo(14, y)
                path.addEllipse(QPointF(x, y), 1.7, 1.7)
        case "guide":  # a way with two turns, and where it ends
            path.moveTo(3, 13)
            for x, y in ((3, 8), (8, 8), (8, 4), (11, 4)):
                path.lineTo(x, y)
            path.addEllipse(QPointF(12.5, 4), 1.6, 1.6)
        case "models":  # boxes on a shelf
            for x, y in ((2, 8.5), (9, 8.5), (5.5, 2)):
                path.addRoundedRect(QRectF(x, y, 5, 5), 1, 1)
        case "melody":  # a note
            path.moveTo(6.5, 12)
            for x, y in ((6.5, 2.5), (12.5, 4.5)):
                path.lineTo(x, y)
            path.addEllipse(QPointF(4.6, 12), 1.9, 1.6)
        case "close":
            for start, end in (((4, 4), (12, 12)), ((12, 4), (4, 12))):
                path.moveTo(*start)
                path.lineTo(*end)
        case _:
            raise ValueError(f"no glyph {name!r}")
    return path, False
