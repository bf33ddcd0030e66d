"""The melody that a melody model follows: from a file, a dropped clip or the input; or none.

In sight only where the model follows one, or while one is set that it does not follow.
"""

from __future__ import annotations

from pathlib import PurePath

from PyQt6.QtCore import QCoreApplication, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from daw_bridge.commands import FROM_INPUT
from daw_bridge.events import MelodyChanged, Status
from gui.clip_drop import dropped_clip
from gui.icons import glyph
from gui.status_line import ElidedLabel
from gui.theme import repolish

ICON = 16


class MelodyRow(QFrame):
    """`file_wanted`: open a dialog. `chosen` carries a path, FROM_INPUT or '' for none."""

    file_wanted = pyqtSignal()
    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path, self._seconds, self._asked = "", 0.0, ""
        self._follows, self._model = False, ""
        self._over = False
        self.setProperty("role", "take")
        self.setAcceptDrops(True)
        self.setAccessibleName(self.tr("Melody"))
        self._icon = QLabel()
        self._icon.setFixedSize(ICON, ICON)
        heading = QLabel(self.tr("Melody"))
        heading.setProperty("role", "heading")
        self.text = ElidedLabel()
        self.text.setProperty("role", "muted")
        self.file = QPushButton(self.tr("From a fil&e…"))
        self.file.setToolTip(self.tr("Whistled, sung or played: the music follows its notes"))
        self.file.clicked.connect(self.file_wanted)
        self.input = QPushButton(self.tr("From the &input"))
        self.input.clicked.connect(lambda: self.choose(FROM_INPUT))
        self.none = QPushButton(self.tr("Remo&ve"))
        self.none.setToolTip(self.tr("The music follows no melody from then on"))
        self.none.clicked.connect(lambda: self.choose(""))
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 4, 4)
        for widget in (self._icon, heading):
            row.addWidget(widget)
        row.addWidget(self.text, 1)
        for button in self.buttons():
            button.setAutoDefault(False)
            row.addWidget(button)
        self._show()

    def buttons(self) -> list[QPushButton]:
        """In tab order."""
        return [self.file, self.input, self.none]

    def choose(self, path: str) -> None:
        """A sound file, FROM_INPUT, or '' for none."""
        self._asked = path
        self._show()
        self.chosen.emit(path)

    def show_status(self, status: Status) -> None:
        self._follows, self._model = status.hears_melody, status.model
        self.input.setEnabled(bool(status.input))
        self.input.setToolTip(
            self.tr("The last bars that came in")
            if status.input
            else self.tr("Choose an input in Set-up first")
        )
        self._show()

    def show_melody(self, event: MelodyChanged) -> None:
        """There is another one now, or none, whoever set it."""
        self._path, self._seconds, self._asked = event.path, event.seconds, ""
        self._show()

    def show_refused(self) -> None:
        """Something that was asked for here could not be done: what there was stays."""
        self._asked = ""
        self._show()

    def colour(self, ink: QColor) -> None:
        self._icon.setPixmap(glyph("melody", ink).pixmap(ICON, ICON))

    def _show(self) -> None:
        self.setVisible(self._follows or bool(self._path))
        self.input.setVisible(self._follows)
        self.file.setVisible(self._follows)
        self.none.setVisible(bool(self._path))
        self.text.setText(self._said())

    def _said(self) -> str:
        if self._over:
            return self.tr("let go, and the music follows this clip's notes")
        if self._asked:
            return self.tr("listening to {name}…").format(name=_name(self._asked))
        if not self._path:
            return self.tr("none; choose one, or drop a clip here")
        if not self._follows:
            return self.tr("{name}: {model} follows none; a melody model in Models does").format(
                name=_name(self._path), model=self._model
            )
        return self.tr("{name}, {seconds} s").format(
            name=_name(self._path), seconds=f"{self._seconds:.1f}"
        )

    # ------------------------------------------------------------ drops

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None and self._follows and dropped_clip(event.mimeData()) is not None:
            event.acceptProposedAction()
            self._mark(True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent | None) -> None:
        self._mark(False)

    def dropEvent(self, event: QDropEvent | None) -> None:
        self._mark(False)
        path = None if event is None else dropped_clip(event.mimeData())
        if event is not None and path is not None:
            event.acceptProposedAction()
            # the program that drags waits for us: answer it first
            QTimer.singleShot(0, lambda: self.choose(path))

    def _mark(self, over: bool) -> None:
        self._over = over
        self.setProperty("over", over)
        repolish(self)
        self._show()


def _name(path: str) -> str:
    if path == FROM_INPUT:
        return QCoreApplication.translate("MelodyRow", "the input")
    return PurePath(path).name
