"""What can be done with the take that is looked at: one action each, for buttons, menu and keys."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QAction, QColor, QKeySequence
from PyQt6.QtWidgets import QWidget

from gui.icons import glyph


class TakeActions(QObject):
    """They belong to `page`: their keys work while it has the focus."""

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._glyphs: list[tuple[QAction, str]] = []
        self.play = self._make(
            "generate", self.tr("&Play"), "", self.tr("Play from the cursor (Enter)")
        )
        self.goes_on = self._make(
            "continue", self.tr("Con&tinue"), "Ctrl+E",
            self.tr("A new take that goes on where this one ends"),
        )  # fmt: skip
        self.branch = self._make(
            "branch", self.tr("&Branch here"), "Ctrl+B",
            self.tr("A new take that goes another way from the cursor on"),
        )  # fmt: skip
        self.again = self._make(
            "retry", self.tr("Ret&ry"), "", self.tr("This take once more, with another seed")
        )
        self.star = self._make(
            "star", self.tr("S&tar"), "Ctrl+D", self.tr("Mark as one to keep, or no longer")
        )
        self.rename = self._make(
            "rename", self.tr("Re&name…"), "F2", self.tr("Call it something else")
        )
        self.reveal = self._make(
            "folder", self.tr("Show in fol&der"), "", self.tr("Open the folder of its files")
        )
        self.delete = self._make(
            "delete", self.tr("&Delete"), "Del",
            self.tr("Move its files aside; Ctrl+Z brings them back"),
        )  # fmt: skip
        self.restore = self._make(
            "undo", self.tr("&Undo delete"), "Ctrl+Z", self.tr("Bring the deleted take back")
        )
        self.restore.setEnabled(False)
        page.addActions(self.all())

    def all(self) -> list[QAction]:
        return [action for action, _ in self._glyphs]

    def enable(self, *, looked_at: bool, whole: bool, there: bool) -> None:
        """whole: it is on disk; there: its file is, too."""
        for action in (self.play, self.reveal):
            action.setEnabled(looked_at and whole and there)
        for action in (self.goes_on, self.branch, self.again, self.star):
            action.setEnabled(looked_at)
        for action in (self.rename, self.delete):
            action.setEnabled(looked_at and whole)

    def colour(self, ink: QColor, faded: QColor) -> None:
        for action, name in self._glyphs:
            action.setIcon(glyph(name, ink, faded))

    def connect_to(self, action: QAction, run: Callable[[], object]) -> None:
        action.triggered.connect(lambda _checked=False: run())

    def _make(self, name: str, text: str, key: str, help_text: str) -> QAction:
        action = QAction(text, self)
        if key:
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            help_text = f"{help_text} ({shown})"
        action.setToolTip(help_text)
        self._glyphs.append((action, name))
        return action
