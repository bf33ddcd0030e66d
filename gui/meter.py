"""Level meters: a bar a channel with peak hold, on a scale of decibels."""

from __future__ import annotations

import math
import time

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.theme import colours_of

FLOOR = -60.0  # dB, the bottom of the scale
CEILING = 3.0
YELLOW = -12.0
RED = -3.0
FALL = 26.0  # dB a second
HOLD = 1.5  # seconds
MARKS = (0, -6, -12, -24, -40)


def decibels(linear: float) -> float:
    """A linear peak in dB, no lower than the scale."""
    return max(FLOOR, 20 * math.log10(linear)) if linear > 0 else FLOOR


class Meter(QWidget):
    """Falls by itself; its timer runs only while something moves."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._levels = [FLOOR, FLOOR]
        self._holds = [FLOOR, FLOOR]
        self._held_at = [0.0, 0.0]
        self._last = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setInterval(40)
        self._timer.timeout.connect(self._fall)
        self.setAccessibleName(self.tr("{title} level").format(title=title))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    @property
    def levels(self) -> tuple[float, ...]:
        """What is shown, in dB a channel."""
        return tuple(self._levels)

    @property
    def holds(self) -> tuple[float, ...]:
        """The peaks held, in dB a channel."""
        return tuple(self._holds)

    def show_levels(self, peaks: tuple[float, ...]) -> None:
        """New linear peaks; a channel rises at once and falls slowly."""
        if not peaks:
            return
        now = time.monotonic()
        if len(peaks) != len(self._levels):
            self._levels = [FLOOR] * len(peaks)
            self._holds = [FLOOR] * len(peaks)
            self._held_at = [now] * len(peaks)
            self.updateGeometry()
        for channel, peak in enumerate(peaks):
            level = decibels(peak)
            self._levels[channel] = max(self._levels[channel], level)
            if level >= self._holds[channel]:
                self._holds[channel] = level
                self._held_at[channel] = now
        if max(self._holds) > FLOOR:
            if not self._timer.isActive():
                self._last = now
                self._timer.start()
            self.update()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Out of sight it rests; it begins anew when it is seen again."""
        super().hideEvent(event)
        self._timer.stop()
        self._levels = [FLOOR] * len(self._levels)
        self._holds = [FLOOR] * len(self._holds)

    def _fall(self) -> None:
        now = time.monotonic()
        drop = FALL * (now - self._last)
        self._last = now
        for channel, level in enumerate(self._levels):
            self._levels[channel] = max(FLOOR, level - drop)
            if now - self._held_at[channel] > HOLD:
                self._holds[channel] = max(FLOOR, self._holds[channel] - drop)
        if max(self._holds) <= FLOOR:
            self._timer.stop()
        loudest = max(self._holds)
        said = self.tr("silent") if loudest <= FLOOR else f"{loudest:.0f} dB"
        self.setToolTip(self.tr("{title} peak: {level}").format(title=self._title, level=said))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._scale_width() + 11 * len(self._levels) + 4, 110)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width(), 56)

    def _scale_width(self) -> int:
        return self.fontMetrics().horizontalAdvance("-40") + 6

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        colours = colours_of(self.palette())
        painter = QPainter(self)
        line = self.fontMetrics().height()
        top, bottom = line + 3.0, float(self.height() - 2)
        left = float(self._scale_width())

        def y_of(level: float) -> float:
            share = (min(level, CEILING) - FLOOR) / (CEILING - FLOOR)
            return bottom - share * (bottom - top)

        painter.setPen(QColor(colours.muted))
        painter.drawText(QRectF(0, 0, self.width(), line), Qt.AlignmentFlag.AlignRight, self._title)
        self._paint_scale(painter, y_of, left, top)
        zones = (
            (FLOOR, YELLOW, QColor(colours.playing)),
            (YELLOW, RED, QColor(colours.warning)),
            (RED, CEILING, QColor(colours.error)),
        )
        for channel, level in enumerate(self._levels):
            x = left + 11 * channel
            painter.fillRect(QRectF(x, top, 9, bottom - top), QColor(colours.surface))
            for low, high, colour in zones:
                if level > low:
                    upper = y_of(min(level, high))
                    painter.fillRect(QRectF(x, upper, 9, y_of(low) - upper), colour)
            hold = self._holds[channel]
            if hold > FLOOR:
                painter.fillRect(QRectF(x, y_of(hold) - 1, 9, 2), QColor(colours.text))
        painter.end()

    def _paint_scale(self, painter: QPainter, y_of, left: float, top: float) -> None:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.8)
        painter.setFont(font)
        half = painter.fontMetrics().height() / 2
        below = top - half
        for mark in MARKS:
            y = y_of(mark)
            if y - half < below:  # no room: leave this one out
                continue
            below = y + half
            painter.drawText(
                QRectF(0, y - half, left - 5, 2 * half),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                str(mark),
            )
            painter.drawLine(QPointF(left - 3, y), QPointF(left - 1, y))
