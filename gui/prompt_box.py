"""The prompts: a text box for one of them, the blend, the presets, and what was used before."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QAction, QTextCursor
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.blend_pad import BlendPad
from gui.preset_chooser import PresetChooser
from gui.prompt_edit import PromptEdit
from gui.slot_chips import SlotChips
from gui.status_line import ElidedLabel

HISTORY = 30
MENU_WIDTH = 70  # characters of a prompt shown in the menu


class PromptBox(QWidget):
    """Shows the session's prompts, one at a time, but never overwrites what is being typed."""

    prompt_set = pyqtSignal(str)  # use it for what plays now
    slot_set = pyqtSignal(int, str)  # the same for another slot than the first
    weights_set = pyqtSignal(dict)  # {slot: share}
    preset_chosen = pyqtSignal(str)

    def __init__(self, presets: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets = dict(presets)
        self._slots: dict[int, tuple[str, float]] = {1: ("", 1.0)}  # the session's
        self._drafts: dict[int, str] = {}  # typed for slots that are not in the box now
        self._history: list[str] = []  # oldest first
        self._at = 0  # where Ctrl+Up and Ctrl+Down stand in it

        self.edit = PromptEdit()
        self.edit.setAccessibleName(self.tr("Prompt"))
        self._slot_in_box = 1
        self._first_hint = self.tr(
            "Describe the music: style, instruments, mood\n"
            "for example: warm lo-fi hip hop, dusty drums, mellow electric piano"
        )
        self.edit.setPlaceholderText(self._first_hint)
        self.edit.setFixedHeight(3 * self.edit.fontMetrics().lineSpacing() + 18)
        self.edit.used.connect(self._use)
        self.edit.stepped.connect(self._step)
        self.edit.textChanged.connect(self._show_difference)

        self.chips = SlotChips()
        self.chips.chosen.connect(self._show_slot)
        self.chips.removed.connect(self._remove)
        self.pad = BlendPad()
        self.pad.moved.connect(self._blend)

        label = QLabel(self.tr("Pro&mpt"))
        label.setProperty("role", "heading")
        label.setBuddy(self.edit)
        hint = ElidedLabel()
        hint.setText(self.tr("Ctrl+Enter generates · Enter steers"))
        hint.setProperty("role", "muted")

        self.preset = PresetChooser(self._presets)
        self.preset.chosen.connect(self._choose_preset)

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
        top.addWidget(hint, 1)
        top.addWidget(self.preset)
        top.addWidget(self.history)
        below = QHBoxLayout()
        below.addWidget(self.chips, 1)
        below.addWidget(self.use)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.edit)
        column.addLayout(below)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addLayout(column, 1)
        row.addWidget(self.pad)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for before, after in (
            (self.edit, self.preset), (self.preset, self.history), (self.history, self.use),
            (self.use, self.pad),
        ):  # fmt: skip
            self.setTabOrder(before, after)

    def text(self) -> str:
        """The first prompt, as the model gets it: one line."""
        return self._typed() if self.chips.current == 1 else self._drafts.get(1, self._slots[1][0])

    @property
    def weight(self) -> float:
        """The first prompt's, in the blend."""
        return self._slots[1][1]

    def past(self) -> list[str]:
        """Prompts used, oldest first."""
        return list(self._history)

    def show_prompt(self, text: str, slot: int = 1, weight: float = 1.0) -> None:
        """A prompt of the session changed: by us, by OSC, by MIDI. Slot 0 is what to avoid."""
        known = self._slots.get(slot, ("", 1.0))[0]
        in_view = slot == self.chips.current
        typing = in_view and self.edit.hasFocus() and self._typed() != known
        if text or slot == 1:
            self._slots[slot] = (text, weight)
        else:
            self._slots.pop(slot, None)
        if not typing and self._drafts.get(slot) == known:
            self._drafts.pop(slot, None)
        if in_view and not typing and self._typed() != text:
            self.edit.setPlainText(text)
            self.edit.moveCursor(QTextCursor.MoveOperation.End)
        self._show_blend()
        self._show_preset()
        self._show_difference()

    def commit(self) -> None:
        """What was typed for the other slots counts from now on, too."""
        if self.chips.current != 1:
            self._drafts[self.chips.current] = self._typed()
        for slot, text in list(self._drafts.items()):
            if slot != 1 and text != self._slots.get(slot, ("", 1.0))[0]:
                self.slot_set.emit(slot, text)

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
        self._slots[1] = (text, self._slots[1][1])
        self._drafts.pop(1, None)
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

    def _typed(self) -> str:
        return " ".join(self.edit.toPlainText().split())

    def _known(self) -> str:
        """The session's text of the slot in view."""
        return self._slots.get(self.chips.current, ("", 1.0))[0]

    def _use(self) -> None:
        slot, text = self.chips.current, self._typed()
        if slot == 1:
            self.mark_used(text)
            self.prompt_set.emit(text)
            return
        self._drafts.pop(slot, None)
        self.remember(text)
        self.slot_set.emit(slot, text)

    def _show_slot(self, slot: int) -> None:
        """The box holds another prompt now; what was typed for the one before is kept."""
        if self._slot_in_box != slot:
            self._drafts[self._slot_in_box] = self._typed()
        self._slot_in_box = slot
        self.edit.setPlainText(self._drafts.get(slot, self._known()))
        self.edit.moveCursor(QTextCursor.MoveOperation.End)
        self.edit.setPlaceholderText(
            {0: self.tr("What the music is to keep away from, for example: vocals, distortion"),
             1: self._first_hint}.get(slot, self.tr("Another prompt, to blend with the first"))
        )  # fmt: skip
        self.edit.setFocus()
        self._show_blend()
        self._show_difference()

    def _remove(self, slot: int) -> None:
        self.slot_set.emit(slot, "")
        self._slots.pop(slot, None)
        self.chips.choose(1)
        self._drafts.pop(slot, None)
        self._show_blend()

    def _blend(self, weights: dict[int, float]) -> None:
        for slot, weight in weights.items():
            self._slots[slot] = (self._slots.get(slot, ("", 1.0))[0], weight)
        self.weights_set.emit(weights)
        self._show_blend()

    def _show_blend(self) -> None:
        slots = {slot: told for slot, told in self._slots.items() if slot > 0}
        whole = sum(weight for _, weight in slots.values()) or 1.0
        shares = {slot: weight / whole for slot, (_, weight) in slots.items()}
        self.chips.show_blend(shares, self._slots.get(0, ("", 1.0))[0])
        self.pad.show_blend(shares, {slot: text for slot, (text, _) in slots.items()})

    def _choose_preset(self, name: str) -> None:
        self.chips.choose(1)
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
        used = self._slots[1][0]
        names = (name for name, text in self._presets.items() if text == used)
        self.preset.show_current(next(names, ""))

    def _show_difference(self) -> None:
        self.use.setEnabled(self._typed() != self._known())
