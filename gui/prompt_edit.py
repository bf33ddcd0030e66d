"""The text box of a prompt: Enter uses it, and the keys of the window's actions pass through."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QPlainTextEdit, QWidget

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
ACTION_KEYS = [
    QKeySequence(key)
    for key in (
        "Ctrl+K", "Ctrl+R", "Ctrl+O", "Ctrl+E", "Ctrl+B", "Ctrl+M", "Ctrl+L", "Ctrl+T",
        "Alt+Left", "Alt+Right", "Esc", "Shift+Esc",
    )
]  # fmt: skip


class PromptEdit(QPlainTextEdit):
    """Enter uses the prompt, Shift+Enter breaks the line; the actions' keys pass through."""

    used = pyqtSignal()
    stepped = pyqtSignal(int)  # through the history: -1 older, 1 newer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # a dropped file is a clip, not text

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            keys = QKeySequence(event.keyCombination())
            if keys in ACTION_KEYS:  # "delete to the end of the line" and its like
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() in ENTER and plain == Qt.KeyboardModifier.NoModifier:
            self.used.emit()
        elif event.key() == Qt.Key.Key_Up and plain == Qt.KeyboardModifier.ControlModifier:
            self.stepped.emit(-1)
        elif event.key() == Qt.Key.Key_Down and plain == Qt.KeyboardModifier.ControlModifier:
            self.stepped.emit(1)
        else:
            super().keyPressEvent(event)
