"""Alternatives to what sounds: make some, and swap one in on the bar."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from daw_bridge.commands import MOST_ALTERNATIVES
from gui.status_line import ElidedLabel
from gui.transport_row import ActionButton


class AlternativesRow(QWidget):
    """`swapped` carries the number for Swap: 1 is the first one."""

    swapped = pyqtSignal(int)

    def __init__(self, make: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ring: tuple[int, ...] = ()
        self._sounding = 0
        self._asked = False
        self.make = ActionButton(make)
        self.note = ElidedLabel()
        self.note.setProperty("role", "muted")
        self.buttons: list[QPushButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.make)
        for number in range(1, MOST_ALTERNATIVES + 2):
            button = QPushButton()
            button.setProperty("role", "chip")
            button.setCheckable(True)
            button.setShortcut(f"Ctrl+{number}")
            button.clicked.connect(lambda _checked=False, n=number: self._swap(n))
            button.hide()
            self.buttons.append(button)
            row.addWidget(button)
        row.addWidget(self.note, 1)
        self._say()

    def asked(self) -> None:
        """They are being made."""
        self._asked, self._ring = True, ()
        self._show(0)

    def show_ready(self, takes: tuple[int, ...]) -> None:
        """Takes in the order of their numbers; none: there are none any more."""
        self._ring, self._asked = takes, False
        self._show(takes[-1] if takes else 0)

    def show_refused(self) -> None:
        """Something could not be done: if it was this, nothing is being made."""
        if self._asked:
            self._asked = False
            self._say()

    def show_sounding(self, take: int) -> None:
        if take in self._ring:
            self._show(take)

    def _swap(self, number: int) -> None:
        self.swapped.emit(number)
        self._show(self._sounding)  # it is not there before the bar
        self._say(self.tr("comes in on the next bar"))

    def _show(self, sounding: int) -> None:
        self._sounding, last = sounding, len(self._ring)
        for number, button in enumerate(self.buttons, start=1):
            button.setVisible(number <= last)
            if number > last:
                continue
            take = self._ring[number - 1]
            text = self.tr("Take {take}").format(take=take)
            if number == last:
                text = self.tr("Original {take}").format(take=take)
            button.setText(text)
            button.setChecked(take == sounding)
            button.setToolTip(
                self.tr("Take {take} in place of what sounds, on the next bar (Ctrl+{n})").format(
                    take=take, n=number
                )
            )
        self._say()

    def _say(self, text: str = "") -> None:
        if not text and self._asked:
            text = self.tr("being made; they can be swapped in when they are ready")
        elif not text and not self._ring:
            text = self.tr("While a take plays: two that go another way, to swap in on the bar")
        self.note.setText(text)
