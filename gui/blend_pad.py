"""The surface on which prompts are blended: drag the dot, see the weights."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.blend_shape import Point, corners, nearest, place_of, weights_at
from gui.theme import colours_of

TELL_MS = 80  # a drag is told so often; the last place always is
STEP = 0.08  # of the surface's half width, for a key
BADGE = 10.0  # radius of a prompt's letter
DOT = 7.0
KEYS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
}  # fmt: skip


def letter(slot: int) -> str:
    """Slot 1 is A."""
    return chr(ord("A") + slot - 1)


class BlendPad(QWidget):
    """`moved` carries the slots' weights, {slot: share}; they sum to 1."""

    moved = pyqtSignal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slots: list[int] = [1]
        self._texts: dict[int, str] = {}
        self._place: Point = (0.0, 0.0)
        self._dragging = False
        self._tell = QTimer(self)
        self._tell.setSingleShot(True)
        self._tell.setInterval(TELL_MS)
        self._tell.timeout.connect(self._emit)
        self._hint = self.tr("Add a second prompt (+)\nto blend them here")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Blend of the prompts"))
        self._describe()

    def weights(self) -> dict[int, float]:
        shares = weights_at(self._place, len(self._slots))
        return dict(zip(self._slots, shares, strict=True))

    def show_blend(self, weights: dict[int, float], texts: dict[int, str]) -> None:
        """The session's slots. A dot that is being dragged stays under the finger."""
        self._texts = texts
        slots = sorted(weights)
        if slots != self._slots or not (self._dragging or self._tell.isActive()):
            self._slots = slots
            self._place = place_of([weights[slot] for slot in slots])
        self._describe()

    def sizeHint(self) -> QSize:
        return QSize(186, 132)

    # ------------------------------------------------------------------ hands

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._dragging = len(self._slots) > 1
            self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and self._dragging:
            self._drag(event)

    def mouseReleaseEvent(self, _event: QMouseEvent | None) -> None:
        if self._dragging:
            self._dragging = False
            self._tell.stop()
            self._emit()

    def mouseDoubleClickEvent(self, _event: QMouseEvent | None) -> None:
        """To the middle: all alike."""
        self._dragging = False
        self._put((0.0, 0.0))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or len(self._slots) < 2 or event.key() not in KEYS:
            super().keyPressEvent(event)
            return
        dx, dy = KEYS[Qt.Key(event.key())]
        self._put((self._place[0] + STEP * dx, self._place[1] + STEP * dy))

    def _drag(self, event: QMouseEvent) -> None:
        if not self._dragging:
            return
        middle, reach = self._middle(), self._reach()
        at = event.position() - middle
        self._put((at.x() / reach.x(), at.y() / reach.y()))

    def _put(self, place: Point) -> None:
        self._place = nearest(place, len(self._slots))
        self._describe()
        if not self._tell.isActive():
            self._tell.start()

    def _emit(self) -> None:
        if len(self._slots) > 1:
            self.moved.emit(self.weights())

    # ------------------------------------------------------------------ looks

    def _describe(self) -> None:
        told = ", ".join(f"{letter(s)} {share:.0%}" for s, share in self.weights().items())
        self.setAccessibleDescription(told)
        lines = [
            f"{letter(slot)} {share:.0%}  {self._texts.get(slot, '')}"
            for slot, share in self.weights().items()
        ]
        help_text = self.tr("Drag the dot between the prompts; double-click: all alike")
        self.setToolTip("\n".join((*lines, help_text)))
        self.update()

    def _middle(self) -> QPointF:
        low = 0.25 if len(self._slots) == 3 else 0.0  # a triangle hangs low in its circle
        return QRectF(self.rect()).center() + QPointF(0, low * self._reach().y() - 5)

    def _reach(self) -> QPointF:
        tall = 0.78 if len(self._slots) == 3 else 1.0
        return QPointF(self.width() / 2 - 2.6 * BADGE, (self.height() / 2 - 2.0 * BADGE) / tall)

    def _at(self, place: Point) -> QPointF:
        reach = self._reach()
        return self._middle() + QPointF(place[0] * reach.x(), place[1] * reach.y())

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rim = colours.accent if self.hasFocus() else colours.border
        painter.setPen(QPen(QColor(rim), 1))
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        if len(self._slots) < 2:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._hint)
            painter.end()
            return
        points = [self._at(corner) for corner in corners(len(self._slots))]
        painter.setPen(QPen(QColor(colours.border), 1.2))
        painter.setBrush(QColor(colours.window))
        painter.drawPolygon(QPolygonF(points))
        dot = self._at(self._place)
        for (slot, share), point in zip(self.weights().items(), points, strict=True):
            thread = QColor(colours.generating)
            thread.setAlphaF(0.15 + 0.85 * share)
            painter.setPen(QPen(thread, 1 + 3 * share))
            painter.drawLine(dot, point)
            self._paint_badge(painter, slot, share, point)
        painter.setPen(QPen(QColor(colours.surface), 2))
        painter.setBrush(QColor(colours.accent))
        painter.drawEllipse(dot, DOT, DOT)
        painter.end()

    def _paint_badge(self, painter: QPainter, slot: int, share: float, point: QPointF) -> None:
        colours = colours_of(self.palette())
        painter.setPen(QPen(QColor(colours.generating), 1.2))
        painter.setBrush(QColor(colours.raised))
        painter.drawEllipse(point, BADGE, BADGE)
        painter.setPen(QColor(colours.text))
        centre, vertical = Qt.AlignmentFlag.AlignCenter, Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            QRectF(point.x() - BADGE, point.y() - BADGE, 2 * BADGE, 2 * BADGE), centre, letter(slot)
        )
        painter.setPen(QColor(colours.muted))
        font = painter.font()
        font.setPointSizeF(self.font().pointSizeF() * 0.8)
        painter.setFont(font)
        place = QRectF(point.x() - 24, point.y() + BADGE + 1, 48, 13)
        if point.y() < self._middle().y() - 1:  # no room above it
            place, centre = QRectF(point.x() + BADGE + 4, point.y() - 7, 40, 14), vertical
        painter.drawText(place, centre, f"{share:.0%}")
        painter.setFont(self.font())
