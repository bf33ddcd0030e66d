"""The window: pages beside a rail, the clock above them, the figures below. Layout and wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from PyQt6.QtCore import QEvent, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QPalette
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.types import seconds_of_bars
from daw_bridge.commands import (
    NEGATIVE_SLOT,
    PROMPT_SLOTS,
    AskMelody,
    AskParameter,
    AskPrompt,
    AskStatus,
    AskStyle,
    AskTree,
)
from daw_bridge.events import Status
from daw_bridge.osc_log import OscLog
from daw_bridge.parameters import PARAMETERS
from gui.actions import Actions
from gui.bridge_adapter import BridgeAdapter
from gui.clip_drop import SUFFIXES, ClipDrop
from gui.clock_bar import ClockBar
from gui.device_chooser import DeviceList, Devices
from gui.guide_page import GuidePage
from gui.icons import glyph, state_icon
from gui.midi_learn import MidiLearn
from gui.models_page import ModelsPage
from gui.notice_bar import NoticeBar
from gui.pages import Pages
from gui.panel_settings import PanelSettings
from gui.peak_store import PeakStore
from gui.play_page import PlayPage
from gui.setup_page import SetupPage
from gui.status_line import StateHeader, StatusLine
from gui.takes_page import TakesPage
from gui.window_commands import connect_commands
from gui.window_events import WindowEvents


class MainWindow(QWidget):
    """Sends commands, shows events. Closing it only says so: `closed`."""

    closed = pyqtSignal()

    def __init__(
        self,
        bridge: BridgeAdapter,
        presets: Mapping[str, str],
        osc_port: int,
        devices: Devices | None,
        settings: PanelSettings,
        osc_log: OscLog | None = None,
    ) -> None:
        super().__init__()
        self._bridge = bridge
        self._settings = settings
        self.setWindowTitle(self.tr("daw-bridge"))
        self.setWindowIcon(state_icon("idle"))
        self.peaks = PeakStore(self)
        self.devices = DeviceList(devices, self)
        self.notice = NoticeBar("notice", self.tr("Notice"))
        self.error = NoticeBar("error", self.tr("Problem"))
        self.play = PlayPage(
            presets,
            lambda prompt, page: Actions(bridge.submit, prompt.text, page),
            self._take_length,
            self.peaks,
        )
        self.takes = TakesPage(bridge.submit, self.peaks)
        buffer = self.play.parameters.choice("buffer")
        self.setup = SetupPage(self.devices, buffer, osc_log)
        self.models = ModelsPage()
        self.guide = GuidePage(self.devices)
        # the parts that others speak to
        self.prompt, self.transport = self.play.prompt, self.play.transport
        self.parameters, self.take = self.play.parameters, self.play.take
        self.alternatives, self.actions_ = self.play.alternatives, self.play.actions_
        self.model, self.output, self.input = self.setup.model, self.setup.output, self.setup.input
        fields = self.parameters
        tempo = fields.fields["tempo"]
        self.clock = ClockBar(fields.choice("clock"), tempo, fields.button("link"))
        self.header = StateHeader(self.clock)
        self.status_line = StatusLine(osc_port)
        self.pages = Pages()
        self._lay_out()
        self.clip_drop = ClipDrop(self)
        for clip in self.play.clips:
            self.clip_drop.overlay.leave_open(clip)
        self.addActions(self.actions_.window_wide())
        self._order_tabs()
        self.midi_learn = MidiLearn(self, fields.fields, bridge.submit)
        connect_commands(self, bridge.submit)
        self.events = WindowEvents(self, bridge)
        self._colour()
        self._restore()

    @property
    def status(self) -> Status:
        """What was told last."""
        return self.events.status

    def begin(self) -> None:
        """Ask for everything that is shown. Nothing waits for the answers."""
        submit = self._bridge.submit
        submit(AskStatus())
        for name in PARAMETERS:
            submit(AskParameter(name))
        for slot in (NEGATIVE_SLOT, *range(1, PROMPT_SLOTS + 1)):
            submit(AskPrompt(slot))
        submit(AskMelody())
        submit(AskStyle())
        submit(AskTree())
        self.midi_learn.begin()
        self.devices.refresh()

    def close_down(self) -> None:
        """Keep what is to be remembered; the window is about to go."""
        self.devices.close()
        self.models.close_down()
        self.peaks.close()
        self._settings.geometry = self.saveGeometry()
        self._settings.history = self.prompt.past()
        self._settings.advanced = self.parameters.more.isChecked()
        self._settings.save()

    # ------------------------------------------------------------ making

    def _lay_out(self) -> None:
        pages = self.pages
        pages.add("play", self.tr("Play"), "play", self.play, self.tr("Prompt, play, steer"))
        pages.add("takes", self.tr("Takes"), "takes", self.takes, self.tr("All that was made"))
        pages.add("set-up", self.tr("Set-up"), "set-up", self.setup, self.tr("Model and sound"))
        pages.add("models", self.tr("Models"), "models", self.models, self.tr("Get and choose"))
        pages.add("guide", self.tr("Guide"), "guide", self.guide, self.tr("Into your DAW"))
        pages.shown.connect(self._focus_page)
        pages.stack.setContentsMargins(14, 2, 14, 2)
        column = QVBoxLayout()
        column.setContentsMargins(0, 10, 0, 8)
        column.setSpacing(8)
        for widget in (self.header, self.notice, self.error):
            column.addLayout(_inset(widget))
        column.addWidget(pages.stack, 1)
        column.addLayout(_inset(self.status_line))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(pages)
        row.addLayout(column, 1)
        self.resize(900, 600)

    def _focus_page(self, name: str) -> None:
        """The keyboard goes where a page is used."""
        at = {"play": self.prompt.edit, "takes": self.takes.list}.get(name)
        if at is not None:
            at.setFocus()

    def _order_tabs(self) -> None:
        fields = self.parameters.fields
        order = [
            self.prompt.edit, *self.play.melody.buttons(), *self.play.style_clip.buttons(),
            *self.transport.buttons(),
            fields["bars"], fields["seed"], fields["tell_tempo"], self.parameters.more,
            *self.take.card.walks, self.take.card.continue_button, self.take.card.folder_button,
            self.alternatives.make, *self.alternatives.buttons,
            self.prompt.preset, self.prompt.history, self.prompt.use, self.prompt.pad,
            fields["clock"], fields["tempo"], self.clock.tap, self.clock.run, self.clock.link,
            *self.pages.buttons.values(),
        ]  # fmt: skip
        for before, after in pairwise(order):
            self.setTabOrder(before, after)
        self.prompt.edit.setFocus()

    def _restore(self) -> None:
        self.prompt.restore_history(self._settings.history)
        self.parameters.more.setChecked(self._settings.advanced)
        geometry = self._settings.geometry
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)

    def _take_length(self) -> tuple[float, float]:
        bar = seconds_of_bars(1, self.parameters.value("beats"), self.status.tempo)
        return self.parameters.value("bars") * bar, bar

    # ------------------------------------------------------------ clips, window

    def ask_for_clip(self, title: str, chosen: Callable[[str], None]) -> None:
        """A dialog that does not hold up the event loop."""
        dialog = QFileDialog(self, title, str(Path.home()))
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        dialog.setNameFilter(self.tr("Audio ({patterns})").format(patterns=patterns))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._colour()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        if event is not None:
            event.accept()
        self.closed.emit()

    def _colour(self) -> None:
        """Everything drawn in code takes the palette's colours."""
        role = QPalette.ColorRole.ButtonText
        ink = self.palette().color(role)
        faded = self.palette().color(QPalette.ColorGroup.Disabled, role)
        self.actions_.colour(self.palette())
        self.notice.colour(ink)
        self.error.colour(ink)
        self.parameters.set_dice_icon(glyph("dice", ink))
        down = self.palette().color(QPalette.ColorRole.HighlightedText)
        self.transport.loop.setIcon(glyph("loop", ink, faded, down))
        self.play.colour(ink)
        self.takes.colour(ink, faded)
        self.pages.colour(ink)
        self.header.recolour()


def _inset(widget: QWidget) -> QHBoxLayout:
    """A widget as far from the window's rim as the pages are."""
    row = QHBoxLayout()
    row.setContentsMargins(14, 0, 14, 0)
    row.addWidget(widget)
    return row
