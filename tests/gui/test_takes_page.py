"""The library: many takes cost what is seen of them, and each can be heard, named and moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, Qt, QUrl
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import (
    Playhead,
    Status,
    StatusChanged,
    TakeDeleted,
    TakeSaved,
    TreeChanged,
)
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from gui.main_window import MainWindow
from gui.rehearsal import Rehearsal, waveform
from gui.take_delegate import TakeDelegate
from gui.take_model import RECORD
from tests.gui.many_takes import fill_folder

SECONDS = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("takes")
    fill_folder(made, 12, SECONDS)
    return made


@pytest.fixture
def records(folder: Path) -> tuple[TakeRecord, ...]:
    return TakeLibrary(folder).records()


@pytest.fixture
def page(
    panel: MainWindow, controller: Rehearsal, records: tuple[TakeRecord, ...], qtbot: QtBot
) -> MainWindow:
    controller.emit(TreeChanged(records, (), 12, whole=True))
    panel.pages.show_page("takes")
    qtbot.waitUntil(lambda: panel.takes.list.take == 12)
    controller.commands.clear()
    return panel


def shown(panel: MainWindow) -> list[int]:
    model = panel.takes.model
    return [model.index(row).data(RECORD).take for row in range(model.rowCount())]


def test_opening_and_scrolling_2000_takes_costs_what_is_seen(
    panel: MainWindow,
    controller: Rehearsal,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_folder(tmp_path, 2000, 0.1)
    painted: list[int] = []
    delegate = panel.takes.list.delegate
    paint = TakeDelegate.paint

    def counted(self, painter, option, index) -> None:
        painted.append(index.row())
        paint(self, painter, option, index)

    monkeypatch.setattr(TakeDelegate, "paint", counted)
    controller.emit(TreeChanged(TakeLibrary(tmp_path).records(), (), 2000, whole=True))
    qtbot.waitUntil(lambda: panel.takes.model.rowCount() == 2000)
    qtbot.waitUntil(lambda: panel.peaks.reads == 1)  # the current take, which Play shows
    assert painted == [], "nothing is drawn or read before it is seen"
    panel.pages.show_page("takes")
    qtbot.waitUntil(lambda: delegate.waves_drawn > 0)
    seen = panel.takes.list.height() // 30 + 2  # rows are higher than that
    qtbot.waitUntil(lambda: panel.peaks.reads >= len(set(painted)))
    assert len(set(painted)) <= seen
    assert panel.peaks.reads <= len(set(painted)) + 1
    bar = panel.takes.list.verticalScrollBar()
    assert bar is not None
    painted.clear()
    for page in range(1, 6):
        bar.setValue(page * bar.maximum() // 6)
        qtbot.wait(5)
    assert len(set(painted)) <= 5 * seen
    qtbot.waitUntil(lambda: delegate.waves_drawn >= len(set(painted[-4:])))
    assert panel.peaks.reads <= 6 * seen
    drawn = delegate.waves_drawn
    panel.takes.list.viewport().repaint()
    assert delegate.waves_drawn <= drawn + seen, "pictures of waveforms are kept"


def test_it_plays_from_the_cursor(page: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    takes = page.takes
    takes.list.look_at(3)
    takes.detail.wave.set_cursor(1.25)
    takes.actions_.play.trigger()
    qtbot.keyClick(takes.list, Qt.Key.Key_Return)
    qtbot.keyClick(takes.detail.wave, Qt.Key.Key_End)
    qtbot.keyClick(takes.detail.wave, Qt.Key.Key_Left)
    assert controller.commands == [ask.PlayTake(3, 1.25), ask.PlayTake(3, 1.25)]
    assert takes.detail.cursor == 0.0, "the bar line before its end"
    takes.list.look_at(4)
    assert takes.detail.cursor == 0.0
    controller.emit(StatusChanged(Status(state="playing", sounding=4)), Playhead(4, 0.75))
    qtbot.waitUntil(lambda: takes.detail.wave.head_at == 0.75)
    controller.emit(StatusChanged(Status(state="idle")))
    qtbot.waitUntil(lambda: takes.detail.wave.head_at is None)


def test_a_click_in_the_waveform_sets_the_cursor(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    wave = page.takes.detail.wave
    port = wave.findChild(type(wave._plot)).viewport()
    qtbot.waitUntil(lambda: wave.span()[1] == pytest.approx(SECONDS))
    middle = QPoint(port.width() // 2, port.height() // 2)
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.waitUntil(lambda: wave.cursor_at == pytest.approx(SECONDS / 2, abs=0.02))
    page.takes.actions_.branch.trigger()
    (branch,) = controller.sent(ask.ContinueTake)
    assert (branch.take, branch.at) == (12, wave.cursor_at)


def test_all_that_can_be_done_with_a_take(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    takes = page.takes
    takes.list.look_at(5)
    takes.list.setFocus()
    for action in (takes.actions_.goes_on, takes.actions_.branch, takes.actions_.again):
        action.trigger()
    qtbot.keyClick(takes.list, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(takes.list, Qt.Key.Key_Delete)
    assert controller.commands == [
        ask.ContinueTake(5), ask.ContinueTake(5), ask.ChooseTake(5), ask.Retry(),
        ask.KeepTake(5, on=True), ask.DeleteTake(5),
    ]  # fmt: skip


def test_a_deleted_take_is_brought_back(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    takes = page.takes
    assert not takes.actions_.restore.isEnabled()
    controller.emit(TakeDeleted(5), TreeChanged((), (5,), 12))
    qtbot.waitUntil(lambda: 5 not in shown(page))
    assert "Take 5 is deleted" in page.header.news.full_text()
    qtbot.keyClick(takes.list, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert controller.commands == [ask.RestoreTake(5)]
    assert not takes.actions_.restore.isEnabled()


def test_a_name_is_typed_into_the_list(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot, records: tuple[TakeRecord, ...]
) -> None:
    takes = page.takes
    takes.list.look_at(2)
    takes.list.setFocus()
    qtbot.keyClick(takes.list, Qt.Key.Key_F2)
    editor = takes.list.findChild(QLineEdit)
    qtbot.keyClicks(editor, "the hook")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: controller.commands == [ask.RenameTake(2, "the hook")])
    named = replace(records[1], name="the hook")
    controller.emit(TreeChanged((named,), (), 12))
    qtbot.waitUntil(lambda: takes.detail.title.full_text() == "2 · the hook")


def test_a_search_finds_what_takes_say_of_themselves(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    qtbot.keyClick(page.takes.list, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.takes.search.hasFocus()
    qtbot.keyClicks(page.takes.search, "FUNKY idea 11")
    assert shown(page) == [11]
    assert page.takes.count.text() == "1 of 12"
    page.takes.search.setText("polka")
    assert shown(page) == []
    assert page.takes.empty.isVisible()
    page.takes.search.clear()
    page.takes.starred.click()
    assert shown(page) == [10]


def test_a_star_is_clicked(page: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    takes = page.takes
    index = takes.model.index_of(10)
    takes.list.scrollTo(index)
    rect = takes.list.visualRect(index)
    place = takes.list.delegate._star_place(rect).center().toPoint()
    qtbot.mouseClick(takes.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert controller.commands == [ask.KeepTake(10, on=False)]


def test_takes_are_dragged_out_as_files(page: MainWindow, records: tuple[TakeRecord, ...]) -> None:
    model = page.takes.model
    data = model.mimeData([model.index_of(1), model.index_of(2)])
    assert isinstance(data, QMimeData)
    assert data.urls() == [QUrl.fromLocalFile(r.path) for r in records[:2]]
    assert Path(records[0].path).exists()


def test_a_take_is_seen_while_it_is_made(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot, records: tuple[TakeRecord, ...]
) -> None:
    fresh = TakeRecord(13, parent=12, at=records[11].frames, length=8.0)
    controller.emit(TreeChanged((fresh,), (), 13), waveform(13, 0, 100))
    controller.emit(StatusChanged(Status(state="generating", take=13)), waveform(13, 100, 50))
    qtbot.waitUntil(lambda: 13 in shown(page))
    takes = page.takes
    peaks = takes.model.peaks.peaks(fresh)
    assert peaks is not None
    assert len(peaks) == 150
    takes.list.look_at(13)
    assert not takes.actions_.play.isEnabled()
    assert not takes.actions_.delete.isEnabled()
    whole = replace(fresh, path=str(Path(records[0].path)), frames=400, complete=True)
    controller.emit(TakeSaved(13, whole.path, 8.0), TreeChanged((whole,), (), 13))
    qtbot.waitUntil(takes.actions_.play.isEnabled)
    assert page.peaks.reads <= 13, "what was told of it is not read again"


def test_a_file_deleted_behind_our_back_is_said(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot, tmp_path: Path
) -> None:
    fill_folder(tmp_path, 3, 0.2)
    records = TakeLibrary(tmp_path).records()
    controller.emit(TreeChanged(records, (), 3, whole=True))
    panel.pages.show_page("takes")
    takes = panel.takes
    qtbot.waitUntil(lambda: panel.peaks.reads == 3)
    file = Path(records[2].path)
    elsewhere = file.rename(file.with_suffix(".aside"))
    qtbot.waitUntil(lambda: panel.peaks.is_gone(3), timeout=3000)
    assert "gone" in str(takes.model.index_of(3).data(Qt.ItemDataRole.ToolTipRole))
    takes.list.look_at(3)
    assert not takes.actions_.play.isEnabled()
    assert takes.actions_.delete.isEnabled(), "what is left of it can be cleared away"
    assert not takes.model.flags(takes.model.index_of(3)) & Qt.ItemFlag.ItemIsDragEnabled
    panel.pages.show_page("play")  # the current take is the one to drag there
    card = panel.take.card
    assert "gone" in card.text()
    elsewhere.rename(file)  # what happens there is seen from here, too
    qtbot.waitUntil(lambda: "drag it" in card.text(), timeout=3000)
    file.unlink()
    qtbot.waitUntil(lambda: "gone" in card.text(), timeout=3000)


def test_the_recipe_is_one_click_away(
    page: MainWindow, qtbot: QtBot, controller: Rehearsal, records: tuple[TakeRecord, ...]
) -> None:
    page.takes.list.look_at(9)
    page.takes.detail.recipe_button.click()
    text = page.takes.detail.text.toPlainText()
    for part in ("funky drums and bass, idea 9", "MIT", "starter", "temperature 1", "9"):
        assert part in text
    page.takes.detail.copy_button.click()
    board = QGuiApplication.clipboard()
    assert board is not None
    assert "Licence of the weights: MIT" in board.text()
    page.takes.detail.recipe_button.click()
    assert page.takes.detail.stack.currentWidget() is page.takes.detail.wave


def test_play_shows_the_take_that_undo_leads_to(
    page: MainWindow, controller: Rehearsal, qtbot: QtBot, records: tuple[TakeRecord, ...]
) -> None:
    controller.emit(TreeChanged(current=4))
    qtbot.waitUntil(lambda: page.take.strip.take == 4)
    qtbot.waitUntil(lambda: page.take.strip.seconds == pytest.approx(SECONDS))
    assert page.take.card.path == Path(records[3].path)
    controller.emit(waveform(13, 0, 50))
    qtbot.waitUntil(lambda: page.take.strip.take == 13)
