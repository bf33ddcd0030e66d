"""The melody in the panel: shown where the model follows one, set, refused, dropped, cleared."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import MelodyChanged, Problem, Status, StatusChanged
from gui.main_window import MainWindow
from gui.melody_row import MelodyRow
from gui.rehearsal import Rehearsal

TUNED = Status(state="idle", model="musicgen-melody", hears_melody=True, input="mic")
COPY, LEFT = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def row(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> MelodyRow:
    """Of a panel with a melody model."""
    assert not panel.play.melody.isVisible(), "the starter follows none"
    controller.emit(StatusChanged(TUNED))
    qtbot.waitUntil(panel.play.melody.isVisible)
    return panel.play.melody


def carried(path: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def drag_in(row: MelodyRow, data: QMimeData) -> QDragEnterEvent:
    event = QDragEnterEvent(QPoint(20, 5), COPY, data, LEFT, NO_KEY)
    QApplication.sendEvent(row, event)
    return event


def test_a_panel_that_opens_asks_what_is_followed(panel: MainWindow, controller: Rehearsal) -> None:
    panel.begin()
    assert controller.sent(ask.AskMelody)


def test_a_file_is_chosen_heard_and_removed(
    row: MelodyRow, panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    assert "drop a clip here" in row.text.full_text()
    assert not row.none.isVisible()
    row.file.click()
    dialog = panel.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit("/music/tune.wav")
    dialog.reject()
    assert controller.sent(ask.SetMelody)[-1].path == "/music/tune.wav"
    assert row.text.full_text() == "listening to tune.wav…"
    controller.emit(MelodyChanged("/music/tune.wav", 8.19))
    qtbot.waitUntil(lambda: row.text.full_text() == "tune.wav, 8.2 s")
    row.none.click()
    assert controller.sent(ask.SetMelody)[-1].path == ""
    controller.emit(MelodyChanged("", 0.0))
    qtbot.waitUntil(lambda: not row.none.isVisible())


def test_the_input_is_offered_where_there_is_one(
    row: MelodyRow, controller: Rehearsal, qtbot: QtBot
) -> None:
    row.input.click()
    assert controller.sent(ask.SetMelody)[-1].path == ask.FROM_INPUT
    assert row.text.full_text() == "listening to the input…"
    controller.emit(Problem("bad_clip", "the input is silent"))
    qtbot.waitUntil(lambda: "none" in row.text.full_text())
    controller.emit(StatusChanged(Status(state="idle", hears_melody=True)))
    qtbot.waitUntil(lambda: not row.input.isEnabled())
    assert "Set-up" in row.input.toolTip()


def test_a_model_that_follows_none_says_so_and_it_can_still_be_removed(
    row: MelodyRow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(MelodyChanged("/music/tune.wav", 8.2))
    controller.emit(StatusChanged(Status(state="idle", model="starter")))
    qtbot.waitUntil(lambda: "starter follows none" in row.text.full_text())
    assert not row.file.isVisible()
    assert row.none.isVisible()
    controller.emit(MelodyChanged("", 0.0))
    qtbot.waitUntil(lambda: not row.isVisible())


def test_a_clip_that_is_dropped_on_it_is_its_melody_and_is_not_continued(
    row: MelodyRow, panel: MainWindow, controller: Rehearsal, qtbot: QtBot, tmp_path: Path
) -> None:
    clip = tmp_path / "whistled.wav"
    overlay = panel.clip_drop.overlay
    overlay.cover()
    middle = row.mapTo(panel, row.rect().center())
    assert not overlay.mask().contains(middle), "it stays in sight while a clip is carried"
    assert overlay.mask().contains(QPoint(5, 5))
    assert not drag_in(row, carried(tmp_path / "notes.txt")).isAccepted()
    data = carried(clip)
    assert drag_in(row, data).isAccepted()
    assert "let go" in row.text.full_text()
    QApplication.sendEvent(row, QDropEvent(QPointF(20, 5), COPY, data, LEFT, NO_KEY))
    qtbot.waitUntil(lambda: bool(controller.sent(ask.SetMelody)))
    assert controller.sent(ask.SetMelody)[-1].path == str(clip)
    assert not controller.sent(ask.ContinueFile)
