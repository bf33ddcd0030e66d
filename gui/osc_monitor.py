"""The OSC monitor: the last messages in and out, with time; filter, pause, copy.

It asks for new ones only while it is in sight, and keeps no more than the log does.
"""

from __future__ import annotations

import time
from collections import deque

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QFontDatabase, QGuiApplication, QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from daw_bridge.osc_log import KEPT, OscLine, OscLog

LOOK_MS = 150
BOTH, IN, OUT = range(3)


class OscMonitor(QWidget):
    def __init__(self, log: OscLog | None, parent: QWidget | None = None) -> None:
        """log: None where OSC is off."""
        super().__init__(parent)
        self._log = log
        self._seen = 0
        self._lines: deque[OscLine] = deque(maxlen=KEPT)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter: progress, /tempo, 9001…"))
        self.filter.setAccessibleName(self.tr("Filter OSC messages"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._show_all)
        self.direction = QComboBox()
        self.direction.addItems([self.tr("in and out"), self.tr("in"), self.tr("out")])
        self.direction.setAccessibleName(self.tr("Direction"))
        self.direction.currentIndexChanged.connect(self._show_all)
        self.pause = QPushButton(self.tr("Pause"))
        self.pause.setCheckable(True)
        self.pause.setToolTip(self.tr("Hold what is shown; messages go on unseen"))
        self.pause.toggled.connect(self._follow)
        self.copy = QPushButton(self.tr("Copy"))
        self.copy.setToolTip(self.tr("All lines that are shown, to the clipboard"))
        self.copy.clicked.connect(self._copy)
        self.clear = QPushButton(self.tr("Clear"))
        self.clear.clicked.connect(self._forget)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(KEPT)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setMinimumHeight(150)
        self.text.setAccessibleName(self.tr("OSC messages"))
        self.text.setPlaceholderText(
            self.tr("OSC is off") if log is None else self.tr("No messages yet")
        )
        row = QHBoxLayout()
        row.addWidget(self.filter, 1)
        for widget in (self.direction, self.pause, self.copy, self.clear):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.text)
        self.setFocusProxy(self.filter)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def watching(self) -> bool:
        return self._timer.isActive()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _follow(self) -> None:
        if self._log is None or self.pause.isChecked() or not self.isVisible():
            self._timer.stop()
            return
        self._look()
        self._timer.start()

    def _look(self) -> None:
        if self._log is None:
            return
        new = self._log.since(self._seen)
        if not new:
            return
        self._seen = new[-1].number
        self._lines.extend(new)
        self._append([line for line in new if self._wanted(line)])

    def _append(self, lines: list[OscLine]) -> None:
        """At the end, in one go; whoever has scrolled up stays there."""
        if not lines:
            return
        bar = self.text.verticalScrollBar()
        at, follows = bar.value(), bar.value() >= bar.maximum()
        self.text.appendPlainText("\n".join(_written(line) for line in lines))
        bar.setValue(bar.maximum() if follows else at)

    def _show_all(self) -> None:
        self.text.clear()
        self._append([line for line in self._lines if self._wanted(line)])

    def _wanted(self, line: OscLine) -> bool:
        direction = self.direction.currentIndex()
        if direction != BOTH and line.received != (direction == IN):
            return False
        words = self.filter.text().casefold().split()
        text = f"{line.text} {line.peer}".casefold()
        return all(word in text for word in words)

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text.toPlainText())

    def _forget(self) -> None:
        self._lines.clear()
        self.text.clear()


def _written(line: OscLine) -> str:
    stamp = time.strftime("%H:%M:%S", time.localtime(line.at))
    arrow = "→" if line.received else "←"
    return f"{stamp}.{int(line.at * 1000) % 1000:03d} {arrow} {line.peer:<21} {line.text}"
