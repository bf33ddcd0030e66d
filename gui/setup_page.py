"""The Set-up page: the model, where sound goes and comes from, whether it arrives, and OSC."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from daw_bridge.events import MeterLevels, Status
from daw_bridge.osc_log import OscLog
from gui.device_chooser import DeviceChooser, DeviceList
from gui.doctor_panel import DoctorPanel
from gui.meter import Meter
from gui.model_chooser import ModelChooser
from gui.osc_monitor import OscMonitor
from gui.parameter_fields import ParameterChoice
from gui.scrolling import scrolling


class SetupPage(QWidget):
    """Choosers in sections; a section more is one `add_section`."""

    def __init__(
        self,
        devices: DeviceList,
        buffer: ParameterChoice,
        osc_log: OscLog | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.model = ModelChooser()
        self.output = DeviceChooser("output", self.tr("Ou&tput"), devices)
        self.input = DeviceChooser("input", self.tr("&Input (what Continue hears)"), devices)
        self.input_meter = Meter(self.tr("In"))
        self.output_meter = Meter(self.tr("Out"))
        self.doctor = DoctorPanel(buffer)
        self.osc = OscMonitor(osc_log)
        inside = QWidget()
        self._scroll = scrolling(inside)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self._scroll)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 6, 0)
        self._column.setSpacing(12)
        self._column.addStretch(1)
        self.add_section(
            self.tr("M&odel"),
            self.tr("The starter is built in. Any other is downloaded once; Models says its size."),
            self.model,
        )
        sound = QWidget()
        row = QHBoxLayout(sound)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        for chooser in (self.output, self.input):
            row.addWidget(chooser, 1, Qt.AlignmentFlag.AlignTop)
        for meter in (self.input_meter, self.output_meter):
            meter.setFixedHeight(110)
            row.addWidget(meter)
        self.add_section(
            self.tr("Sound"),
            self.tr(
                "A loopback device carries it into your DAW; the Guide says how. Or drag takes."
            ),
            sound,
        )
        self.add_section(
            self.tr("Loopback doctor"),
            self.tr("Whether all sound that goes out comes back in, and how late."),
            self.doctor,
        )
        self.add_section(
            self.tr("OSC monitor"),
            self.tr("What other programs send (→) and what they are told (←)."),
            self.osc,
        )

    def show_status(self, status: Status) -> None:
        self.model.show_status(status)
        self.output.show_current(status.output, status.output_rate)
        self.input.show_current(status.input)

    def show_doctor(self) -> None:
        """Into sight, with the keyboard on its button."""
        self._show(self.doctor)
        self.doctor.measure.setFocus()

    def show_osc(self) -> None:
        self._show(self.osc)
        self.osc.filter.setFocus()

    def _show(self, content: QWidget) -> None:
        """A section, from its heading on, where what comes after it reaches that far."""
        bar, frame = self._scroll.verticalScrollBar(), content.parentWidget()
        if bar is not None and frame is not None:
            QTimer.singleShot(0, lambda: bar.setValue(frame.y()))  # once it is laid out

    def show_meters(self, event: MeterLevels) -> None:
        if self.isVisible():
            self.output_meter.show_levels(event.output)
            self.input_meter.show_levels(event.input)

    def add_section(self, title: str, text: str, content: QWidget) -> None:
        """A heading, a line that explains, and what it is about."""
        frame = QFrame()
        frame.setProperty("role", "take")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(14, 12, 14, 12)
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        heading.setBuddy(content.focusProxy() or content)
        told = QLabel(text)
        told.setProperty("role", "muted")
        told.setWordWrap(True)
        for widget in (heading, told, content):
            inside.addWidget(widget)
        self._column.insertWidget(self._column.count() - 1, frame)
