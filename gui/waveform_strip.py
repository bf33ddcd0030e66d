"""The take in flight as it grows: peaks, bar lines, and how far the ear has come."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.theme import colours_of
from gui.wave_columns import PEAKS_PER_SECOND, Peaks, columns, lines

ENDLESS_VIEW = 30.0  # seconds shown of a take without an end
NEAR_BAR = 6  # pixels: a click so near a bar line means the line


class WaveformStrip(QWidget):
    """Paints a column a pixel, whatever the take's length. A click puts the cursor there."""

    cursor_moved = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._take = 0
        self._peaks: Peaks = np.zeros((512, 2), np.float32)  # grows by doubling
        self._count = 0
        self._expected = 0.0
        self._bar = 0.0
        self._head: float | None = None
        self._cursor: float | None = None
        self._hint = self.tr("The music appears here as it is generated")
        self.setAccessibleName(self.tr("Waveform of the take"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(56)

    @property
    def take(self) -> int:
        return self._take

    @property
    def seconds(self) -> float:
        """How much of the take is known."""
        return self._count / PEAKS_PER_SECOND

    @property
    def expected(self) -> float:
        """How long it will be; 0: without an end."""
        return self._expected

    def peaks(self) -> Peaks:
        """What is known of the take, [n, 2]."""
        return self._peaks[: self._count]

    def begin(self, take: int, expected: float, bar: float) -> None:
        """A new take of `expected` seconds (0: until stopped) with bars of `bar` seconds."""
        self._take, self._expected, self._bar = take, expected, bar
        self._count = 0
        self._head = None
        self._put_cursor(None)
        self._describe()

    def add(self, first: int, peaks: Peaks) -> None:
        """Peaks from number `first` on; a gap before them is silence."""
        end = first + len(peaks)
        if first < 0 or end > 50 * 3600 * 4:
            return
        if end > len(self._peaks):
            grown = np.zeros((max(end, 2 * len(self._peaks)), 2), np.float32)
            grown[: self._count] = self._peaks[: self._count]
            self._peaks = grown
        if first > self._count:
            self._peaks[self._count : first] = 0
        self._peaks[first:end] = peaks
        self._count = max(self._count, end)
        self._describe()

    def finish(self, seconds: float) -> None:
        """It is so long as it is kept: of a loop more was made than is heard."""
        self._count = min(self._count, round(seconds * PEAKS_PER_SECOND + 0.49))
        self._expected = seconds
        self._describe()

    def show_head(self, seconds: float | None) -> None:
        """What is heard; None: this take is not. Only what lies between is painted anew."""
        before, self._head = self._head, seconds
        if before is None or seconds is None:
            self.update()
            return
        start, end = self.span()
        pixels = self.width() / (end - start)
        low, high = sorted(((before - start) * pixels, (seconds - start) * pixels))
        self.update(int(low) - 3, 0, int(high - low) + 7, self.height())

    @property
    def cursor_at(self) -> float | None:
        """Where a person clicked, in seconds into the take."""
        return self._cursor

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() != Qt.MouseButton.LeftButton or not self._take:
            return
        start, end = self.span()
        seconds = start + event.position().x() / max(1, self.width()) * (end - start)
        line = round(seconds / self._bar) * self._bar if self._bar else seconds
        near = abs(line - seconds) / (end - start) * self.width() < NEAR_BAR
        seconds = line if near else seconds
        self._put_cursor(seconds if 0 < seconds < self.seconds else None)

    def _put_cursor(self, seconds: float | None) -> None:
        if seconds != self._cursor:
            self._cursor = seconds
            self.cursor_moved.emit()
            self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(self.tr("{seconds} s").format(seconds=f"{self.seconds:.1f}"))
        self.update()

    def span(self) -> tuple[float, float]:
        """The seconds in view: the whole take, or the end of one that has none."""
        if self._expected > 0:
            return 0.0, max(self._expected, self.seconds)
        end = max(ENDLESS_VIEW, self.seconds)
        return end - ENDLESS_VIEW, end

    def sizeHint(self) -> QSize:
        return QSize(480, 110)

    def picture(self, width: int, height: int) -> QPixmap:
        """A small likeness, to carry under the pointer in a drag."""
        pixmap = QPixmap(width, height)
        pixmap.fill(QColor(colours_of(self.palette()).surface))
        painter = QPainter(pixmap)
        self._paint_wave(painter, width, height)
        painter.end()
        return pixmap

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        colours = colours_of(self.palette())
        width, height = self.width(), self.height()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), 5, 5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if self._count == 0:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._hint)
        if self._take:
            self._paint_bars(painter, width, height)
            self._paint_wave(painter, width, height)
        painter.end()

    def _paint_bars(self, painter: QPainter, width: int, height: int) -> None:
        """Bar lines, as many as stand apart, numbered from 1."""
        if self._bar <= 0:
            return
        colours = colours_of(self.palette())
        start, end = self.span()
        pixels = width / (end - start)
        every = 1
        while every * self._bar * pixels < 26:
            every *= 2
        bar = int(np.ceil(start / self._bar / every)) * every
        line, ink = QColor(colours.border), QColor(colours.muted)
        while bar * self._bar < end - 1e-6:
            x = (bar * self._bar - start) * pixels
            painter.setPen(line)
            if bar:
                painter.drawLine(QLineF(x, 1, x, height - 2))
            painter.setPen(ink)
            painter.drawText(QPointF(x + 4, self.fontMetrics().ascent() + 3), str(bar + 1))
            bar += every

    def _paint_wave(self, painter: QPainter, width: int, height: int) -> None:
        colours = colours_of(self.palette())
        start, end = self.span()
        drawn, known = lines(columns(self.peaks(), start, end, width), height)
        if not drawn:
            return
        pixels = width / (end - start)
        heard = ((self.seconds if self._head is None else self._head) - start) * pixels
        split = int(np.searchsorted(known, heard))
        ahead = QColor(colours.generating)
        ahead.setAlphaF(0.75)
        painter.setPen(QColor(colours.accent))
        painter.drawLines(drawn[:split])  # pyright: ignore - the stub forgot iterables
        painter.setPen(ahead)
        painter.drawLines(drawn[split:])  # pyright: ignore
        if 0 < heard < known[-1]:
            painter.setPen(QPen(QColor(colours.text), 2))
            painter.drawLine(QLineF(heard, 2, heard, height - 3))
        if self._cursor is not None:
            x = (self._cursor - start) * pixels
            painter.setPen(QPen(QColor(colours.warning), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QLineF(x, 2, x, height - 3))
