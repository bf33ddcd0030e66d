"""The Set-up page: the loopback doctor, MIDI learn, the OSC monitor."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QAction, QContextMenuEvent, QGuiApplication
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import ControllerMapped, LoopbackMeasured, ParameterChanged, Problem
from daw_bridge.loopback.report import Dropout, LoopbackReport
from daw_bridge.osc_feedback import OscMessage
from daw_bridge.osc_log import OscLog
from daw_bridge.parameters import PARAMETERS
from gui.main_window import MainWindow
from gui.osc_monitor import IN, OscMonitor
from gui.rehearsal import Rehearsal

PEER = ("127.0.0.1", 9001)
IN_512 = PARAMETERS["buffer"].words.index("512")


def click(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


# ---------------------------------------------------------------- the loopback doctor


def test_the_doctor_measures_shows_and_sets_the_buffer(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.pages.show_page("set-up")
    doctor = panel.setup.doctor
    click(qtbot, doctor.measure)
    assert len(controller.sent(ask.MeasureLoopback)) == 1
    assert not doctor.measure.isEnabled()
    delays = tuple((0.35 + 0.08 * n, 42.0) for n in range(50))
    report = LoopbackReport(
        True, 4.35, 0.1, 0.042, 0.030, 0.4, (Dropout(2.0, 5.3),), delays, underruns=1
    )
    controller.emit(LoopbackMeasured(report, "Use more.", IN_512))
    qtbot.waitUntil(doctor.measure.isEnabled)
    assert doctor.figures.text() == "42.0 ms out and back · no drift · 2 dropouts"
    assert doctor.advice.text() == "Use more."
    assert doctor.picture.isVisible()
    click(qtbot, doctor.set_buffer)
    assert controller.sent(ask.SetParameter)[-1] == ask.SetParameter("buffer", float(IN_512))
    controller.emit(ParameterChanged("buffer", float(IN_512)))
    qtbot.waitUntil(lambda: doctor.buffer.currentText() == "512")


def test_a_refusal_is_said_where_one_has_clicked(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.pages.show_page("set-up")
    doctor = panel.setup.doctor
    controller.emit(Problem("bad_input", "somebody else's"))
    qtbot.wait(20)
    click(qtbot, doctor.measure)
    controller.emit(Problem("bad_input", "stop the music first"))
    qtbot.waitUntil(doctor.measure.isEnabled)
    assert doctor.advice.text() == "stop the music first"
    assert not doctor.picture.isVisible()


# ---------------------------------------------------------------- MIDI learn


@pytest.fixture
def learnt(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> MainWindow:
    """With what the program answers at the start."""
    panel.begin()
    assert controller.sent(ask.AskControllers)
    controller.emit(ControllerMapped("guidance", 24, answer=True))
    controller.emit(ControllerMapped("seed", None, answer=True))
    qtbot.waitUntil(lambda: panel.midi_learn.controller("guidance") == 24)
    return panel


def right_click(panel: MainWindow, name: str) -> dict[str, QAction]:
    """On what is inside the control, as the mouse would. The menu's entries by their words."""
    panel.parameters.more.setChecked(True)
    field = panel.parameters.fields[name]
    inside = field.findChildren(QWidget) or [field]
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(inside[0], QContextMenuEvent(reason, QPoint(1, 1), QPoint(1, 1)))
    menu = panel.midi_learn.menu
    assert menu is not None
    menu.hide()
    return {a.text().split("\t")[0].replace("&", ""): a for a in menu.actions() if a.text()}


def test_a_right_click_learns_and_forgets(
    learnt: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    entries = right_click(learnt, "guidance")
    assert "Guidance: MIDI controller 24" in entries
    entries["Learn: move a knob"].trigger()
    assert controller.sent(ask.LearnController)[-1].name == "guidance"
    controller.emit(ControllerMapped("guidance", None, learning=True))
    qtbot.waitUntil(lambda: learnt.midi_learn.learning == "guidance")
    assert "Move a knob: it will set Guidance" in learnt.notice.text
    controller.emit(ControllerMapped("guidance", 50))  # it was moved
    qtbot.waitUntil(lambda: not learnt.midi_learn.learning)
    assert learnt.notice.text == ""
    assert learnt.header.news.text().startswith("Guidance: MIDI")
    assert "MIDI controller 50" in learnt.parameters.fields["guidance"].toolTip()
    entries = right_click(learnt, "guidance")
    entries["Forget the controller"].trigger()
    assert controller.sent(ask.MapController)[-1] == ask.MapController("guidance", None)
    entries["Back to controller 24"].trigger()
    assert controller.sent(ask.MapController)[-1] == ask.MapController("guidance", 24)


def test_a_key_learns_what_has_the_focus_and_once_more_gives_up(
    learnt: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    learnt.parameters.fields["seed"].setFocus()
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_M, keys)
    assert controller.sent(ask.LearnController)[-1].name == "seed"
    controller.emit(ControllerMapped("seed", None, learning=True))
    qtbot.waitUntil(lambda: learnt.midi_learn.learning == "seed")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_M, keys)
    assert controller.sent(ask.MapController)[-1] == ask.MapController("seed", None)
    controller.emit(ControllerMapped("seed", None))
    qtbot.waitUntil(lambda: not learnt.midi_learn.learning)
    assert learnt.notice.text == ""


def test_a_knob_that_sets_something_else_is_gone_from_what_it_set(
    learnt: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(ControllerMapped("seed", 24))
    qtbot.waitUntil(lambda: learnt.midi_learn.controller("seed") == 24)
    assert learnt.midi_learn.controller("guidance") is None
    assert "Guidance: no MIDI controller" in right_click(learnt, "guidance")


# ---------------------------------------------------------------- the OSC monitor


@pytest.fixture
def log() -> OscLog:
    return OscLog()


@pytest.fixture
def monitor(log: OscLog, qtbot: QtBot) -> OscMonitor:
    widget = OscMonitor(log)
    qtbot.addWidget(widget)
    return widget


def came(log: OscLog, address: str, *values: float | str, received: bool = True) -> None:
    log.note(OscMessage(address, values).datagram(), PEER, received=received)


def shown(monitor: OscMonitor) -> list[str]:
    """The lines without their time and peer."""
    lines = monitor.text.toPlainText().splitlines()
    return [line.split(" ", 1)[1].replace(" 127.0.0.1:9001       ", "") for line in lines]


def test_messages_in_and_out_are_listed_and_filtered(
    monitor: OscMonitor, log: OscLog, qtbot: QtBot
) -> None:
    came(log, "/musicgen/tempo", 120.0)
    assert not monitor.watching
    monitor.show()
    came(log, "/musicgen/accepted", 0, "/musicgen/tempo", received=False)
    lines = ["→ /musicgen/tempo 120", '← /musicgen/accepted 0 "/musicgen/tempo"']
    qtbot.waitUntil(lambda: shown(monitor) == lines)
    monitor.direction.setCurrentIndex(IN)
    assert shown(monitor) == lines[:1]
    monitor.direction.setCurrentIndex(0)
    monitor.filter.setText("accepted 9001")
    assert shown(monitor) == lines[1:]
    click(qtbot, monitor.copy)
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert "/musicgen/accepted" in clipboard.text()
    monitor.filter.clear()
    click(qtbot, monitor.pause)
    came(log, "/musicgen/stop")
    assert not monitor.watching
    click(qtbot, monitor.pause)
    assert shown(monitor)[-1] == "→ /musicgen/stop"
    monitor.hide()
    assert not monitor.watching


def test_the_monitor_forgets_the_oldest(monitor: OscMonitor, log: OscLog, qtbot: QtBot) -> None:
    monitor.show()
    for number in range(1200):
        came(log, "/musicgen/gain", number)
    qtbot.waitUntil(lambda: len(shown(monitor)) == 500)
    assert shown(monitor)[-1] == "→ /musicgen/gain 1199"
