"""The prompt: a text box, the presets, and what was used before."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QKeyEvent, QKeySequence, QTextCursor
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

HISTORY = 30
MENU_WIDTH = 70  # characters of a prompt shown in the menu

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
ACTION_KEYS = [QKeySequence(key) for key in ("Ctrl+K", "Ctrl+R", "Ctrl+O", "Esc", "Shift+Esc")]


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


class PromptBox(QWidget):
    """Shows the session's prompt, but never overwrites what is being typed."""

    prompt_set = pyqtSignal(str)  # use it for what plays now
    preset_chosen = pyqtSignal(str)

    def __init__(self, presets: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets = dict(presets)
        self._session_text = ""
        self._history: list[str] = []  # oldest first
        self._at = 0  # where Ctrl+Up and Ctrl+Down stand in it

        self.edit = PromptEdit()
        self.edit.setAccessibleName(self.tr("Prompt"))
        self.edit.setPlaceholderText(
            self.tr(
                "Describe the music: style, instruments, mood\n"
                "for example: warm lo-fi hip hop, dusty drums, mellow electric piano"
            )
        )
        self.edit.setFixedHeight(3 * self.edit.fontMetrics().lineSpacing() + 22)
        self.edit.used.connect(self._use)
        self.edit.stepped.connect(self._step)
        self.edit.textChanged.connect(self._show_difference)

        label = QLabel(self.tr("Pro&mpt"))
        label.setProperty("role", "heading")
        label.setBuddy(self.edit)
        hint = QLabel(self.tr("Ctrl+Enter generates · Enter steers what is playing"))
        hint.setProperty("role", "muted")

        self.preset = QComboBox()
        self.preset.setAccessibleName(self.tr("Preset"))
        self.preset.setToolTip(self.tr("A prompt to start from"))
        self.preset.addItem(self.tr("Presets"))
        self.preset.addItems(list(self._presets))
        self.preset.setEnabled(bool(self._presets))
        self.preset.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.preset.setMinimumContentsLength(18)
        self.preset.activated.connect(self._choose_preset)

        self.history = QPushButton(self.tr("&History"))
        self.history.setToolTip(self.tr("Prompts used before (Ctrl+Up, Ctrl+Down in the box)"))
        self.history.setEnabled(False)
        self.history.setProperty("role", "menu")
        self._menu = QMenu(self.history)
        self._menu.triggered.connect(self._choose_past)
        self.history.setMenu(self._menu)

        self.use = QPushButton(self.tr("&Use now"))
        self.use.setToolTip(self.tr("Steer what is playing to this prompt (Enter)"))
        self.use.setEnabled(False)
        self.use.clicked.connect(self._use)

        top = QHBoxLayout()
        top.addWidget(label)
        top.addWidget(hint)
        top.addStretch(1)
        top.addWidget(self.preset)
        top.addWidget(self.history)
        top.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.edit)
        for before, after in (
            (self.edit, self.preset), (self.preset, self.history), (self.history, self.use),
        ):  # fmt: skip
            self.setTabOrder(before, after)

    def text(self) -> str:
        """What is in the box, as the model gets it: one line."""
        return " ".join(self.edit.toPlainText().split())

    def past(self) -> list[str]:
        """Prompts used, oldest first."""
        return list(self._history)

    def show_prompt(self, text: str) -> None:
        """The session's prompt changed: by us, by OSC, by MIDI."""
        typing = self.edit.hasFocus() and self.text() != self._session_text
        self._session_text = text
        if not typing and self.text() != text:
            self.edit.setPlainText(text)
            self.edit.moveCursor(QTextCursor.MoveOperation.End)
        self._show_preset()
        self._show_difference()

    def remember(self, text: str) -> None:
        """A prompt was used: it is the newest of the history."""
        if not text:
            return
        self._history = [past for past in self._history if past != text][-(HISTORY - 1) :]
        self._history.append(text)
        self._at = len(self._history)
        self._fill_menu()

    def mark_used(self, text: str) -> None:
        """A take of this prompt is under way."""
        self._session_text = text
        self.remember(text)
        self._show_difference()

    def restore_history(self, texts: list[str]) -> None:
        for text in texts:
            self.remember(text)

    def _fill_menu(self) -> None:
        self._menu.clear()
        for text in reversed(self._history):
            shown = text if len(text) <= MENU_WIDTH else text[: MENU_WIDTH - 1] + "…"
            entry = QAction(shown.replace("&", "&&"), self._menu)
            entry.setData(text)
            self._menu.addAction(entry)
        self.history.setEnabled(bool(self._history))

    def _use(self) -> None:
        self.mark_used(self.text())
        self.prompt_set.emit(self._session_text)

    def _choose_preset(self, index: int) -> None:
        if index == 0:
            return
        name = self.preset.itemText(index)
        self._put(self._presets[name])
        self.preset_chosen.emit(name)

    def _choose_past(self, entry: QAction) -> None:
        self._put(str(entry.data()))

    def _step(self, by: int) -> None:
        if 0 <= self._at + by < len(self._history):
            self._at += by
            self._put(self._history[self._at])

    def _put(self, text: str) -> None:
        self.edit.selectAll()
        self.edit.insertPlainText(text)  # so that undo brings back what was there

    def _show_preset(self) -> None:
        """The chooser names the preset whose text is in use, if it is one's."""
        texts = list(self._presets.values())
        known = self._session_text in texts
        self.preset.setCurrentIndex(texts.index(self._session_text) + 1 if known else 0)

    def _show_difference(self) -> None:
        self.use.setEnabled(self.text() != self._session_text)
