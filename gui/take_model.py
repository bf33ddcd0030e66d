"""All takes as rows for a view: what is known of them, searched, in the order of their tree."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, Qt, QUrl, pyqtSignal

from daw_bridge.events import TreeChanged
from daw_bridge.take_record import TakeRecord
from gui.peak_store import PeakStore
from gui.take_order import Row, arranged, flat
from gui.wording import take_facts, take_title

RECORD = int(Qt.ItemDataRole.UserRole)
ROW = RECORD + 1
NOWHERE = QModelIndex()


class TakeModel(QAbstractListModel):
    """Told by TreeChanged. `renamed` carries what a person typed; nothing is changed here."""

    renamed = pyqtSignal(int, str)
    current_changed = pyqtSignal(object)  # the current take's record, None: there is none

    def __init__(self, peaks: PeakStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.peaks = peaks
        self.current = 0
        self.sounding = 0
        self.growing = 0
        self._records: dict[int, TakeRecord] = {}
        self._told_current: TakeRecord | None = None
        self._rows: list[Row] = []
        self._lanes = 1
        self._places: dict[int, int] = {}
        self._words: list[str] = []
        self._starred = False
        peaks.changed.connect(self.refresh)

    # ------------------------------------------------------------------ what is told

    def hear(self, event: TreeChanged) -> None:
        records = {} if event.whole else dict(self._records)
        before = records.get
        same_place = not event.whole and not event.gone
        for record in event.changed:
            known = before(record.take)
            same_place = same_place and known is not None and _placed_like(known, record)
            records[record.take] = record
        for take in event.gone:
            records.pop(take, None)
        self._records = records
        if not same_place or self._words or self._starred:
            self._arrange(reset=event.whole)
        for record in event.changed if not event.whole else ():
            self.refresh(record.take)
        before_current, self.current = self.current, event.current
        if event.current != before_current:
            self.refresh(before_current)
            self.refresh(event.current)
        record = records.get(event.current)
        if record is not self._told_current:
            self._told_current = record
            self.current_changed.emit(record)

    def show_sounding(self, take: int, growing: int) -> None:
        """Which take is heard, and which is being made; 0: none."""
        before = {self.sounding, self.growing}
        self.sounding, self.growing = take, growing
        for changed in before ^ {take, growing}:
            self.refresh(changed)

    def search(self, text: str, *, starred: bool = False) -> None:
        """Takes that say all of these words of themselves; starred: and are to be kept."""
        self._words, self._starred = text.casefold().split(), starred
        self._arrange(reset=True)

    def refresh(self, take: int) -> None:
        """A take looks different now."""
        place = self._places.get(take)
        if place is not None:
            index = self.index(place)
            self.dataChanged.emit(index, index)

    # ------------------------------------------------------------------ what is asked

    def record(self, take: int) -> TakeRecord | None:
        return self._records.get(take)

    @property
    def lanes(self) -> int:
        """How many lines of the tree stand side by side."""
        return self._lanes

    @property
    def total(self) -> int:
        """All takes, found or not."""
        return len(self._records)

    def index_of(self, take: int) -> QModelIndex:
        place = self._places.get(take)
        return NOWHERE if place is None else self.index(place)

    def rowCount(self, parent: QModelIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        record = self._records[row.take]
        match role:
            case _ if role == RECORD:
                return record
            case _ if role == ROW:
                return row
            case Qt.ItemDataRole.DisplayRole:
                return take_title(record)
            case Qt.ItemDataRole.EditRole:
                return record.name
            case Qt.ItemDataRole.ToolTipRole:
                if self.peaks.is_gone(row.take):
                    return self.tr(
                        "{path} is gone: it was moved or deleted by another program"
                    ).format(path=record.path)
                return f"{take_title(record)}\n{take_facts(record)}\n{record.prompt}"
            case Qt.ItemDataRole.AccessibleTextRole:
                star = self.tr("starred, ") if record.kept else ""
                return f"{star}{take_title(record)}, {take_facts(record)}"
        return None

    def setData(
        self, index: QModelIndex, value: object, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        record = self.data(index, RECORD)
        if role != Qt.ItemDataRole.EditRole or not isinstance(record, TakeRecord):
            return False
        if str(value).strip() != record.name:
            self.renamed.emit(record.take, str(value))
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        plain = flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemNeverHasChildren
        record = self.data(index, RECORD)
        if isinstance(record, TakeRecord) and record.path:
            plain |= flag.ItemIsEditable
            if not self.peaks.is_gone(record.take):
                plain |= flag.ItemIsDragEnabled
        return plain

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Takes as other programs accept them: the URLs of their WAVs."""
        records = [self.data(index, RECORD) for index in indexes]
        data = QMimeData()
        data.setUrls(
            [QUrl.fromLocalFile(r.path) for r in records if isinstance(r, TakeRecord) and r.path]
        )
        return data

    # ------------------------------------------------------------------ order

    def _arrange(self, *, reset: bool) -> None:
        if self._words or self._starred:
            rows = flat(record for record in self._records.values() if self._fits(record))
        else:
            rows = arranged(self._records)
        before = [row.take for row in self._rows]
        after = [row.take for row in rows]
        place = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), -1)
        place = min(len(before), len(after)) if place < 0 else place
        if not reset and after[:place] + after[place + 1 :] == before:
            self.beginInsertRows(NOWHERE, place, place)
            self._set_rows(rows)
            self.endInsertRows()
        elif not reset and before[:place] + before[place + 1 :] == after:
            self.beginRemoveRows(NOWHERE, place, place)
            self._set_rows(rows)
            self.endRemoveRows()
        elif before != after or reset:
            self.beginResetModel()
            self._set_rows(rows)
            self.endResetModel()
            return
        else:
            self._set_rows(rows)
        if rows:  # lines of the tree beside the others
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1), [ROW])

    def _set_rows(self, rows: list[Row]) -> None:
        self._rows = rows
        self._lanes = 1 + max((row.lane for row in rows), default=0)
        self._places = {row.take: place for place, row in enumerate(rows)}

    def _fits(self, record: TakeRecord) -> bool:
        if self._starred and not record.kept:
            return False
        said = " ".join(
            (take_title(record), record.prompt, take_facts(record), record.model, record.source)
        ).casefold()
        return all(word in said for word in self._words)


def _placed_like(one: TakeRecord, other: TakeRecord) -> bool:
    """Whether two records of a take stand at the same place in the tree."""
    return (one.parent, one.at, one.frames) == (other.parent, other.at, other.frames)
