"""Where the clock is: a lamp a beat, bar and beat in figures, and the bar that is waited for.

It wakes up once a beat, and only while a clock rolls and it can be seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QHideEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from daw_bridge.events import ClockTold
from gui.theme import colours_of

LAMP = 4.5  # radius
MOST_LAMPS = 8
FIGURES = 74  # pixels for "123.4"
JUST = 1e-3  # beats: a timer that comes a moment early has come


class BeatDisplay(QWidget):
    """`bar_began` carries the bar's number, counted from 1."""

    bar_began = pyqtSignal(int)

    def __init__(
        self, parent: QWidget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._now = clock
        self._told = ClockTold(0.0, 0.0, 120.0, rolling=False, beats=4)
        self._beat = 0  # whole quarter notes since the clock's start
        self._waits_for = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Bar and beat"))
        self._describe()

    @property
    def place(self) -> tuple[int, int]:
        """Bar and beat, counted from 1."""
        bar, beat = divmod(self._beat, self._told.beats)
        return bar + 1, beat + 1

    @property
    def rolling(self) -> bool:
        return self._told.rolling

    @property
    def waits_for(self) -> int:
        """The bar on which something begins; 0: none."""
        return self._waits_for if self._waits_for > self.place[0] else 0

    @property
    def ticking(self) -> bool:
        """Whether it will wake up by itself."""
        return self._timer.isActive()

    def show_clock(self, told: ClockTold) -> None:
        if told.beats != self._told.beats:
            self.updateGeometry()
        self._told = told
        self._look()

    def wait_for(self, bar: int) -> None:
        """A take begins on that bar."""
        self._waits_for = bar
        self._describe()

    def landing(self, every: int) -> int:
        """The next bar on which something may begin or end; 0: at once."""
        if every < 1 or not self._told.rolling:
            return 0
        span = every * self._told.beats
        return (math.floor(self._told.beat_at(self._now()) / span + JUST) + 1) * every + 1

    def sizeHint(self) -> QSize:
        lamps = min(self._told.beats, MOST_LAMPS)
        return QSize(round(FIGURES + lamps * 3 * LAMP + 2), 30)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._look()

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _look(self) -> None:
        """See which beat it is, and wake up for the next."""
        told = self._told
        now = told.beat_at(self._now())
        beat = max(0, math.floor(now + JUST))
        bar_before = self.place[0]
        if beat != self._beat or not told.rolling:
            self._beat = beat
            self._describe()
        if self.place[0] != bar_before and told.rolling:
            self.bar_began.emit(self.place[0])
        if told.rolling and self.isVisible():
            wait = (math.floor(now + JUST) + 1 - now) * 60 / told.tempo
            self._timer.start(max(1, math.ceil(1000 * wait)))
        else:
            self._timer.stop()

    def _describe(self) -> None:
        bar, beat = self.place
        said = self.tr("bar {bar}, beat {beat}").format(bar=bar, beat=beat)
        if not self._told.rolling:
            said = self.tr("no clock rolls")
        elif self.waits_for:
            said = self.tr("{said}; a take begins on bar {n}").format(said=said, n=self.waits_for)
        self.setAccessibleDescription(said)
        self.setToolTip(said)
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar, beat = self.place
        rolling = self._told.rolling
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colours.text if rolling else colours.muted))
        said = f"{bar}.{beat}" if rolling else "–.–"
        if self.waits_for:
            said += f" → {self.waits_for}"
        place = QRectF(0, 0, FIGURES - 8, self.height())
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(place, align, said)
        lamps = min(self._told.beats, MOST_LAMPS)
        for number in range(lamps):
            centre = QPointF(FIGURES + LAMP + number * 3 * LAMP, self.height() / 2)
            on = rolling and number == (beat - 1) % lamps
            colour = colours.warning if number == 0 else colours.playing
            painter.setPen(QPen(QColor(colour if on else colours.border), 1.4))
            painter.setBrush(QColor(colour if on else colours.surface))
            painter.drawEllipse(centre, LAMP, LAMP)
        painter.end()
