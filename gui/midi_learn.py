"""MIDI learn: a right click on a control (or Ctrl+Shift+M), then move a knob; and forget it."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QEvent, QObject, QPoint, pyqtSignal
from PyQt6.QtGui import QContextMenuEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import QApplication, QMenu, QWidget

from daw_bridge import commands as ask
from daw_bridge.events import ControllerMapped
from daw_bridge.parameters import PARAMETERS
from gui.bridge_adapter import Submit
from gui.theme import repolish

KEY = "Ctrl+Shift+M"


class MidiLearn(QObject):
    """`news`: one line for a person. `waits`: what one is to do now, '' when it is done."""

    news = pyqtSignal(str)
    waits = pyqtSignal(str)

    def __init__(self, window: QWidget, fields: Mapping[str, QWidget], submit: Submit) -> None:
        """fields: the control of each parameter; what is inside it answers for it."""
        super().__init__(window)
        self._submit = submit
        self._window = window
        self._names: dict[QWidget, str] = {}
        self._tips = {name: field.toolTip() for name, field in fields.items()}
        self._fields = dict(fields)
        self._controllers: dict[str, int | None] = dict.fromkeys(fields)
        self._learning = ""
        self.menu: QMenu | None = None  # the one that was opened last
        for name, field in fields.items():
            for widget in (field, *field.findChildren(QWidget)):
                self._names[widget] = name
                widget.installEventFilter(self)
        QShortcut(QKeySequence(KEY), window, self.learn_focused)

    @property
    def learning(self) -> str:
        """The parameter that waits for a knob; '': none."""
        return self._learning

    def controller(self, name: str) -> int | None:
        return self._controllers.get(name)

    def begin(self) -> None:
        """Ask what is learnt already."""
        self._submit(ask.AskControllers())

    def learn(self, name: str) -> None:
        self._submit(ask.LearnController(name))

    def forget(self, name: str) -> None:
        self._submit(ask.MapController(name, None))

    def cancel(self) -> None:
        """What it had before stays."""
        if self._learning:
            self._submit(ask.MapController(self._learning, self._controllers[self._learning]))

    def learn_focused(self) -> None:
        """The control that has the keyboard; once more, and nothing is learnt."""
        if self._learning:
            self.cancel()
            return
        name = self._names.get(QApplication.focusWidget() or self._window)
        if name:
            self.learn(name)
        else:
            self.news.emit(self.tr("Go to a control first, then press {key}").format(key=KEY))

    def show_mapped(self, event: ControllerMapped) -> None:
        """News of a controller, whoever asked for it."""
        name, controller = event.name, event.controller
        if name not in self._fields:
            return
        label = PARAMETERS[name].label
        if event.learning:
            self._wait_for(name)
            self.waits.emit(
                self.tr("Move a knob: it will set {control} ({key}: never mind)").format(
                    control=label, key=KEY
                )
            )
            return
        for other, had in self._controllers.items():
            if controller is not None and had == controller and other != name:
                self._note(other, None)
        known = self._controllers[name]
        self._note(name, controller)
        if name == self._learning:
            self._wait_for("")
            self.waits.emit("")
            if controller != known:
                self.news.emit(self._mapped_text(label, controller))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QContextMenuEvent) and isinstance(watched, QWidget):
            name = self._names.get(watched)
            if name:
                self._open_menu(name, event.globalPos())
                return True
        return super().eventFilter(watched, event)

    def _open_menu(self, name: str, at: QPoint) -> None:
        controller = self._controllers[name]
        menu = self.menu = QMenu(self._window)
        label = PARAMETERS[name].label
        head = menu.addAction(self._mapped_text(label, controller))
        head.setEnabled(False)
        menu.addSeparator()
        learn = menu.addAction(self.tr("&Learn: move a knob\t{key}").format(key=KEY))
        learn.triggered.connect(lambda: self.learn(name))
        if self._learning:
            menu.addAction(self.tr("&Never mind")).triggered.connect(self.cancel)
        forget = menu.addAction(self.tr("&Forget the controller"))
        forget.setEnabled(controller is not None)
        forget.triggered.connect(lambda: self.forget(name))
        own = PARAMETERS[name].controller
        if own is not None and own != controller:
            text = self.tr("&Back to controller {number}").format(number=own)
            back = menu.addAction(text)
            back.triggered.connect(lambda: self._submit(ask.MapController(name, own)))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _mapped_text(self, label: str, controller: int | None) -> str:
        if controller is None:
            return self.tr("{control}: no MIDI controller").format(control=label)
        return self.tr("{control}: MIDI controller {number}").format(
            control=label, number=controller
        )

    def _note(self, name: str, controller: int | None) -> None:
        self._controllers[name] = controller
        field = self._fields[name]
        told = "" if controller is None else self.tr("MIDI controller {n}").format(n=controller)
        field.setToolTip("\n".join(line for line in (self._tips[name], told) if line))

    def _wait_for(self, name: str) -> None:
        """The control that waits is marked."""
        for field, learns in ((self._learning, False), (name, True)):
            if field:
                widget = self._fields[field]
                widget.setProperty("learning", learns)
                repolish(widget)
        self._learning = name
