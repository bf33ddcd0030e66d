"""The presets as cards: a button that opens them, each with its name and its prompt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PyQt6.QtCore import QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QHideEvent, QIcon, QKeyEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.theme import IMAGES

COLUMNS = 2
ROWS = 5  # in view; more are scrolled to
CARD = QSize(236, 72)  # two lines of a prompt
MARK_AT = 10  # pixels from the right edge
LONGEST = 20  # characters of a name on the button
STEPS = {
    Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -COLUMNS, Qt.Key.Key_Down: COLUMNS,
}  # fmt: skip


class PresetChooser(QPushButton):
    """Names the preset in use. A click, Enter or Space opens the cards."""

    chosen = pyqtSignal(str)  # the preset's name

    def __init__(self, presets: Mapping[str, str], parent: QWidget | None = None) -> None:
        """presets: prompts by name."""
        super().__init__(parent)
        self._cards = PresetCards(presets, self)
        self._cards.chosen.connect(self.chosen)
        self.setProperty("role", "menu")
        self.setAccessibleName(self.tr("Preset"))
        self.setToolTip(self.tr("A prompt to start from, with its tempo and length"))
        self.setEnabled(bool(presets))
        self._mark = QIcon(str(IMAGES / "chevron-down.svg"))
        self.clicked.connect(self._open)
        self.show_current("")

    def show_current(self, name: str) -> None:
        """The preset whose prompt is in use; "" where it is none's."""
        shown = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        self.setText(shown.replace("&", "&&") or self.tr("P&resets"))
        self._cards.show_current(name)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """With the mark of a button that opens something: Qt draws it for menus alone."""
        super().paintEvent(event)
        right = self.width() - MARK_AT
        self._mark.paint(QPainter(self), right - 12, 0, 12, self.height())

    def _open(self) -> None:
        self._cards.open_below(self)


class PresetCards(QFrame):
    """All of them, over the window. The arrows move, Enter chooses, Esc closes."""

    chosen = pyqtSignal(str)

    def __init__(self, presets: Mapping[str, str], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "popup")
        self.setAccessibleName(self.tr("Presets"))
        self.cards = [PresetCard(name, prompt) for name, prompt in presets.items()]
        grid = QGridLayout()
        grid.setSpacing(8)
        for number, card in enumerate(self.cards):
            grid.addWidget(card, number // COLUMNS, number % COLUMNS)
            card.clicked.connect(partial(self._choose, card.name))
            card.stepped.connect(partial(self._step, number))
        inside = QWidget()
        inside.setLayout(grid)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        rows = -(-len(self.cards) // COLUMNS)
        size, bar = inside.sizeHint(), area.verticalScrollBar()
        more = rows > ROWS
        area.setFixedSize(
            size.width() + (bar.sizeHint().width() if more and bar else 0),
            size.height() * min(rows, ROWS) // max(1, rows),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(area)
        self._area = area

    def open_below(self, button: QWidget) -> None:
        """With its right edge under the button's, or as far left as the screen asks for."""
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - self.width(), button.height() + 2))
        screen = button.screen()
        if screen is not None:
            free = screen.availableGeometry()
            corner.setX(max(free.left(), min(corner.x(), free.right() - self.width())))
            corner.setY(max(free.top(), min(corner.y(), free.bottom() - self.height())))
        self.move(corner)
        self.show()
        current = next((card for card in self.cards if card.property("current")), None)
        self._go(self.cards.index(current) if current else 0)

    def show_current(self, name: str) -> None:
        for card in self.cards:
            card.mark(current=card.name == name)

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        parent = self.parentWidget()
        if parent is not None:
            parent.setFocus(Qt.FocusReason.PopupFocusReason)

    def _step(self, number: int, by: int) -> None:
        if 0 <= number + by < len(self.cards):
            self._go(number + by)

    def _go(self, number: int) -> None:
        self.cards[number].setFocus(Qt.FocusReason.TabFocusReason)
        self._area.ensureWidgetVisible(self.cards[number])

    def _choose(self, name: str) -> None:
        self.hide()
        self.chosen.emit(name)


class PresetCard(QPushButton):
    """A preset's name, and under it its prompt on two lines at most."""

    stepped = pyqtSignal(int)  # an arrow was pressed: to the card so many further on

    def __init__(self, name: str, prompt: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setProperty("role", "card")
        self.setAccessibleName(name)
        self.setAccessibleDescription(prompt)
        self.setToolTip(prompt)
        self.setFixedSize(CARD)
        title, text = QLabel(name), QLabel(prompt)
        title.setProperty("role", "heading")
        text.setProperty("role", "muted")
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 10, 7)
        column.setSpacing(2)
        for label in (title, text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        column.setStretch(1, 1)

    def mark(self, *, current: bool) -> None:
        """Whether its prompt is in use."""
        if self.property("current") == current:
            return
        self.setProperty("current", current)
        style = self.style()
        if style is not None:
            style.unpolish(self)
            style.polish(self)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        key = Qt.Key(event.key())
        if key in STEPS:  # the area around would scroll
            self.stepped.emit(STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)
