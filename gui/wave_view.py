"""One take in large: its waveform with bar lines, zoomed by the wheel, and two lines over it.

The cursor is where a person clicked: play or branch from there. The playhead is what is heard.
pyqtgraph draws; the module is imported when the first such view is made, not at the start.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from core.types import seconds_of_bars
from daw_bridge.take_record import TakeRecord
from gui.theme import colours_of
from gui.wave_columns import PEAKS_PER_SECOND, Peaks, columns

SHORTEST_VIEW = 0.25  # seconds
NEAR_BAR = 0.06  # seconds: a click so near a bar line means the line


class BarAxis(pg.AxisItem):
    """Bars, counted from 1, or seconds where a take has no bars."""

    def __init__(self) -> None:
        super().__init__(orientation="bottom")
        self.bar = 0.0

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list:
        if self.bar <= 0 or maxVal <= minVal:
            return super().tickValues(minVal, maxVal, size)
        every = 1
        while every * self.bar * size / (maxVal - minVal) < 34:
            every *= 2
        step = every * self.bar
        first, last = int(np.ceil(minVal / step - 1e-6)), int(np.floor(maxVal / step + 1e-6))
        return [(step, [number * step for number in range(first, last + 1)])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.bar <= 0:
            return [f"{value:g} s" for value in values]
        return [str(round(value / self.bar) + 1) for value in values]


class WaveView(QWidget):
    """`cursor_moved` and `play_wanted` carry seconds into the take."""

    cursor_moved = pyqtSignal(float)
    play_wanted = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: Peaks = np.zeros((0, 2), np.float32)
        self._seconds = 0.0
        self._take = 0
        self._axis = BarAxis()
        self._plot = pg.PlotWidget(axisItems={"bottom": self._axis})
        self._plot.setAcceptDrops(False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setAntialiasing(False)
        self._plot.setFrameShape(self._plot.Shape.NoFrame)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._item = self._plot.getPlotItem()
        self._item.hideAxis("left")
        self._item.showGrid(x=True, y=False, alpha=0.35)
        self._item.setMouseEnabled(x=True, y=False)
        self._item.setYRange(-1.0, 1.0, padding=0.02)
        self._curve = pg.PlotCurveItem(connect="pairs")
        self._cursor = pg.InfiniteLine(0.0, movable=False)
        self._head = pg.InfiniteLine(0.0, movable=False)
        for item in (self._curve, self._cursor, self._head):
            self._item.addItem(item, ignoreBounds=True)
        self._head.hide()
        self._item.getViewBox().sigXRangeChanged.connect(self._draw)
        self._plot.scene().sigMouseClicked.connect(self._clicked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Waveform of the take"))
        self.setToolTip(
            self.tr("Click: where Play and Branch begin · double-click: play from there"
                    " · wheel: zoom · drag: move along")
        )  # fmt: skip
        self._colour()

    @property
    def cursor_at(self) -> float:
        """Where a person clicked, in seconds into the take."""
        return float(self._cursor.value())

    @property
    def head_at(self) -> float | None:
        """What is heard; None: this take is not."""
        return float(self._head.value()) if self._head.isVisible() else None

    def span(self) -> tuple[float, float]:
        """The seconds in view."""
        low, high = self._item.getViewBox().viewRange()[0]
        return float(low), float(high)

    def show_take(self, record: TakeRecord | None, peaks: Peaks | None) -> None:
        """A take, or more of the one in view: then view and cursor stay where they are."""
        self._peaks = np.zeros((0, 2), np.float32) if peaks is None else peaks
        take = 0 if record is None else record.take
        seconds = max(record.seconds if record else 0.0, len(self._peaks) / PEAKS_PER_SECOND)
        if record is not None and not record.path:
            seconds = max(seconds, record.length)
        self._axis.bar = seconds_of_bars(1, record.beats, record.tempo) if record else 0.0
        whole = self.span()[1] >= self._seconds - 1e-3
        if take != self._take:
            self.set_cursor(0.0)
            self._head.hide()
        if take != self._take or (seconds != self._seconds and whole):
            self._show_span(0.0, max(seconds, SHORTEST_VIEW))
        box = self._item.getViewBox()
        box.setLimits(xMin=0.0, xMax=max(seconds, SHORTEST_VIEW), minXRange=SHORTEST_VIEW)
        self._take, self._seconds = take, seconds
        said = self.tr("{seconds} s").format(seconds=f"{seconds:.1f}")
        self.setAccessibleDescription(said if take else "")
        self._draw()

    def show_head(self, seconds: float | None) -> None:
        self._head.setVisible(seconds is not None)
        if seconds is not None:
            self._head.setValue(seconds)

    def set_cursor(self, seconds: float) -> None:
        self._cursor.setValue(min(max(0.0, seconds), max(0.0, self._seconds)))

    def keyPressEvent(self, event) -> None:
        """Left and right by a bar, Home and End; plus and minus zoom."""
        step = self._axis.bar or 1.0
        low, high = self.span()
        match event.key():
            case Qt.Key.Key_Left:
                self._put(self._line(self.cursor_at - step))
            case Qt.Key.Key_Right:
                self._put(self._line(self.cursor_at + step))
            case Qt.Key.Key_Home:
                self._put(0.0)
            case Qt.Key.Key_End:
                self._put(self._seconds)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                middle, half = self.cursor_at, (high - low) / 4
                self._show_span(max(0.0, middle - half), min(self._seconds, middle + half))
            case Qt.Key.Key_Minus:
                self._show_span(0.0, max(self._seconds, SHORTEST_VIEW))
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space:
                self.play_wanted.emit(self.cursor_at)
            case _:
                super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._colour()

    # ------------------------------------------------------------------ inside

    def _show_span(self, low: float, high: float) -> None:
        self._item.getViewBox().setLimits(xMin=None, xMax=None)
        self._item.setXRange(low, high, padding=0.0)

    def _line(self, seconds: float) -> float:
        """The bar line next to a moment."""
        bar = self._axis.bar
        return round(seconds / bar) * bar if bar else seconds

    def _put(self, seconds: float) -> None:
        self.set_cursor(seconds)
        self.cursor_moved.emit(self.cursor_at)

    def _clicked(self, event) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._take:
            return
        point = self._item.getViewBox().mapSceneToView(QPointF(event.scenePos()))
        seconds = float(point.x())
        if abs(self._line(seconds) - seconds) < NEAR_BAR:
            seconds = self._line(seconds)
        self._put(seconds)
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.double():
            self.play_wanted.emit(self.cursor_at)

    def _draw(self) -> None:
        """A line a column of what is in view."""
        low, high = self.span()
        width = max(1, round(self._item.getViewBox().width() * self.devicePixelRatioF()))
        found = columns(self._peaks, max(0.0, low), high, width)
        known = np.flatnonzero(~np.isnan(found[:, 0]))
        start = max(0.0, low)
        at = start + (known + 0.5) * (high - start) / width
        self._curve.setData(np.repeat(at, 2), found[known].ravel(), connect="pairs")

    def _colour(self) -> None:
        colours = colours_of(self.palette())
        self._plot.setBackground(QColor(colours.surface))
        self._curve.setPen(pg.mkPen(colours.accent, width=1))
        self._cursor.setPen(pg.mkPen(colours.warning, width=1, style=Qt.PenStyle.DashLine))
        self._head.setPen(pg.mkPen(colours.text, width=2))
        self._axis.setPen(pg.mkPen(colours.muted))
        self._axis.setTextPen(pg.mkPen(colours.muted))
