"""Each button, key and drop sends its command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import PromptChanged, Status, StatusChanged, TakeSaved
from daw_bridge.parameters import PARAMETERS
from gui.main_window import MainWindow
from gui.parameter_fields import ParameterChoice, ParameterSpin, SeedBox
from gui.preset_chooser import PresetCards
from gui.rehearsal import Rehearsal

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def click(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def after_a_take(controller: Rehearsal, panel: MainWindow, qtbot: QtBot) -> None:
    controller.emit(StatusChanged(Status(state="idle", take=1)))
    qtbot.waitUntil(panel.transport.retry.isEnabled)


def test_beginning_asks_for_everything_shown(panel: MainWindow, controller: Rehearsal) -> None:
    panel.begin()
    assert ask.AskStatus() in controller.commands
    assert {c.name for c in controller.sent(ask.AskParameter)} == set(PARAMETERS)


@pytest.mark.parametrize(
    ("button", "command"),
    [
        ("generate", ask.Generate("warm pads")),
        ("continue_input", ask.ContinueInput("warm pads")),
        ("retry", ask.Retry()),
        ("stop", ask.Stop()),
        ("panic", ask.Panic()),
    ],
)
def test_button(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot, button: str, command: ask.Command
) -> None:
    after_a_take(controller, panel, qtbot)
    panel.prompt.edit.setPlainText(" warm\npads ")
    click(qtbot, getattr(panel.transport, button))
    assert controller.commands == [command]


@pytest.mark.parametrize(
    ("key", "modifiers", "command"),
    [
        (Qt.Key.Key_Return, CONTROL, ask.Generate("x")),
        (Qt.Key.Key_Enter, CONTROL, ask.Generate("x")),
        (Qt.Key.Key_K, CONTROL, ask.ContinueInput("x")),
        (Qt.Key.Key_R, CONTROL, ask.Retry()),
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier, ask.Stop()),
        (Qt.Key.Key_Escape, SHIFT, ask.Panic()),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, ask.SetPrompt("x")),
    ],
)
def test_keys_work_while_the_prompt_is_typed(
    panel: MainWindow,
    controller: Rehearsal,
    qtbot: QtBot,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier,
    command: ask.Command,
) -> None:
    after_a_take(controller, panel, qtbot)
    panel.prompt.edit.setFocus()
    panel.prompt.edit.setPlainText("x")
    qtbot.keyClick(panel.prompt.edit, key, modifiers)
    assert controller.commands == [command]
    assert panel.prompt.text() == "x"


def test_retry_waits_for_a_first_take(panel: MainWindow, controller: Rehearsal) -> None:
    assert not panel.transport.retry.isEnabled()


def test_a_preset_is_recalled_and_shown(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.prompt.preset.click()
    cards = panel.prompt.preset.findChild(PresetCards)
    assert cards is not None
    assert cards.isVisible()
    qtbot.keyClick(cards.focusWidget(), Qt.Key.Key_Right)
    qtbot.keyClick(cards.focusWidget(), Qt.Key.Key_Return)
    assert not cards.isVisible()
    assert controller.commands == [ask.RecallPreset("Lo-fi")]
    assert panel.prompt.text() == "lo-fi hip hop, soft drums"


def test_use_now_steers_what_plays(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    assert not panel.prompt.use.isEnabled()
    panel.prompt.edit.setPlainText("drums only")
    click(qtbot, panel.prompt.use)
    assert controller.commands == [ask.SetPrompt("drums only")]
    assert not panel.prompt.use.isEnabled()


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name != "seed"])
def test_each_parameter_has_a_field(panel: MainWindow, controller: Rehearsal, name: str) -> None:
    field, default = panel.parameters.fields[name], PARAMETERS[name].default
    if isinstance(field, ParameterSpin):
        field.stepBy(1 if default < PARAMETERS[name].high else -1)
    elif isinstance(field, ParameterChoice):
        other = 1 if field.currentIndex() == 0 else 0
        field.setCurrentIndex(other)
        field.activated.emit(other)
    else:
        assert isinstance(field, QAbstractButton)
        field.click()
    (command,) = controller.sent(ask.SetParameter)
    assert command.name == name
    assert command.value == PARAMETERS[name].checked(command.value)
    assert command.value != default
    assert field.parentWidget() is not None, "it is in the window"


def test_the_seed_is_drawn_kept_and_let_go(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    box = panel.parameters.fields["seed"]
    assert isinstance(box, SeedBox)
    assert box.new_each_time.isChecked()
    click(qtbot, box.dice)
    assert not box.new_each_time.isChecked()
    box.new_each_time.click()
    drawn, let_go = controller.sent(ask.SetParameter)
    assert drawn.value >= 0
    assert let_go == ask.SetParameter("seed", -1)


def test_a_model_is_chosen(panel: MainWindow, controller: Rehearsal) -> None:
    index = panel.model.combo.findData("facebook/musicgen-medium")
    panel.model.combo.activated.emit(index)
    assert controller.commands == [ask.UseModel("facebook/musicgen-medium")]


def test_devices_are_listed_and_chosen(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.devices.refresh()
    qtbot.waitUntil(lambda: panel.output.names() == ["speakers", "loopback"])
    assert panel.input.names() == ["microphone"]
    panel.output.combo.activated.emit(panel.output.combo.findText("loopback"))
    panel.output.combo.activated.emit(panel.output.combo.findText("System default"))
    panel.input.combo.activated.emit(panel.input.combo.findText("microphone"))
    panel.input.combo.activated.emit(panel.input.combo.findText("None"))
    assert controller.commands == [
        ask.UseOutput("loopback"), ask.UseOutput(None),
        ask.UseInput("microphone"), ask.UseInput("none"),
    ]  # fmt: skip


def test_the_last_take_is_continued(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    controller.emit(PromptChanged("keys"), TakeSaved(7, "/takes/0007.wav", 12.5))
    qtbot.waitUntil(panel.take.card.isVisible)
    click(qtbot, panel.take.card.continue_button)
    assert controller.commands == [ask.ContinueTake(7, prompt="keys")]


def dropped(panel: MainWindow, *urls: str) -> bool:
    """Let files go over the window; whether it took them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(url) for url in urls])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    over = QDragEnterEvent(QPoint(100, 100), *how)
    QApplication.sendEvent(panel, over)
    if over.isAccepted():
        QApplication.sendEvent(panel, QDropEvent(QPointF(100, 100), *how))
    return over.isAccepted()


def test_a_dropped_clip_is_continued(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot, tmp_path: Path
) -> None:
    clip = str(tmp_path / "My Loop.WAV")
    assert dropped(panel, clip)
    qtbot.waitUntil(lambda: controller.commands == [ask.ContinueFile(clip, prompt="")])


def test_a_dropped_picture_is_refused(panel: MainWindow, controller: Rehearsal) -> None:
    assert not dropped(panel, "/x/cover.png")
    assert controller.commands == []


def test_keys_reach_all_pages(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    control, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
    controller.emit(TakeSaved(7, "/takes/0007.wav", 12.5))
    qtbot.waitUntil(panel.take.card.isVisible)
    edit = panel.prompt.edit
    for key, modifier in (
        (Qt.Key.Key_L, control), (Qt.Key.Key_E, control), (Qt.Key.Key_Left, alt),
        (Qt.Key.Key_Right, alt), (Qt.Key.Key_T, control),
    ):  # fmt: skip
        qtbot.keyClick(edit, key, modifier)
    assert controller.commands == [
        ask.SetParameter("loop", 1.0), ask.ContinueTake(7, prompt=""), ask.Undo(), ask.Redo(),
        ask.TapTempo(),
    ]  # fmt: skip
    qtbot.keyClick(edit, Qt.Key.Key_2, alt)
    assert panel.pages.current == "takes"
    assert panel.takes.list.hasFocus()
    qtbot.keyClick(panel.takes.list, Qt.Key.Key_1, alt)
    assert panel.pages.current == "play"
    assert edit.hasFocus()
