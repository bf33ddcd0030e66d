"""The clock, at the top of every page: where it is, which one leads, its tempo, tap, Link."""

from __future__ import annotations

from PyQt6.QtCore import QT_TRANSLATE_NOOP, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from daw_bridge.events import Status
from gui.beat_display import BeatDisplay
from gui.parameter_fields import ParameterButton, ParameterChoice, ParameterField
from gui.wording import clock_name, clock_text

SOURCES = (
    QT_TRANSLATE_NOOP("ClockBar", "Any clock"),
    QT_TRANSLATE_NOOP("ClockBar", "Link"),
    QT_TRANSLATE_NOOP("ClockBar", "MIDI clock"),
    QT_TRANSLATE_NOOP("ClockBar", "JACK"),
    QT_TRANSLATE_NOOP("ClockBar", "OSC tempo"),
    QT_TRANSLATE_NOOP("ClockBar", "Internal"),
)


class ClockBar(QWidget):
    """`tapped`: the tempo was tapped. `run_wanted`: our own clock is to roll, or to stand."""

    tapped = pyqtSignal()
    run_wanted = pyqtSignal(bool)

    def __init__(
        self,
        source: ParameterChoice,
        tempo: ParameterField,
        link: ParameterButton,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.beat = BeatDisplay()
        self.source, self.tempo = source, tempo
        for number, text in enumerate(SOURCES):
            source.setItemText(number, self.tr(text))
        source.setMinimumContentsLength(12)
        source.setToolTip(self.tr("Which clock leads; Any clock: Link, MIDI, JACK, OSC, our own"))
        tempo.setFixedWidth(110)
        self.link = link
        link.setText(self.tr("Link"))
        link.setProperty("role", "chip")
        link.setToolTip(self.tr("Join the Ableton Link session of the local network"))
        self.tap = self._button(self.tr("Tap"))
        self.tap.setShortcut("Ctrl+T")
        self.tap.setToolTip(self.tr("Tap the tempo, twice or more (Ctrl+T)"))
        self.tap.pressed.connect(self.tapped)  # the moment of the finger, not of its going up
        self.run = self._button(self.tr("Run"))
        self.run.setCheckable(True)
        self.run.setToolTip(
            self.tr("Let our own clock roll, so that takes begin and end on its bars")
        )
        self.run.clicked.connect(self.run_wanted)
        self.text = QLabel(self)
        self.text.setAccessibleName(self.tr("Clock"))
        self.text.hide()  # for who reads it aloud; the eye has the fields
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self.beat, source, tempo, self.tap, self.run, self.link):
            row.addWidget(widget)

    def show_status(self, status: Status) -> None:
        self.text.setText(clock_text(status))
        self.source.setAccessibleDescription(clock_text(status))
        own = status.clock == "internal"
        leads = self.tr("Any: {clock}").format(clock=clock_name(status))
        self.source.setItemText(0, self.tr(SOURCES[0]) if own else leads)
        self.run.setEnabled(own)
        self.run.setChecked(own and status.rolling)
        peers = status.link_peers
        self.link.setText(self.tr("Link {count}").format(count=peers) if peers else self.tr("Link"))

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "chip")
        button.setAutoDefault(False)
        return button
