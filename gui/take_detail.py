"""The take that is looked at: its waveform in large, its recipe, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction, QGuiApplication, QShortcut
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from daw_bridge.take_record import TakeRecord
from daw_bridge.take_sound import Peaks
from gui.recipe import as_html, as_text, recipe
from gui.status_line import ElidedLabel
from gui.theme import colours_of
from gui.transport_row import ActionButton
from gui.wording import take_title

if TYPE_CHECKING:
    from gui.wave_view import WaveView


class TakeDetail(QWidget):
    """`play_wanted` carries seconds into the take."""

    play_wanted = pyqtSignal(float)

    def __init__(self, actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._record: TakeRecord | None = None
        self._parent: TakeRecord | None = None
        self.title = ElidedLabel()
        self.title.setProperty("role", "heading")
        self.recipe_button = QPushButton(self.tr("Rec&ipe"))
        self.recipe_button.setCheckable(True)
        self.recipe_button.setToolTip(
            self.tr("Prompts, settings, seed, model and its licence (Ctrl+I)")
        )
        QShortcut("Ctrl+I", self.recipe_button, self.recipe_button.click)
        self.recipe_button.toggled.connect(self._turn)
        self.copy_button = QPushButton(self.tr("Cop&y"))
        self.copy_button.setToolTip(self.tr("Copy the recipe as text"))
        self.copy_button.clicked.connect(self._copy)
        self.copy_button.hide()
        self.text = QTextBrowser()
        self.text.setAccessibleName(self.tr("Recipe of the take"))
        self.text.setOpenLinks(False)
        self._hint = QLabel(self.tr("Choose a take to see and hear it"))
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setProperty("role", "muted")
        self.stack = QStackedWidget()
        self.stack.addWidget(self._hint)
        self.stack.addWidget(self.text)
        self._wave: WaveView | None = None
        self.buttons = [ActionButton(action) for action in actions]

        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.copy_button)
        top.addWidget(self.recipe_button)
        below = QHBoxLayout()
        below.setSpacing(6)
        for button in self.buttons:
            below.addWidget(button)
        below.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.stack, 1)
        column.addLayout(below)

    @property
    def wave(self) -> WaveView:
        """Made when it is first needed: pyqtgraph takes a while to load."""
        if self._wave is None:
            from gui.wave_view import WaveView

            self._wave = WaveView()
            self._wave.play_wanted.connect(self.play_wanted)
            self.stack.addWidget(self._wave)
        return self._wave

    @property
    def cursor(self) -> float:
        """Where Play and Branch begin, in seconds."""
        return 0.0 if self._wave is None or self._record is None else self._wave.cursor_at

    def show_take(
        self, record: TakeRecord | None, parent: TakeRecord | None, peaks: Peaks | None
    ) -> None:
        self._record, self._parent = record, parent
        self.title.setText(take_title(record) if record else "")
        self.recipe_button.setEnabled(record is not None)
        if record is not None:
            self.wave.show_take(record, peaks)
        if self.recipe_button.isChecked():
            self._write()
        self._turn(self.recipe_button.isChecked())

    def show_head(self, seconds: float | None) -> None:
        if self._wave is not None:
            self._wave.show_head(seconds)

    def _turn(self, to_recipe: bool) -> None:
        shown: QWidget = self._hint
        if self._record is not None:
            shown = self.text if to_recipe else self.wave
        if to_recipe and self._record is not None:
            self._write()
        self.copy_button.setVisible(shown is self.text)
        self.stack.setCurrentWidget(shown)

    def _rows(self) -> list[tuple[str, str]]:
        return recipe(self._record, self._parent) if self._record is not None else []

    def _write(self) -> None:
        html = as_html(self._rows(), colours_of(self.palette()).muted)
        if html != self.text.property("told"):
            self.text.setProperty("told", html)
            self.text.setHtml(html)

    def _copy(self) -> None:
        board = QGuiApplication.clipboard()
        if board is not None:
            board.setText(as_text(self._rows()))
