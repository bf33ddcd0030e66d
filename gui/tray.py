"""The tray icon: state at a glance, and what is needed without opening the panel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QSystemTrayIcon

from daw_bridge.commands import RecallPreset
from daw_bridge.events import Status
from gui.actions import Actions
from gui.bridge_adapter import Submit
from gui.icons import ICON_STATES, icon_state, state_icon
from gui.wording import state_text, tooltip


class Tray(QObject):
    """Owns the icon and its menu. A click on the icon asks for the panel."""

    panel_wanted = pyqtSignal()
    panel_toggled = pyqtSignal()
    quit_wanted = pyqtSignal()

    def __init__(
        self, actions: Actions, presets: Iterable[str], submit: Submit, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._submit = submit
        self._icons = {state: state_icon(state) for state in ICON_STATES}
        self._shown = ""
        self.notifies = True
        self.menu = QMenu()  # a top-level window: it has no widget to belong to
        self.headline = self.menu.addAction("")
        if self.headline is not None:
            self.headline.setEnabled(False)
        self.menu.addSeparator()
        self.menu.addActions([actions.generate, actions.continue_input, actions.continue_file])
        self.menu.addSeparator()
        self.menu.addActions([actions.stop, actions.panic])
        self.menu.addSeparator()
        self.presets = QMenu(self.tr("Pre&sets"), self.menu)
        self.menu.addMenu(self.presets)
        for name in presets:
            self._add(self.presets, name.replace("&", "&&"), self._recall(name))
        self.presets.setEnabled(not self.presets.isEmpty())
        self.menu.addSeparator()
        self._before_open = self.menu.addSeparator()
        self.open = self._add(self.menu, self.tr("&Open panel"), self.panel_wanted.emit)
        self.quit = self._add(self.menu, self.tr("&Quit"), self.quit_wanted.emit)

        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._clicked)
        self.show_status(Status())

    def show(self) -> None:
        self.icon.show()

    def close(self) -> None:
        self.icon.hide()
        self.menu.deleteLater()

    def show_status(self, status: Status) -> None:
        state = icon_state(status.state)
        if state != self._shown:
            self._shown = state
            self.icon.setIcon(self._icons[state])
        self.icon.setToolTip(tooltip(status))
        if self.headline is not None:
            self.headline.setText(state_text(status))

    def add_choice(self, text: str, on: bool, changed: Callable[[bool], None]) -> QAction:
        """Something to tick in the menu."""
        action = QAction(text, self.menu)
        action.setCheckable(True)
        action.setChecked(on)
        action.triggered.connect(changed)
        self.menu.insertAction(self._before_open, action)
        return action

    def say(self, text: str) -> None:
        """A balloon, where the desktop has them and the person wants them."""
        if self.notifies and QSystemTrayIcon.supportsMessages():
            self.icon.showMessage("daw-bridge", text, self._icons["idle"], 6000)

    def _recall(self, name: str) -> Callable[[], None]:
        return lambda: self._submit(RecallPreset(name))

    def _add(self, menu: QMenu, text: str, run: Callable[[], object]) -> QAction:
        action = QAction(text, menu)
        action.triggered.connect(lambda _checked=False: run())
        menu.addAction(action)
        return action

    def _clicked(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.panel_toggled.emit()
        elif reason == QSystemTrayIcon.ActivationReason.DoubleClick:
            self.panel_wanted.emit()
