"""The take in flight and the last one: waveform, meters, progress, and the file to drag.

While a model is loaded, the progress is that of its loading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtGui import QAction, QColor
from PyQt6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from core.types import seconds_of_bars
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
from daw_bridge.take_record import TakeRecord
from gui.meter import Meter
from gui.peak_store import PeakStore
from gui.status_line import ElidedLabel
from gui.take_card import TakeCard
from gui.waveform_strip import WaveformStrip
from gui.wording import BUSY, model_text, progress_text


class TakeView(QWidget):
    """`length` says how long a take of now is and how long a bar: seconds, 0 without end.

    Shows the take in flight while it grows, and else the current one, as undo leaves it.
    """

    def __init__(
        self,
        length: Callable[[], tuple[float, float]],
        peaks: PeakStore,
        walks: Sequence[QAction] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._length = length
        self._peaks = peaks
        self._last = 0  # the newest take that we have heard of
        self._begun = 0  # the newest one that was shown as it grew
        self._current: TakeRecord | None = None
        self._loading = False
        peaks.changed.connect(self._fill)
        self.strip = WaveformStrip()
        self.input_meter = Meter(self.tr("In"))
        self.output_meter = Meter(self.tr("Out"))
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress"))
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
        if event.take <= max(self._last, self._begun):
            return False
        self._begin(event.take)
        return True

    def show_waveform(self, event: TakeWaveform) -> None:
        if event.take > self._begun:
            self._begin(event.take)
        if event.take == self.strip.take and self._grows(
            event.take
        ):  # an older take's audio is no longer in view
            self.strip.add(event.first, event.peaks)

    def show_progress(self, event: TakeProgress) -> None:
        if event.take == self.strip.take:
            text = progress_text(event.take, event.fraction)
            self._fill_bar(event.fraction if event.fraction >= 0 else None, text)

    def show_first_audio(self, event: FirstAudio) -> None:
        text = self.tr("{seconds} s from the click to the first sound")
        self.strip.setToolTip(text.format(seconds=f"{event.milliseconds / 1000:.2f}"))

    def show_saved(self, event: TakeSaved) -> None:
        """An alternative, or one that finished in silence, does not push what is in view aside."""
        if event.take == self.strip.take:
            self.strip.finish(event.seconds)
        if self._current is None or self._current.take == event.take:
            self.card.show_take(event.take, event.path, event.seconds)

    def show_current(self, record: TakeRecord | None) -> None:
        """The take that the next continue and retry go from; None: there is none."""
        self._current = record
        if record is None:
            self.card.clear()
        if record is None or not record.path:
            return
        if self.strip.take != record.take:
            bar = seconds_of_bars(1, record.beats, record.tempo)
            self.strip.begin(record.take, record.seconds, bar)
        self._fill(record.take)

    def _fill(self, take: int) -> None:
        """The current take's file and waveform, as far as they are known."""
        current = self._current
        if current is None or take != current.take:
            return
        if self._peaks.is_gone(take):
            self.card.show_gone()
        elif current.path:
            self.card.show_take(take, current.path, current.seconds)
        if take != self.strip.take or self._grows(take):
            return
        peaks = self._peaks.peaks(current)
        if peaks is not None and len(peaks):
            self.strip.add(0, peaks)

    def _grows(self, take: int) -> bool:
        """Whether it is told piece by piece."""
        current = self._current
        return current is None or current.take != take or not current.path

    def show_meters(self, event: MeterLevels) -> None:
        if not self.isVisible():
            return
        self.output_meter.show_levels(event.output)
        self.input_meter.show_levels(event.input)

    def show_head(self, event: Playhead) -> None:
        if event.take == self.strip.take:
            self.strip.show_head(event.seconds)

    def show_status(self, status: Status) -> None:
        busy, loading = status.state in BUSY, status.state == "loading"
        self._last = max(self._last, status.take)
        self.progress.setVisible(busy or loading)
        self.progress_label.setVisible(busy or loading)
        if loading:
            text = self.tr("Loading {model}").format(model=model_text(status.model))
            self._fill_bar(status.model_progress or None, text)
        elif self._loading:
            self._fill_bar(0.0, progress_text(self.strip.take, 0.0))
        self._loading = loading
        if status.sounding != self.strip.take:
            self.strip.show_head(None)

    def colour(self, ink: QColor) -> None:
        self.card.colour(ink)

    def _begin(self, take: int) -> None:
        if take <= self._begun:
            return
        self._begun = take
        seconds, bar = self._length()
        self.strip.begin(take, seconds, bar)
        if not self._loading:
            self._fill_bar(0.0, progress_text(take, 0.0))

    def _fill_bar(self, part: float | None, text: str) -> None:
        """part: of the whole; None: nobody knows, it only moves."""
        self.progress.setRange(0, 0 if part is None else 1000)
        if part is not None:
            self.progress.setValue(round(1000 * part))
        self.progress_label.setText(text)
