"""The panel: prompt, verbs, numbers, the take, the sound, the state. Layout and wiring."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QPalette
from PyQt6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.types import seconds_of_bars
from daw_bridge.commands import (
    AskParameter,
    AskStatus,
    RecallPreset,
    SetParameter,
    SetPrompt,
    UseInput,
    UseModel,
    UseOutput,
)
from daw_bridge.events import Accepted, ParameterChanged, Problem, PromptChanged, Scheduled, Status
from daw_bridge.parameters import PARAMETERS
from gui.actions import Actions
from gui.bridge_adapter import BridgeAdapter
from gui.clip_drop import SUFFIXES, ClipDrop
from gui.device_chooser import DeviceChooser, DeviceList, Devices
from gui.icons import glyph, state_icon
from gui.model_chooser import ModelChooser
from gui.notice_bar import NoticeBar
from gui.panel_settings import PanelSettings
from gui.parameter_row import ParameterRow
from gui.prompt_box import PromptBox
from gui.status_line import StateHeader, StatusLine
from gui.take_view import TakeView
from gui.transport_row import TransportRow
from gui.wording import problem_text, scheduled_text


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
    ) -> None:
        super().__init__()
        self._bridge = bridge
        self._settings = settings
        self._status = Status()
        self.setWindowTitle(self.tr("daw-bridge"))
        self.setWindowIcon(state_icon("idle"))

        self.header = StateHeader()
        self.notice = NoticeBar("notice", self.tr("Notice"))
        self.error = NoticeBar("error", self.tr("Problem"))
        self.prompt = PromptBox(presets)
        self.actions_ = Actions(bridge.submit, self.prompt.text, self)
        self.transport = TransportRow(self.actions_)
        self.parameters = ParameterRow()
        self.take = TakeView(self._take_length)
        self.devices = DeviceList(devices, self)
        self.model = ModelChooser()
        self.output = DeviceChooser("output", self.tr("Ou&tput"), self.devices)
        self.input = DeviceChooser(
            "input", self.tr("&Input (what Continue hears)"), self.devices
        )  # fmt: skip
        self.status_line = StatusLine(osc_port)
        self._lay_out()
        self.clip_drop = ClipDrop(self)
        self.addActions(self.actions_.all())
        self._order_tabs()
        self._connect_commands()
        self._connect_events()
        self._colour()
        self._restore()
        self._show_status(self._status)

    def begin(self) -> None:
        """Ask for everything that is shown. Nothing waits for the answers."""
        self._bridge.submit(AskStatus())
        for name in PARAMETERS:
            self._bridge.submit(AskParameter(name))
        self.devices.refresh()

    def close_down(self) -> None:
        """Keep what is to be remembered; the window is about to go."""
        self.devices.close()
        self._settings.geometry = self.saveGeometry()
        self._settings.history = self.prompt.past()
        self._settings.advanced = self.parameters.more.isChecked()
        self._settings.save()

    # ------------------------------------------------------------ making

    def _lay_out(self) -> None:
        sound = QHBoxLayout()
        sound.setSpacing(14)
        for chooser, stretch in ((self.model, 3), (self.output, 2), (self.input, 2)):
            sound.addWidget(chooser, stretch, Qt.AlignmentFlag.AlignTop)
        rule = QFrame()
        rule.setProperty("role", "rule")
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 10)
        column.setSpacing(9)
        for widget in (self.header, self.notice, self.error, self.prompt, self.transport):
            column.addWidget(widget)
        column.addWidget(self.parameters)
        column.addWidget(self.take, 1)
        column.addWidget(rule)
        column.addLayout(sound)
        column.addWidget(self.status_line)
        self.resize(900, 600)

    def _order_tabs(self) -> None:
        fields = self.parameters.fields
        order = [
            self.prompt.edit, *self.transport.buttons(),
            fields["tempo"], fields["bars"], fields["seed"], self.parameters.more,
            self.take.card.continue_button, self.take.card.folder_button,
            self.model.combo, self.output.combo, self.input.combo,
            self.prompt.preset, self.prompt.history, self.prompt.use,
        ]  # fmt: skip
        for before, after in pairwise(order):
            self.setTabOrder(before, after)
        self.prompt.edit.setFocus()

    def _connect_commands(self) -> None:
        submit = self._bridge.submit
        self.actions_.prompt_used.connect(self.prompt.mark_used)
        self.actions_.file_wanted.connect(self.ask_for_clip)
        self.clip_drop.dropped.connect(self.actions_.continue_path)
        self.prompt.prompt_set.connect(lambda text: submit(SetPrompt(text)))
        self.prompt.preset_chosen.connect(lambda name: submit(RecallPreset(name)))
        self.parameters.edited.connect(lambda name, value: submit(SetParameter(name, value)))
        self.model.chosen.connect(lambda model: submit(UseModel(model)))
        self.output.chosen.connect(lambda device: submit(UseOutput(device)))
        self.input.chosen.connect(lambda device: submit(UseInput(device)))
        self.take.card.continue_wanted.connect(self.actions_.continue_take)

    def _connect_events(self) -> None:
        bridge = self._bridge
        bridge.status_changed.connect(self._show_status)
        bridge.parameter_changed.connect(self._show_parameter)
        bridge.prompt_changed.connect(self._show_prompt)
        bridge.problem.connect(self._show_problem)
        bridge.scheduled.connect(self._show_scheduled)
        bridge.accepted.connect(self._show_accepted)
        bridge.take_waveform.connect(self.take.show_waveform)
        bridge.take_progress.connect(self.take.show_progress)
        bridge.first_audio.connect(self.take.show_first_audio)
        bridge.take_saved.connect(self.take.show_saved)
        bridge.meters.connect(self.take.show_meters)

    def _restore(self) -> None:
        self.prompt.restore_history(self._settings.history)
        self.parameters.more.setChecked(self._settings.advanced)
        geometry = self._settings.geometry
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)

    # ------------------------------------------------------------ events

    def _show_status(self, status: Status) -> None:
        before, self._status = self._status, status
        self.header.show_status(status)
        self._show_news(status)
        self.actions_.show_status(status)
        self.parameters.show_status(status)
        self.model.show_status(status)
        self.output.show_current(status.output, status.output_rate)
        self.input.show_current(status.input)
        self.take.show_status(status)
        self.status_line.show_status(status)
        if status.prompt != before.prompt:
            self.prompt.show_prompt(status.prompt)
        if status.problem != before.problem:  # a dismissed one stays dismissed
            self._say_problem(status.problem)

    def _show_parameter(self, event: ParameterChanged) -> None:
        self.parameters.show_value(event.name, event.value)

    def _show_prompt(self, event: PromptChanged) -> None:
        if event.slot == 1:
            self.prompt.show_prompt(event.text)

    def _show_accepted(self, event: Accepted) -> None:
        """A new take makes an old refusal stale; what is still wrong the status says."""
        if self.take.show_accepted(event) and not self._status.problem:
            self.error.clear()

    def _show_problem(self, event: Problem) -> None:
        self._say_problem(problem_text(event))

    def _say_problem(self, text: str) -> None:
        if text:
            self.error.say(text)
        else:
            self.error.clear()

    def _show_scheduled(self, event: Scheduled) -> None:
        self.header.news.setText(scheduled_text(event))

    def _show_news(self, status: Status) -> None:
        if status.state == "loading":
            self.header.news.setText(self.tr("Generate already works: it starts once loaded"))
        elif status.state not in ("scheduled", "generating"):
            self.header.news.setText("")

    def _take_length(self) -> tuple[float, float]:
        bar = seconds_of_bars(1, self.parameters.value("beats"), self._status.tempo)
        return self.parameters.value("bars") * bar, bar

    # ------------------------------------------------------------ clips, window

    def ask_for_clip(self) -> None:
        """A dialog that does not hold up the event loop."""
        dialog = QFileDialog(self, self.tr("A clip to continue"), str(Path.home()))
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        dialog.setNameFilter(self.tr("Audio ({patterns})").format(patterns=patterns))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.actions_.continue_path)
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
        ink = self.palette().color(QPalette.ColorRole.ButtonText)
        self.actions_.colour(self.palette())
        self.notice.colour(ink)
        self.error.colour(ink)
        self.parameters.set_dice_icon(glyph("dice", ink))
        self.take.colour(ink)
        self.header.recolour()
