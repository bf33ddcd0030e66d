"""Melody and style in the panel: in sight where one is followed; set, refused, dropped, gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import MelodyChanged, Problem, Status, StatusChanged, StyleChanged
from gui.clip_row import ClipRow
from gui.main_window import MainWindow
from gui.rehearsal import Rehearsal

TUNED = Status(state="idle", model="musicgen-melody", hears_melody=True, input="mic")
STYLED = Status(state="idle", model="musicgen-style", hears_style=True, input="mic")
COPY, LEFT = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier


@dataclass(frozen=True)
class Kind:
    """What is set and told of a melody, or of a style."""

    status: Status
    row: Callable[[MainWindow], ClipRow]
    command: type[ask.SetMelody | ask.SetStyle]
    event: type[MelodyChanged | StyleChanged]


KINDS = {
    "melody": Kind(TUNED, lambda panel: panel.play.melody, ask.SetMelody, MelodyChanged),
    "style": Kind(STYLED, lambda panel: panel.play.style_clip, ask.SetStyle, StyleChanged),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def row(kind: Kind, panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> ClipRow:
    """Of a panel with a model that follows one."""
    assert not any(row.isVisible() for row in panel.play.clips), "the starter follows none"
    controller.emit(StatusChanged(kind.status))
    qtbot.waitUntil(kind.row(panel).isVisible)
    assert sum(row.isVisible() for row in panel.play.clips) == 1
    return kind.row(panel)


def carried(path: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def drag_in(row: ClipRow, data: QMimeData) -> QDragEnterEvent:
    event = QDragEnterEvent(QPoint(20, 5), COPY, data, LEFT, NO_KEY)
    QApplication.sendEvent(row, event)
    return event


def test_a_panel_that_opens_asks_what_is_followed(panel: MainWindow, controller: Rehearsal) -> None:
    panel.begin()
    assert controller.sent(ask.AskMelody)
    assert controller.sent(ask.AskStyle)


def test_a_file_is_chosen_heard_and_removed(
    kind: Kind, row: ClipRow, panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    assert "drop a clip here" in row.text.full_text()
    assert not row.none.isVisible()
    row.file.click()
    dialog = panel.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit("/music/tune.wav")
    dialog.reject()
    assert controller.sent(kind.command)[-1].path == "/music/tune.wav"
    assert row.text.full_text() == "listening to tune.wav…"
    controller.emit(kind.event("/music/tune.wav", 8.19))
    qtbot.waitUntil(lambda: row.text.full_text() == "tune.wav, 8.2 s")
    row.none.click()
    assert controller.sent(kind.command)[-1].path == ""
    controller.emit(kind.event("", 0.0))
    qtbot.waitUntil(lambda: not row.none.isVisible())


def test_the_input_is_offered_where_there_is_one(
    kind: Kind, row: ClipRow, controller: Rehearsal, qtbot: QtBot
) -> None:
    row.input.click()
    assert controller.sent(kind.command)[-1].path == ask.FROM_INPUT
    assert row.text.full_text() == "listening to the input…"
    controller.emit(Problem("bad_clip", "the input is silent"))
    qtbot.waitUntil(lambda: "none" in row.text.full_text())
    controller.emit(StatusChanged(replace(kind.status, input="")))
    qtbot.waitUntil(lambda: not row.input.isEnabled())
    assert "Set-up" in row.input.toolTip()


def test_a_model_that_follows_none_says_so_and_it_can_still_be_removed(
    kind: Kind, row: ClipRow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(kind.event("/music/tune.wav", 8.2))
    controller.emit(StatusChanged(Status(state="idle", model="starter")))
    qtbot.waitUntil(lambda: "starter follows no" in row.text.full_text())
    assert not row.file.isVisible()
    assert row.none.isVisible()
    controller.emit(kind.event("", 0.0))
    qtbot.waitUntil(lambda: not row.isVisible())


def test_a_clip_that_is_dropped_on_it_is_followed_and_not_continued(
    kind: Kind, row: ClipRow, panel: MainWindow, controller: Rehearsal, qtbot: QtBot, tmp_path: Path
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
    qtbot.waitUntil(lambda: bool(controller.sent(kind.command)))
    assert controller.sent(kind.command)[-1].path == str(clip)
    assert not controller.sent(ask.ContinueFile)
