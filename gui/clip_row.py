"""The clip whose melody or style is followed: a file, one that is dropped, or the input; or none.

In sight only where the model follows one, or while one is set that it does not follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from PyQt6.QtCore import QCoreApplication, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from daw_bridge.commands import FROM_INPUT
from daw_bridge.events import MelodyChanged, Status, StyleChanged
from gui.clip_drop import dropped_clip
from gui.icons import glyph
from gui.status_line import ElidedLabel
from gui.theme import repolish

ICON = 16


@dataclass(frozen=True, slots=True)
class Words:
    """What a row is called, and what it says, in the user's language."""

    heading: str
    from_file: str  # as a tooltip
    removed: str  # as a tooltip of Remove
    dropping: str
    elsewhere: str  # which models do, where this one does not


def melody_words() -> Words:
    return Words(
        _tr("Melody"),
        _tr("Whistled, sung or played: the music follows its notes"),
        _tr("The music follows no melody from then on"),
        _tr("let go, and the music follows this clip's notes"),
        _tr("{name}: {model} follows none; a melody model in Models does"),
    )


def style_words() -> Words:
    return Words(
        _tr("Style"),
        _tr("A few seconds of music: what follows has its style, and is not a copy"),
        _tr("The music follows no clip's style from then on"),
        _tr("let go, and the music follows this clip's style"),
        _tr("{name}: {model} follows no style; musicgen-style in Models does"),
    )


class ClipRow(QFrame):
    """`file_wanted`: open a dialog. `chosen` carries a path, FROM_INPUT or '' for none."""

    file_wanted = pyqtSignal()
    chosen = pyqtSignal(str)

    def __init__(
        self, words: Words, follows: Callable[[Status], bool], parent: QWidget | None = None
    ) -> None:
        """follows: whether the model of a status does."""
        super().__init__(parent)
        self._words, self._follows_in = words, follows
        self._path, self._seconds, self._asked = "", 0.0, ""
        self._follows, self._model = False, ""
        self._over = False
        self.setProperty("role", "take")
        self.setAcceptDrops(True)
        self.setAccessibleName(words.heading)
        self._icon = QLabel()
        self._icon.setFixedSize(ICON, ICON)
        heading = QLabel(words.heading)
        heading.setProperty("role", "heading")
        self.text = ElidedLabel()
        self.text.setProperty("role", "muted")
        self.file = QPushButton(self.tr("From a fil&e…"))
        self.file.setToolTip(words.from_file)
        self.file.clicked.connect(self.file_wanted)
        self.input = QPushButton(self.tr("From the &input"))
        self.input.clicked.connect(lambda: self.choose(FROM_INPUT))
        self.none = QPushButton(self.tr("Remo&ve"))
        self.none.setToolTip(words.removed)
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
        self._follows, self._model = self._follows_in(status), status.model
        self.input.setEnabled(bool(status.input))
        self.input.setToolTip(
            self.tr("The last bars that came in")
            if status.input
            else self.tr("Choose an input in Set-up first")
        )
        self._show()

    def show_clip(self, event: MelodyChanged | StyleChanged) -> None:
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
            return self._words.dropping
        if self._asked:
            return self.tr("listening to {name}…").format(name=_name(self._asked))
        if not self._path:
            return self.tr("none; choose one, or drop a clip here")
        if not self._follows:
            return self._words.elsewhere.format(name=_name(self._path), model=self._model)
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
        return _tr("the input")
    return PurePath(path).name


def _tr(text: str) -> str:
    return QCoreApplication.translate("ClipRow", text)
