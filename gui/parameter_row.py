"""Fields of the whole parameter table: some in this row, the rest under a fold, some elsewhere."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from daw_bridge.events import Status
from daw_bridge.parameters import PARAMETERS
from gui.parameter_fields import (
    ParameterButton,
    ParameterChoice,
    ParameterField,
    ParameterTick,
    SeedBox,
    field_for,
)
from gui.wording import FOLLOWED_CLOCKS, clock_text

IN_FRONT = ("bars", "seed", "tell_tempo")
ELSEWHERE = ("tempo", "clock", "link", "loop", "buffer")  # clock, verbs, Set-up
OF_A_STYLE = ("style_detail", "text_push")  # in sight only where the model hears one
FOLD_COLUMNS = 4


class ParameterRow(QWidget):
    """`edited` carries a name of the table and a value in its range."""

    edited = pyqtSignal(str, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, ParameterField] = {}
        for name, parameter in PARAMETERS.items():
            field = field_for(parameter)
            field.edited.connect(self.edited)
            self.fields[name] = field
        front = QHBoxLayout()
        for name in IN_FRONT:
            if not isinstance(self.fields[name], ParameterTick):
                front.addWidget(self._label(name))
            front.addWidget(self.fields[name])
            front.addSpacing(10)
        front.addStretch(1)
        self.more = QPushButton(self.tr("&Advanced"))
        self.more.setCheckable(True)
        self.more.setProperty("role", "flat")
        self.more.setToolTip(self.tr("Guidance, temperature, top-k and more"))
        front.addWidget(self.more)

        self.fold = QWidget()
        grid = QGridLayout(self.fold)
        grid.setContentsMargins(0, 0, 0, 0)
        behind = [n for n in PARAMETERS if n not in (*IN_FRONT, *ELSEWHERE, *OF_A_STYLE)]
        behind += OF_A_STYLE
        self._of_a_style: list[QWidget] = []
        for number, name in enumerate(behind):
            row, column = divmod(number, FOLD_COLUMNS)
            label = self._label(name)
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(self.fields[name], row, 2 * column + 1)
            grid.setColumnStretch(2 * column + 1, 1)
            if name in OF_A_STYLE:
                self._of_a_style += [label, self.fields[name]]
        self.fold.hide()
        self.more.toggled.connect(self._open_fold)
        self._open_fold(False)

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(front)
        column.addWidget(self.fold)

    def show_value(self, name: str, value: float) -> None:
        """A parameter changed, whoever changed it. Names we do not know are others' news."""
        field = self.fields.get(name)
        if field is not None:
            field.show_value(value)

    def show_status(self, status: Status) -> None:
        """A clock that leads sets the tempo: the box shows it and cannot be edited. What a model
        has no use for is not in sight."""
        for widget in self._of_a_style:
            widget.setVisible(status.hears_style)
        tempo = self.fields["tempo"]
        followed = status.clock in FOLLOWED_CLOCKS
        tempo.setEnabled(not followed)
        if followed:
            tempo.show_value(status.tempo)
            tempo.setToolTip(self.tr("{clock} leads").format(clock=clock_text(status)))

    def value(self, name: str) -> float:
        return self.fields[name].value()

    def choice(self, name: str) -> ParameterChoice:
        """The field of a choice, to be laid out elsewhere."""
        field = self.fields[name]
        assert isinstance(field, ParameterChoice), name
        return field

    def button(self, name: str) -> ParameterButton:
        """The field of an on-or-off that is a button, to be laid out elsewhere."""
        field = self.fields[name]
        assert isinstance(field, ParameterButton), name
        return field

    def set_dice_icon(self, icon: QIcon) -> None:
        seed = self.fields["seed"]
        if isinstance(seed, SeedBox):
            seed.set_dice_icon(icon)

    def _label(self, name: str) -> QLabel:
        label = QLabel(PARAMETERS[name].label)
        label.setBuddy(self.fields[name])
        return label

    def _open_fold(self, opened: bool) -> None:
        self.fold.setVisible(opened)
        mark = "▾" if opened else "▸"
        self.more.setText(f"{self.tr('&Advanced')} {mark}")
        self.more.setAccessibleName(self.tr("Advanced settings"))
