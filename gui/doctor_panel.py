"""The loopback doctor: a button, what it found in figures, a picture and a plain sentence."""

from __future__ import annotations

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from daw_bridge.events import LoopbackMeasured, Problem
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.report import LoopbackReport
from daw_bridge.loopback.run import AFTER, STARTS_IN
from daw_bridge.parameters import PARAMETERS
from gui.doctor_picture import DoctorPicture
from gui.parameter_fields import ParameterChoice

TAKES = STARTS_IN + ChirpTrain().seconds + AFTER  # seconds
STEP_MS = 100


class DoctorPanel(QWidget):
    """`wanted`: measure now. `buffer_wanted`: a value of that parameter."""

    wanted = pyqtSignal()
    buffer_wanted = pyqtSignal(float)

    def __init__(self, buffer: ParameterChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._better: int | None = None
        self.measure = QPushButton(self.tr("&Measure"))
        self.measure.setToolTip(
            self.tr("Plays a quiet sweep through the output and hears it at the input")
        )
        self.measure.clicked.connect(self._begin)
        self.buffer = buffer
        label = QLabel(self.tr("&Buffer"))
        label.setBuddy(buffer)
        self.set_buffer = QPushButton()
        self.set_buffer.hide()
        self.set_buffer.clicked.connect(self._use_better)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName(self.tr("Measuring"))
        self.progress.hide()
        self.figures = QLabel()
        self.figures.setProperty("role", "heading")
        self.figures.setWordWrap(True)
        self.advice = QLabel(
            self.tr("Connect the output to the input, then measure. It takes six seconds.")
        )
        self.advice.setWordWrap(True)
        self.picture = DoctorPicture()
        self.picture.hide()
        row = QHBoxLayout()
        for widget in (self.measure, self.set_buffer):
            row.addWidget(widget)
        row.addStretch(1)
        for widget in (label, buffer):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        for widget in (self.progress, self.figures, self.picture, self.advice):
            column.addWidget(widget)
        self.figures.hide()
        self._clock = QTimer(self)
        self._clock.setInterval(STEP_MS)
        self._clock.timeout.connect(self._step)
        self.setFocusProxy(self.measure)

    def show_measured(self, event: LoopbackMeasured) -> None:
        self._end()
        report = event.report
        self.advice.setText(event.advice)
        self.figures.setText(self._figures_of(report))
        self.figures.setVisible(report.found)
        self.picture.show_report(report)
        self.picture.setVisible(report.found)
        self._better = event.buffer
        self.set_buffer.setVisible(event.buffer is not None)
        if event.buffer is not None:
            word = PARAMETERS["buffer"].words[event.buffer]
            self.set_buffer.setText(self.tr("&Use {frames} frames").format(frames=word))

    def show_problem(self, event: Problem) -> None:
        """It was refused or broken off: the reason is in sight where one has clicked."""
        if self._clock.isActive() and event.origin.source == "gui":
            self._end()
            self.advice.setText(event.text)

    def _figures_of(self, report: LoopbackReport) -> str:
        parts = [self.tr("{ms:.1f} ms out and back").format(ms=1000 * report.round_trip)]
        if report.drift is not None:
            drift = self.tr("drift {ppm:.0f} ppm").format(ppm=report.drift)
            parts.append(drift if abs(report.drift) >= 1 else self.tr("no drift"))
        lost = len(report.dropouts) + report.underruns
        parts.append(self.tr("1 dropout") if lost == 1 else self.tr("{n} dropouts").format(n=lost))
        return " · ".join(parts)

    def _begin(self) -> None:
        self.measure.setEnabled(False)
        self.set_buffer.hide()
        self.advice.setText(self.tr("Measuring: a quiet sweep sounds for four seconds."))
        self.progress.setRange(0, round(1000 * TAKES))
        self.progress.setValue(0)
        self.progress.show()
        self._clock.start()
        self.wanted.emit()

    def _step(self) -> None:
        self.progress.setValue(min(self.progress.value() + STEP_MS, self.progress.maximum()))

    def _end(self) -> None:
        self._clock.stop()
        self.progress.hide()
        self.measure.setEnabled(True)

    def _use_better(self) -> None:
        if self._better is not None:
            self.set_buffer.hide()
            self.buffer_wanted.emit(float(self._better))
            self.advice.setText(self.tr("The output opens again; measure once more."))
