"""The take in flight as it grows: peaks, bar lines, and how far the ear has come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.theme import colours_of

PEAKS_PER_SECOND = 50
ENDLESS_VIEW = 30.0  # seconds shown of a take without an end

Peaks = NDArray[np.float32]  # [n, 2]: minimum, maximum


class WaveformStrip(QWidget):
    """Paints a column a pixel, whatever the take's length."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._take = 0
        self._peaks: Peaks = np.zeros((512, 2), np.float32)  # grows by doubling
        self._count = 0
        self._expected = 0.0
        self._bar = 0.0
        self._buffered = 0.0
        self._hint = self.tr("The music appears here as it is generated")
        self.setAccessibleName(self.tr("Waveform of the take"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(76)

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
        self._buffered = 0.0
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

    def show_buffered(self, seconds: float) -> None:
        """How far the end of what is known is ahead of the ear."""
        if seconds != self._buffered:
            self._buffered = seconds
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

    def columns(self, width: int) -> Peaks:
        """Minimum and maximum of each of `width` pixels; NaN where nothing is known yet."""
        start, end = self.span()
        edges = np.linspace(start, end, width + 1) * PEAKS_PER_SECOND
        first = np.floor(edges[:-1] + 1e-6).astype(int)
        last = np.maximum(np.floor(edges[1:] + 1e-6).astype(int), first + 1)
        known = first < self._count
        result = np.full((width, 2), np.nan, np.float32)
        for column in np.flatnonzero(known):
            part = self._peaks[first[column] : min(last[column], self._count)]
            result[column] = part[:, 0].min(), part[:, 1].max()
        return result

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
        columns = self.columns(width)
        known = np.flatnonzero(~np.isnan(columns[:, 0]))
        if len(known) == 0:
            return
        start, end = self.span()
        pixels = width / (end - start)
        heard = (max(0.0, self.seconds - self._buffered) - start) * pixels
        middle, reach = height / 2, height / 2 - 4
        lines = [
            QLineF(x, middle - max(0.5, high * reach), x, middle + max(0.5, -low * reach))
            for x, (low, high) in zip(known.tolist(), columns[known].tolist(), strict=True)
        ]
        split = int(np.searchsorted(known, heard))
        ahead = QColor(colours.generating)
        ahead.setAlphaF(0.75)
        painter.setPen(QColor(colours.accent))
        painter.drawLines(lines[:split])  # pyright: ignore - the stub forgot iterables
        painter.setPen(ahead)
        painter.drawLines(lines[split:])  # pyright: ignore
        if 0 < heard < known[-1]:
            painter.setPen(QPen(QColor(colours.text), 2))
            painter.drawLine(QLineF(heard, 2, heard, height - 3))
