"""The Play page: prompts, verbs, numbers, the take in flight and its alternatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from gui.actions import Actions
from gui.alternatives_row import AlternativesRow
from gui.clip_row import ClipRow, melody_words, style_words
from gui.parameter_row import ParameterRow
from gui.peak_store import PeakStore
from gui.prompt_box import PromptBox
from gui.scrolling import scrolling
from gui.take_view import TakeView
from gui.transport_row import TransportRow


class PlayPage(QWidget):
    """Layout alone; the window connects its parts. Where a window is too low for it, it scrolls."""

    def __init__(
        self,
        presets: Mapping[str, str],
        actions: Callable[[PromptBox, QWidget], Actions],
        length: Callable[[], tuple[float, float]],
        peaks: PeakStore,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.prompt = PromptBox(presets)
        self.actions_ = actions(self.prompt, self)
        self.melody = ClipRow(melody_words(), lambda status: status.hears_melody)
        self.style_clip = ClipRow(style_words(), lambda status: status.hears_style)
        self.clips = (self.melody, self.style_clip)
        self.parameters = ParameterRow()
        self.transport = TransportRow(self.actions_, self.parameters.button("loop"))
        self.take = TakeView(
            length, peaks, [self.actions_.undo, self.actions_.redo, self.actions_.branch]
        )
        self.alternatives = AlternativesRow(self.actions_.alternatives)
        self.addAction(self.actions_.branch)  # its key works on this page alone
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.prompt, *self.clips, self.transport, self.parameters):
            column.addWidget(widget)
        column.addWidget(self.take, 1)
        column.addWidget(self.alternatives)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scrolling(inside))

    def colour(self, ink: QColor) -> None:
        self.take.colour(ink)
        for clip in self.clips:
            clip.colour(ink)
