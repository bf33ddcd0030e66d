"""The Models page: what is here, what can be had, download with resume and cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QShowEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from daw_bridge.events import Status
from gui.model_process import PROGRAM, ModelProcess
from gui.model_rows import STARTER, ModelRow, disk_text, rows_of
from gui.theme import colours_of

NAME, STATE, MEMORY, LICENCE, ABOUT = range(5)
ROW_HEIGHT = 26
PUBLISHER = "facebook/"  # of the public models; their whole name is in the tooltip


class ModelsPage(QWidget):
    """`chosen` carries the model to play with. `program` is what is asked and told to work."""

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None, program: tuple[str, ...] = PROGRAM) -> None:
        super().__init__(parent)
        self.program = program
        self._rows: list[ModelRow] = []
        self._playing = STARTER
        self._listing: ModelProcess | None = None
        self._working: ModelProcess | None = None
        self._stale = True
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAccessibleName(self.tr("Models"))
        self.table.setHeaderLabels(
            [self.tr("Model"), self.tr("On the disk"), self.tr("Memory, with a take"),
             self.tr("Licence"), self.tr("About")]
        )  # fmt: skip
        header = self.table.header()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setStretchLastSection(True)
        self.table.setAllColumnsShowFocus(True)
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
        item = self.table.currentItem()
        number = -1 if item is None else self.table.indexOfTopLevelItem(item)
        return self._rows[number] if 0 <= number < len(self._rows) else None

    @property
    def working(self) -> bool:
        """A download or a deletion is under way."""
        return self._working is not None

    def look_at(self, name: str) -> None:
        for number, row in enumerate(self._rows):
            if row.name == name:
                self.table.setCurrentItem(self.table.topLevelItem(number))

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
        looked_at = self.row.name if self.row else self._playing
        self._rows = rows_of(table)
        self.disk.setText(disk_text(table))
        self.table.clear()
        for row in self._rows:
            self.table.addTopLevelItem(self._item(row))
        self.look_at(looked_at)
        if self._working is None:
            self.note.setText("")
        self._offer()

    def show_status(self, status: Status) -> None:
        if status.model and status.model != self._playing:
            self._playing = status.model
            self._stale = True  # it may have been downloaded by playing it
            for number, row in enumerate(self._rows):
                item = self.table.topLevelItem(number)
                if item is not None:
                    item.setText(NAME, self._named(row))

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
        self._ink()
        row, busy = self.row, self.working
        self.use.setEnabled(row is not None and row.here)
        self.get.setEnabled(row is not None and not busy and not row.here and "/" in row.name)
        resumes = row is not None and row.part
        self.get.setText(self.tr("&Go on downloading") if resumes else self.tr("&Download"))
        self.cancel.setEnabled(busy)
        playing = row is not None and row.name.endswith(self._playing)
        self.delete.setEnabled(row is not None and row.removable and not busy and not playing)

    def _item(self, row: ModelRow) -> QTreeWidgetItem:
        texts = [self._named(row), row.disk, row.memory, row.licence, row.about]
        item = QTreeWidgetItem(texts)
        item.setSizeHint(ABOUT, QSize(0, ROW_HEIGHT))
        for column, text in enumerate([row.name, *texts[1:]]):
            item.setToolTip(column, text)
        if row.fits is False:
            item.setToolTip(MEMORY, self.tr("More than this machine has"))
        item.setData(NAME, Qt.ItemDataRole.AccessibleTextRole, ", ".join(texts))
        return item

    def _ink(self) -> None:
        """What is not here is fainter, what does not fit is red; neither on the coloured row."""
        colours = colours_of(self.palette())
        for number, row in enumerate(self._rows):
            item = self.table.topLevelItem(number)
            if item is None:
                continue
            plain = item is self.table.currentItem()
            faint = QBrush() if plain or row.here else QBrush(QColor(colours.muted))
            for column in (NAME, STATE, ABOUT):
                item.setForeground(column, faint)
            fits = plain or row.fits is not False
            item.setForeground(MEMORY, QBrush() if fits else QBrush(QColor(colours.error)))

    def _named(self, row: ModelRow) -> str:
        playing = row.here and row.name.endswith(self._playing)
        name = row.name.removeprefix(PUBLISHER)
        return f"● {name}" if playing else name

    def _button(self, text: str, run: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda _checked=False: run())
        return button
