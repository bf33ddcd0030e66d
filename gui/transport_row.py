"""Generate, Continue, Retry, Loop, Stop, Panic: a button an action, and where they land."""

from __future__ import annotations

from PyQt6.QtGui import QAction, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from gui.actions import Actions
from gui.parameter_fields import ParameterButton
from gui.status_line import ElidedLabel


class ActionButton(QPushButton):
    """A push button that follows a QAction. The shortcut stays the action's."""

    def __init__(
        self,
        action: QAction,
        role: str = "",
        parent: QWidget | None = None,
        *,
        only_icon: bool = False,
    ) -> None:
        super().__init__(parent)
        self._action, self._only_icon = action, only_icon
        if role:
            self.setProperty("role", role)
        self.setAutoDefault(False)
        self.clicked.connect(lambda _checked=False: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        action = self._action
        self.setText("" if self._only_icon else action.text())
        self.setIcon(action.icon())
        self.setToolTip(action.toolTip())
        self.setEnabled(action.isEnabled())
        self.setAccessibleName(action.text().replace("&", "").replace("…", ""))
        self.setAccessibleDescription(action.toolTip())


class TransportRow(QWidget):
    """The verbs in the order in which they are used; what silences stands apart."""

    def __init__(
        self, actions: Actions, loop: ParameterButton, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.generate = ActionButton(actions.generate, "primary")
        self.continue_input = ActionButton(actions.continue_input)
        self.continue_file = ActionButton(actions.continue_file)
        self.retry = ActionButton(actions.retry)
        self.stop = ActionButton(actions.stop)
        self.panic = ActionButton(actions.panic, "panic")
        self.loop = loop
        loop.setText(self.tr("&Loop"))
        QShortcut("Ctrl+L", loop, loop.click)  # beside the letter in its text
        loop.setToolTip(
            self.tr(
                "The next take of whole bars goes round and round;"
                " off: to the end of its round (Ctrl+L)"
            )
        )
        self.landing = ElidedLabel()
        self.landing.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.generate, self.continue_input, self.continue_file, self.retry):
            row.addWidget(button)
        row.addWidget(self.loop)
        row.addWidget(self.landing, 1)
        for button in (self.stop, self.panic):
            row.addWidget(button)

    def show_landing(self, bar: int, *, rolling: bool) -> None:
        """The bar on which what is asked for now can begin or end; 0: at once."""
        text = self.tr("→ bar {bar}").format(bar=bar) if bar else self.tr("→ at once")
        self.landing.setText(text if rolling else "")
        self.landing.setToolTip(self.tr("Where a take that is asked for now begins or stops"))

    def buttons(self) -> list[QPushButton]:
        """In tab order."""
        return [
            self.generate, self.continue_input, self.continue_file,
            self.retry, self.loop, self.stop, self.panic,
        ]  # fmt: skip
