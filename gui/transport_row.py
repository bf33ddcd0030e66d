"""Generate, Continue, Retry, Stop, Panic: a button an action."""

from __future__ import annotations

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from gui.actions import Actions


class ActionButton(QPushButton):
    """A push button that follows a QAction. The shortcut stays the action's."""

    def __init__(self, action: QAction, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = action
        if role:
            self.setProperty("role", role)
        self.setAutoDefault(False)
        self.clicked.connect(lambda _checked=False: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        action = self._action
        self.setText(action.text())
        self.setIcon(action.icon())
        self.setToolTip(action.toolTip())
        self.setEnabled(action.isEnabled())
        self.setAccessibleName(action.text().replace("&", "").replace("…", ""))
        self.setAccessibleDescription(action.toolTip())


class TransportRow(QWidget):
    """The verbs in the order in which they are used; what silences stands apart."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.generate = ActionButton(actions.generate, "primary")
        self.continue_input = ActionButton(actions.continue_input)
        self.continue_file = ActionButton(actions.continue_file)
        self.retry = ActionButton(actions.retry)
        self.stop = ActionButton(actions.stop)
        self.panic = ActionButton(actions.panic, "panic")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.generate, self.continue_input, self.continue_file, self.retry):
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.stop, self.panic):
            row.addWidget(button)

    def buttons(self) -> list[QPushButton]:
        """In tab order."""
        return [
            self.generate, self.continue_input, self.continue_file,
            self.retry, self.stop, self.panic,
        ]  # fmt: skip
