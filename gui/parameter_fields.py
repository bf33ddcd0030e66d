"""Fields of the parameter table: a number, a choice, a tick, and the seed with its dice."""

from __future__ import annotations

import random

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QIcon, QWheelEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from daw_bridge.parameters import Parameter

STEPS = {"tempo": 1.0, "top_k": 10.0, "guidance": 0.1, "temperature": 0.05, "gain": 0.05}


def _describe(field: QWidget, parameter: Parameter) -> None:
    """For those who point at it, and those who hear it read."""
    field.setAccessibleName(parameter.label)
    field.setAccessibleDescription(parameter.help)
    field.setToolTip(f"{parameter.label}: {parameter.help}")


class ParameterSpin(QDoubleSpinBox):
    """Range, unit and help come from the table; `edited` only where a person changed it."""

    edited = pyqtSignal(str, float)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self.setDecimals(0 if parameter.integer else 2)
        self.setRange(parameter.low, parameter.high)
        self.setSingleStep(STEPS.get(parameter.name, 1.0))
        self.setStepType(QDoubleSpinBox.StepType.DefaultStepType)
        self.setValue(parameter.default)
        self._show_unit(parameter.default)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(parameter.label)
        self.setAccessibleDescription(parameter.help)
        low, high = f"{parameter.low:g}", f"{parameter.high:g}"
        limits = self.tr("{low} to {high}").format(low=low, high=high)
        self.setToolTip(f"{parameter.label}: {parameter.help} ({limits})")
        special = {
            "bars": self.tr("until stopped"),
            "quantize": self.tr("at once"),
            "top_k": self.tr("all"),
            "seed": self.tr("random"),
        }.get(parameter.name)
        if special:
            self.setSpecialValueText(special)
        self.valueChanged.connect(self._show_unit)
        self.valueChanged.connect(lambda value: self.edited.emit(parameter.name, value))

    def show_value(self, value: float) -> None:
        """The session's value; nothing is sent."""
        if self.value() != value:
            blocked = self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(blocked)
            self._show_unit(value)

    def _show_unit(self, value: float) -> None:
        """1 bar, 2 bars."""
        unit = self.parameter.unit
        if unit == "bars":
            unit = self.tr("bar") if value == 1 else self.tr("bars")
        self.setSuffix(f" {unit}" if unit else "")

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Only where the person is already: a scroll past must not change the music."""
        if event is None or self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ParameterChoice(QComboBox):
    """One of a few words."""

    edited = pyqtSignal(str, float)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low = int(parameter.low)
        self.addItems(parameter.words)
        self.setCurrentIndex(int(parameter.default) - self._low)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        _describe(self, parameter)
        self.activated.connect(lambda _index: self.edited.emit(parameter.name, self.value()))

    def value(self) -> float:
        return float(self._low + self.currentIndex())

    def show_value(self, value: float) -> None:
        """The session's value; nothing is sent."""
        self.setCurrentIndex(int(value) - self._low)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None or self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ParameterTick(QCheckBox):
    """On or off."""

    edited = pyqtSignal(str, float)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parameter.label, parent)
        self.setChecked(bool(parameter.default))
        _describe(self, parameter)
        self.clicked.connect(lambda on: self.edited.emit(parameter.name, float(on)))

    def value(self) -> float:
        return float(self.isChecked())

    def show_value(self, value: float) -> None:
        """The session's value; nothing is sent."""
        self.setChecked(bool(value))


class ParameterButton(QPushButton):
    """On or off, as a button that stays down."""

    edited = pyqtSignal(str, float)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parameter.label, parent)
        self.setCheckable(True)
        self.setAutoDefault(False)
        _describe(self, parameter)
        self.clicked.connect(lambda on: self.edited.emit(parameter.name, float(on)))

    def value(self) -> float:
        return float(self.isChecked())

    def show_value(self, value: float) -> None:
        """The session's value; nothing is sent."""
        self.setChecked(bool(value))


class SeedBox(QWidget):
    """A seed to keep, a dice for another one, or a new one for each take."""

    edited = pyqtSignal(str, float)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._top = int(parameter.high)
        self.spin = ParameterSpin(parameter)
        self.spin.edited.connect(self._pass_on)
        self.dice = QPushButton()
        self.dice.setProperty("role", "icon")
        self.dice.setToolTip(self.tr("Draw a seed and keep it"))
        self.dice.setAccessibleName(self.tr("Draw a seed"))
        self.dice.clicked.connect(self._draw)
        self.new_each_time = QCheckBox(self.tr("&new each time"))
        self.new_each_time.setToolTip(self.tr("Every take draws its own seed"))
        self.new_each_time.setChecked(parameter.default == -1)
        self.new_each_time.clicked.connect(self._choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.spin, self.dice, self.new_each_time):
            row.addWidget(widget)
        self.setFocusProxy(self.spin)

    def value(self) -> float:
        return self.spin.value()

    def show_value(self, value: float) -> None:
        self.spin.show_value(value)
        self.new_each_time.setChecked(value < 0)

    def set_dice_icon(self, icon: QIcon) -> None:
        self.dice.setIcon(icon)

    def _pass_on(self, name: str, value: float) -> None:
        self.new_each_time.setChecked(value < 0)
        self.edited.emit(name, value)

    def _draw(self) -> None:
        self.spin.setValue(random.randint(0, self._top))

    def _choose(self, checked: bool) -> None:
        if checked:
            self.spin.setValue(-1)
        else:
            self._draw()


ParameterField = ParameterSpin | ParameterChoice | ParameterTick | ParameterButton | SeedBox
BUTTONS = ("link", "loop")


def field_for(parameter: Parameter) -> ParameterField:
    """The field that suits what the table says of a parameter."""
    if parameter.name == "seed":
        return SeedBox(parameter)
    if parameter.name in BUTTONS:
        return ParameterButton(parameter)
    if parameter.words:
        return ParameterChoice(parameter)
    if parameter.integer and (parameter.low, parameter.high) == (0, 1):
        return ParameterTick(parameter)
    return ParameterSpin(parameter)
