"""The window's pages and the rail that chooses one. A new page is one `add`."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QShortcut
from PyQt6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.icons import glyph


class Pages(QWidget):
    """`shown` carries the name of the page that is in view from now on."""

    shown = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._glyphs: list[str] = []
        self.buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(lambda number: self.show_page(self._names[number]))
        self.stack = QStackedWidget()
        rail = QFrame()
        rail.setProperty("role", "rail")
        self._rail = QVBoxLayout(rail)
        self._rail.setContentsMargins(6, 10, 6, 10)
        self._rail.setSpacing(4)
        self._rail.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(rail)
        row.addWidget(self.stack, 1)

    @property
    def current(self) -> str:
        return self._names[self.stack.currentIndex()]

    def add(self, name: str, title: str, picture: str, page: QWidget, help_text: str) -> None:
        """A page at the end of the rail: Alt and its number opens it. picture: a glyph's name."""
        number = len(self._names)
        key = f"Alt+{number + 1}"
        button = QToolButton()
        button.setText(title)
        button.setCheckable(True)
        button.setChecked(number == 0)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(20, 20))
        button.setFixedSize(62, 52)
        button.setToolTip(f"{help_text} ({key})")
        button.setAccessibleName(title)
        button.setAccessibleDescription(help_text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        QShortcut(key, self, lambda: self.show_page(name))
        self._group.addButton(button, number)
        self._rail.insertWidget(number, button)
        self.stack.addWidget(page)
        self.buttons[name] = button
        self._names.append(name)
        self._glyphs.append(picture)

    def show_page(self, name: str) -> None:
        number = self._names.index(name)
        self.stack.setCurrentIndex(number)
        self.buttons[name].setChecked(True)
        self.shown.emit(name)

    def colour(self, ink: QColor) -> None:
        for name, picture in zip(self._names, self._glyphs, strict=True):
            self.buttons[name].setIcon(glyph(picture, ink))
