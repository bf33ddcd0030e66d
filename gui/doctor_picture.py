"""The loopback doctor's picture: the way out and back over time, and where sound was lost."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from daw_bridge.loopback.report import LoopbackReport
from gui.theme import colours_of

SHORTEST = 1.0  # milliseconds that the height spans at least
LEFT, ABOVE, BELOW = 64, 8, 20  # pixels around the curve


class DoctorPicture(QWidget):
    """Painted anew only when there is another report."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: LoopbackReport | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Loopback delay over time"))

    def show_report(self, report: LoopbackReport) -> None:
        self._report = report
        self.setAccessibleDescription(
            self.tr("{ms:.1f} milliseconds, {count} dropouts").format(
                ms=1000 * report.round_trip, count=len(report.dropouts)
            )
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 110)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        report = self._report
        if report is None or not report.delays:
            return
        area = QRectF(LEFT, ABOVE, self.width() - LEFT - 12, self.height() - ABOVE - BELOW)
        low, high = _span([delay for _, delay in report.delays])

        def place(at: float, delay: float) -> QPointF:
            x = area.left() + area.width() * at / report.seconds
            return QPointF(x, area.bottom() - area.height() * (delay - low) / (high - low))

        self._draw_scale(painter, area, low, high, report.seconds)
        painter.setPen(QPen(QColor(colours.error), 2))
        for dropout in report.dropouts:
            x = place(dropout.at, low).x()
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(QPen(QColor(colours.playing), 2))
        for (at, delay), (then, after) in zip(report.delays, report.delays[1:], strict=False):
            painter.drawLine(place(at, delay), place(then, after))

    def _draw_scale(
        self, painter: QPainter, area: QRectF, low: float, high: float, seconds: float
    ) -> None:
        colours = colours_of(self.palette())
        painter.setPen(QColor(colours.border))
        painter.drawLine(area.topLeft(), area.topRight())
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(QColor(colours.muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for text, y in ((f"{high:.1f} ms", area.top() + 4), (f"{low:.1f} ms", area.bottom() - 4)):
            painter.drawText(QRectF(0, y - 10, LEFT - 8, 20), right, text)
        under = QRectF(area.left(), area.bottom() + 1, area.width(), BELOW - 2)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft, "0 s")
        painter.drawText(under, Qt.AlignmentFlag.AlignRight, f"{seconds:.0f} s")


def _span(delays: list[float]) -> tuple[float, float]:
    """A range with the delays in it, and some room."""
    low, high = min(delays), max(delays)
    room = max(SHORTEST, 1.2 * (high - low)) / 2
    return (low + high) / 2 - room, (low + high) / 2 + room
