"""The Models page: what is here, what can be had, download with resume and cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from daw_bridge.events import Status
from gui.model_process import PROGRAM, ModelProcess
from gui.model_rows import ModelRow, disk_text, rows_of
from gui.model_table import ModelTable


class ModelsPage(QWidget):
    """`chosen` carries the model to play with. `program` is what is asked and told to work."""

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None, program: tuple[str, ...] = PROGRAM) -> None:
        super().__init__(parent)
        self.program = program
        self._listing: ModelProcess | None = None
        self._working: ModelProcess | None = None
        self._stale = True
        self.table = ModelTable()
        self.table.currentItemChanged.connect(lambda _now, _before: self._offer())
        self.table.itemActivated.connect(lambda _item, _column: self._use())
        self.use = self._button(self.tr("&Play with it"), self._use)
        self.get = self._button(self.tr("&Download"), self._download)
        self.cancel = self._button(self.tr("&Cancel"), self._cancel)
        self.delete = self._button(self.tr("De&lete…"), self._ask_delete)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Download"))
        self.progress.hide()
        self.note = QLabel(self.tr("Looking…"))
        self.note.setWordWrap(True)
        self.disk = QLabel()
        self.disk.setProperty("role", "muted")
        self.disk.setWordWrap(True)
        row = QHBoxLayout()
        for button in (self.use, self.get, self.cancel):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        for widget in (self.progress, self.note, self.disk):
            column.addWidget(widget)
        self.setFocusProxy(self.table)
        self._offer()

    @property
    def row(self) -> ModelRow | None:
        """The model that is looked at."""
        return self.table.row

    @property
    def working(self) -> bool:
        """A download or a deletion is under way."""
        return self._working is not None

    def look_at(self, name: str) -> None:
        self.table.look_at(name)

    def refresh(self) -> None:
        """Ask anew, unless an answer is under way."""
        if self._listing is None:
            self._stale = False
            self._listing = ModelProcess(["list", "--json"], self, self.program)
            self._listing.told.connect(self.show_table)
            self._listing.ended.connect(self._listed)

    def show_table(self, table: dict[str, Any]) -> None:
        """As `daw-bridge models list --json` tells it."""
        self._stale = False
        looked_at = self.row.name if self.row else self.table.playing
        self.disk.setText(disk_text(table))
        self.table.show_rows(rows_of(table))
        self.look_at(looked_at)
        if self._working is None:
            self.note.setText("")
        self._offer()

    def show_status(self, status: Status) -> None:
        if status.model and status.model != self.table.playing:
            self.table.show_playing(status.model)
            self._stale = True  # it may have been downloaded by playing it

    def close_down(self) -> None:
        for process in (self._listing, self._working):
            if process is not None:
                process.close()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    # ------------------------------------------------------------ what is asked

    def _use(self) -> None:
        if self.row is not None and self.row.here:
            self.chosen.emit(self.row.name)

    def _download(self) -> None:
        row = self.row
        if row is None or self.working:
            return
        self.progress.setRange(0, 0)
        self.progress.show()
        self.note.setText(self.tr("Downloading {model}…").format(model=row.name))
        self._work(["get", row.name, "--json"], self.tr("{model} is here.").format(model=row.name))

    def _cancel(self) -> None:
        if self._working is not None:
            self.note.setText(self.tr("Stopping…"))
            self._working.cancel()

    def _ask_delete(self) -> None:
        row = self.row
        if row is None or self.working:
            return
        box = QMessageBox(self)
        box.setText(self.tr("Delete {model} from this machine?").format(model=row.name))
        box.setInformativeText(
            self.tr("{size} comes free; it can be downloaded again.").format(size=row.disk)
        )
        box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.accepted.connect(lambda: self.remove(row.name))
        box.finished.connect(box.deleteLater)
        box.open()

    def remove(self, name: str) -> None:
        """Without a question."""
        self._work(["remove", name, "--yes"], self.tr("{model} is deleted.").format(model=name))

    def _work(self, words: list[str], done: str) -> None:
        process = self._working = ModelProcess(words, self, self.program)
        process.told.connect(self._show_progress)
        process.ended.connect(lambda well, why: self._worked(process, done if well else why))
        self._offer()

    # ------------------------------------------------------------ what is told

    def _listed(self, well: bool, why: str) -> None:
        self._listing = None
        if not well and not self.working:
            self.note.setText(why)

    def _show_progress(self, table: dict[str, Any]) -> None:
        fraction = table.get("fraction")
        if isinstance(fraction, int | float):
            self.progress.setRange(0, 100)
            self.progress.setValue(round(100 * fraction))
            self.note.setText(str(table.get("what", "")))

    def _worked(self, process: ModelProcess, said: str) -> None:
        self._working = None
        self.progress.hide()
        if process.cancelled:
            said = self.tr("Stopped. What has come is kept; Download goes on from there.")
        self.refresh()
        self.note.setText(said)
        self._offer()

    def _offer(self) -> None:
        """The buttons say what can be done with the model that is looked at."""
        row, busy = self.row, self.working
        self.use.setEnabled(row is not None and row.here)
        self.get.setEnabled(row is not None and not busy and not row.here and "/" in row.name)
        resumes = row is not None and row.part
        self.get.setText(self.tr("&Go on downloading") if resumes else self.tr("&Download"))
        self.cancel.setEnabled(busy)
        playing = row is not None and self.table.plays(row)
        self.delete.setEnabled(row is not None and row.removable and not busy and not playing)

    def _button(self, text: str, run: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda _checked=False: run())
        return button
