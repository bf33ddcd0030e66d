"""The Takes page: the list, a search, and the take that is looked at."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QFileSystemWatcher, QModelIndex, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QShortcut, QShowEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from daw_bridge import commands as ask
from daw_bridge.events import Playhead, Status, TakeDeleted, TakeSaved, TakeWaveform, TreeChanged
from gui.bridge_adapter import Submit
from gui.peak_store import PeakStore
from gui.take_actions import TakeActions
from gui.take_card import reveal
from gui.take_detail import TakeDetail
from gui.take_list import TakeList
from gui.take_model import TakeModel

SETTLE_MS = 400  # files come and go in bunches


class TakesPage(QWidget):
    """`news` carries a line about what was deleted."""

    news = pyqtSignal(str)

    def __init__(self, submit: Submit, peaks: PeakStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._submit, self._peaks = submit, peaks
        self._deleted: list[int] = []
        self._sounding = 0
        self.model = TakeModel(peaks, self)
        self.list = TakeList(self.model)
        self.actions_ = TakeActions(self)
        actions = self.actions_
        self.detail = TakeDetail([
            actions.play, actions.goes_on, actions.branch, actions.again, actions.star,
            actions.rename, actions.reveal, actions.delete,
        ])  # fmt: skip
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search names, prompts, tempos… (Ctrl+F)"))
        self.search.setAccessibleName(self.tr("Search takes"))
        self.search.setClearButtonEnabled(True)
        QShortcut("Ctrl+F", self, self.search.setFocus)
        self.starred = QPushButton(self.tr("St&arred"))
        self.starred.setCheckable(True)
        self.starred.setToolTip(self.tr("Show only takes with a star"))
        self.count = QLabel()
        self.count.setProperty("role", "muted")
        self.empty = QLabel()
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setParent(self.list.viewport())
        self.list.resized.connect(self.empty.setGeometry)
        self._watcher = QFileSystemWatcher(self)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._lay_out()
        self._connect()
        self._show_count()
        self._show_chosen()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.starred)
        top.addWidget(self.count)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setSizes([280, 210])
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(9)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.splitter, 1)
        self.list.addActions(self.actions_.all())
        for before, after in (
            (self.search, self.starred), (self.starred, self.list),
            (self.list, self.detail.recipe_button),
        ):  # fmt: skip
            self.setTabOrder(before, after)

    def _connect(self) -> None:
        actions, submit = self.actions_, self._submit
        self.search.textChanged.connect(self._search)
        self.starred.toggled.connect(self._search)
        self.list.chosen.connect(lambda _take: self._show_chosen())
        self.list.play_wanted.connect(lambda take: submit(ask.PlayTake(take, self._cursor(take))))
        self.list.delegate.star_clicked.connect(lambda take, on: submit(ask.KeepTake(take, on=on)))
        self.detail.play_wanted.connect(lambda at: submit(ask.PlayTake(self.list.take, at)))
        self.model.renamed.connect(lambda take, name: submit(ask.RenameTake(take, name)))
        self.model.dataChanged.connect(self._show_changed)
        for signal in (self.model.rowsInserted, self.model.rowsRemoved, self.model.modelReset):
            signal.connect(self._show_count)
        actions.connect_to(actions.play, lambda: self.list.play_wanted.emit(self.list.take))
        actions.connect_to(actions.goes_on, lambda: submit(ask.ContinueTake(self.list.take)))
        actions.connect_to(actions.branch, self._branch)
        actions.connect_to(actions.again, self._again)
        actions.connect_to(actions.star, self._star)
        actions.connect_to(actions.rename, lambda: self.list.edit(self.list.currentIndex()))
        actions.connect_to(actions.reveal, self._reveal)
        actions.connect_to(actions.delete, self._delete)
        actions.connect_to(actions.restore, self._restore)
        self._watcher.directoryChanged.connect(lambda _path: self._settling.start())
        self._settling.timeout.connect(self._peaks.look_again)

    # ------------------------------------------------------------ events

    def show_tree(self, event: TreeChanged) -> None:
        self.model.hear(event)
        folders = {str(Path(r.path).parent) for r in event.changed[-1:] if r.path}
        fresh = folders - set(self._watcher.directories())
        if fresh:
            self._watcher.addPaths(list(fresh))
        if event.whole and not self.list.take:
            self.list.look_at(event.current)

    def show_waveform(self, event: TakeWaveform) -> None:
        self._peaks.grow(event)

    def show_saved(self, event: TakeSaved) -> None:
        record = self.model.record(event.take)
        self._peaks.saved(event.take, event.path, as_heard=record is None or not record.loop)

    def show_deleted(self, event: TakeDeleted) -> None:
        self._deleted.append(event.take)
        self.actions_.restore.setEnabled(True)
        self.news.emit(self.tr("Take {take} is deleted; Ctrl+Z on this page brings it back")
                       .format(take=event.take))  # fmt: skip

    def show_status(self, status: Status) -> None:
        growing = status.take if status.state in ("scheduled", "generating", "playing") else 0
        record = self.model.record(growing)
        growing = growing if record is not None and not record.path else 0
        self.model.show_sounding(status.sounding, growing)
        if status.sounding != self._sounding:
            self._sounding = status.sounding
            if status.sounding != self.list.take:
                self.detail.show_head(None)

    def show_playhead(self, event: Playhead) -> None:
        if self.isVisible() and event.take == self.list.take:
            self.detail.show_head(event.seconds if event.take == self._sounding else None)

    def colour(self, ink: QColor, faded: QColor) -> None:
        self.actions_.colour(ink, faded)

    # ------------------------------------------------------------ showing

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._show_chosen()
        self._settling.start()

    def _search(self) -> None:
        self.model.search(self.search.text(), starred=self.starred.isChecked())

    def _show_count(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        text = self.tr("{total} takes").format(total=f"{total:,}")
        if shown != total:
            text = self.tr("{shown} of {total}").format(shown=f"{shown:,}", total=f"{total:,}")
        self.count.setText(text)
        if total:
            self.empty.setText(self.tr("No take has all of these words"))
        else:
            self.empty.setText(self.tr("Every take that is made is kept here"))
        self.empty.setVisible(shown == 0)

    def _show_changed(self, first: QModelIndex, last: QModelIndex, _roles: object = None) -> None:
        here = self.list.currentIndex().row()
        if first.row() <= here <= last.row():
            self._show_chosen()

    def _show_chosen(self) -> None:
        """What is looked at. While nobody sees it, nothing is drawn."""
        record = self.model.record(self.list.take)
        gone = record is not None and self._peaks.is_gone(record.take)
        self.actions_.enable(
            looked_at=record is not None, whole=bool(record and record.path), there=not gone
        )
        if not self.isVisible():
            return
        peaks = None if record is None else self._peaks.peaks(record)
        parent = self.model.record(record.parent or 0) if record else None
        self.detail.show_take(record, parent, peaks)
        if record is not None and record.take != self._sounding:
            self.detail.show_head(None)

    # ------------------------------------------------------------ doing

    def _cursor(self, take: int) -> float:
        return self.detail.cursor if take == self.list.take else 0.0

    def _branch(self) -> None:
        """From the cursor; from its start there is nothing to go on from: that is a retry."""
        at = self.detail.cursor
        self._submit(ask.ContinueTake(self.list.take, at if at > 0 else None))

    def _again(self) -> None:
        self._submit(ask.ChooseTake(self.list.take))
        self._submit(ask.Retry())

    def _star(self) -> None:
        for take in self.list.takes():
            record = self.model.record(take)
            if record is not None:
                self._submit(ask.KeepTake(take, on=not record.kept))

    def _delete(self) -> None:
        for take in self.list.takes():
            self._submit(ask.DeleteTake(take))

    def _restore(self) -> None:
        if self._deleted:
            self._submit(ask.RestoreTake(self._deleted.pop()))
        self.actions_.restore.setEnabled(bool(self._deleted))

    def _reveal(self) -> None:
        record = self.model.record(self.list.take)
        if record is not None and record.path:
            reveal(Path(record.path))
