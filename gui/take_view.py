"""The take in flight and the last one: waveform, meters, progress, and the file to drag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtGui import QAction, QColor
from PyQt6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from daw_bridge.events import (
    Accepted,
    FirstAudio,
    MeterLevels,
    Playhead,
    Status,
    TakeProgress,
    TakeSaved,
    TakeWaveform,
)
from gui.meter import Meter
from gui.status_line import ElidedLabel
from gui.take_card import TakeCard
from gui.waveform_strip import WaveformStrip
from gui.wording import BUSY, progress_text


class TakeView(QWidget):
    """`length` says how long a take of now is and how long a bar: seconds, 0 without end."""

    def __init__(
        self,
        length: Callable[[], tuple[float, float]],
        walks: Sequence[QAction] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._length = length
        self._last = 0  # the newest take that we have heard of
        self.strip = WaveformStrip()
        self.input_meter = Meter(self.tr("In"))
        self.output_meter = Meter(self.tr("Out"))
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress of the take"))
        self.progress_label = ElidedLabel()
        self.progress_label.setProperty("role", "muted")
        self.card = TakeCard(self.strip.picture, walks)

        picture = QHBoxLayout()
        picture.addWidget(self.strip, 1)
        picture.addSpacing(6)
        picture.addWidget(self.input_meter)
        picture.addWidget(self.output_meter)
        progress = QHBoxLayout()
        progress.addWidget(self.progress_label, 1)
        progress.addWidget(self.progress, 2)
        for widget in (self.progress_label, self.progress):
            kept = widget.sizePolicy()
            kept.setRetainSizeWhenHidden(True)  # nothing jumps when a take begins
            widget.setSizePolicy(kept)
            widget.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(picture, 1)
        column.addLayout(progress)
        column.addWidget(self.card)

    def show_accepted(self, event: Accepted) -> bool:
        """Whether a new take begins: Stop and Keep are accepted for the last one."""
        if event.take <= max(self._last, self.strip.take):
            return False
        self._begin(event.take)
        return True

    def show_waveform(self, event: TakeWaveform) -> None:
        if event.take > self.strip.take:
            self._begin(event.take)
        if event.take == self.strip.take:  # an older take's audio is no longer in view
            self.strip.add(event.first, event.peaks)

    def show_progress(self, event: TakeProgress) -> None:
        if event.take != self.strip.take:
            return
        endless = event.fraction < 0
        self.progress.setRange(0, 0 if endless else 1000)
        if not endless:
            self.progress.setValue(round(1000 * event.fraction))
        self.progress_label.setText(progress_text(event.take, event.fraction))

    def show_first_audio(self, event: FirstAudio) -> None:
        text = self.tr("{seconds} s from the click to the first sound")
        self.strip.setToolTip(text.format(seconds=f"{event.milliseconds / 1000:.2f}"))

    def show_saved(self, event: TakeSaved) -> None:
        self.card.show_take(event.take, event.path, event.seconds)

    def show_meters(self, event: MeterLevels) -> None:
        self.output_meter.show_levels(event.output)
        self.input_meter.show_levels(event.input)

    def show_head(self, event: Playhead) -> None:
        if event.take == self.strip.take:
            self.strip.show_head(event.seconds)

    def show_status(self, status: Status) -> None:
        busy = status.state in BUSY
        self._last = max(self._last, status.take)
        self.progress.setVisible(busy)
        self.progress_label.setVisible(busy)
        if status.sounding != self.strip.take:
            self.strip.show_head(None)

    def colour(self, ink: QColor) -> None:
        self.card.colour(ink)

    def _begin(self, take: int) -> None:
        if take <= self.strip.take:
            return
        seconds, bar = self._length()
        self.strip.begin(take, seconds, bar)
        self.progress.setRange(0, 1000)
        self.progress.setValue(0)
        self.progress_label.setText(progress_text(take, 0.0))
