"""The prompts of the blend as a row of chips: choose the one to edit, add one, take one out."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from daw_bridge.commands import NEGATIVE_SLOT, PROMPT_SLOTS
from gui.blend_pad import letter


class SlotChips(QWidget):
    """Slots from 1 on, and the one that says what to keep away from."""

    chosen = pyqtSignal(int)
    removed = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: list[int] = []
        self._negative = ""
        self.current = 1
        self.chips: dict[int, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for slot in (*range(1, PROMPT_SLOTS + 1), NEGATIVE_SLOT):
            chip = self._button("")
            chip.setCheckable(True)
            chip.clicked.connect(lambda _checked=False, slot=slot: self.choose(slot))
            self.chips[slot] = chip
            if slot == NEGATIVE_SLOT:
                self.more = self._button("+")
                self.more.setToolTip(self.tr("Another prompt, to blend with the others"))
                self.more.setAccessibleName(self.tr("Add a prompt"))
                self.more.clicked.connect(self._add)
                row.addWidget(self.more)
            row.addWidget(chip)
        self.remove = self._button("×")
        self.remove.setToolTip(self.tr("Take this prompt out of the blend"))
        self.remove.setAccessibleName(self.tr("Remove the prompt"))
        self.remove.clicked.connect(lambda: self.removed.emit(self.current))
        row.addWidget(self.remove)
        row.addStretch(1)
        self.show_blend({1: 1.0}, "")

    def show_blend(self, shares: dict[int, float], negative: str) -> None:
        """shares: of the slots in use."""
        self._negative = negative
        self._shown = sorted({*shares, self.current} - {NEGATIVE_SLOT})
        for slot, chip in self.chips.items():
            if slot == NEGATIVE_SLOT:
                chip.setText(self.tr("Avoid ●") if negative else self.tr("Avoid"))
                chip.setToolTip(negative or self.tr("What the music is to keep away from"))
                chip.setAccessibleName(self.tr("What to avoid"))
                continue
            share = shares.get(slot, 0.0)
            alone = len(self._shown) == 1
            chip.setText(letter(slot) if alone else f"{letter(slot)} {share:.0%}")
            chip.setAccessibleName(self.tr("Prompt {letter}").format(letter=letter(slot)))
            chip.setVisible(slot in self._shown)
        self._mark()

    def choose(self, slot: int) -> None:
        """The prompt that is edited from now on."""
        changed = slot != self.current
        self.current = slot
        self._mark()
        if changed:
            self.chosen.emit(slot)

    def _add(self) -> None:
        free = [s for s in range(1, PROMPT_SLOTS + 1) if s not in self._shown]
        if free:
            self._shown.append(free[0])
            self.chips[free[0]].setText(letter(free[0]))
            self.choose(free[0])

    def _mark(self) -> None:
        for slot, chip in self.chips.items():
            chip.setChecked(slot == self.current)
            chip.setVisible(slot == NEGATIVE_SLOT or slot in self._shown)
        self.remove.setVisible(self.current > 1)
        self.more.setEnabled(len(self._shown) < PROMPT_SLOTS)

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "chip")
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button
