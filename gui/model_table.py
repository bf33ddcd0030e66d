"""The list of models: a row each, what is not here fainter, what does not fit in red."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QBrush, QColor
from PyQt6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from gui.model_rows import STARTER, ModelRow
from gui.theme import colours_of

NAME, STATE, MEMORY, LICENCE, ABOUT = range(5)
ROW_HEIGHT = 26
PUBLISHER = "facebook/"  # of the public models; their whole name is in the tooltip


class ModelTable(QTreeWidget):
    """The model that plays has a dot before its name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ModelRow] = []
        self.playing = STARTER
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setAccessibleName(self.tr("Models"))
        self.setHeaderLabels(
            [self.tr("Model"), self.tr("On the disk"), self.tr("Memory, with a take"),
             self.tr("Licence"), self.tr("About")]
        )  # fmt: skip
        header = self.header()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setStretchLastSection(True)
        self.currentItemChanged.connect(lambda _now, _before: self._ink())

    @property
    def row(self) -> ModelRow | None:
        """The model that is looked at."""
        item = self.currentItem()
        number = -1 if item is None else self.indexOfTopLevelItem(item)
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def look_at(self, name: str) -> None:
        for number, row in enumerate(self._rows):
            if row.name == name:
                self.setCurrentItem(self.topLevelItem(number))

    def show_rows(self, rows: Sequence[ModelRow]) -> None:
        """Others than before; nothing is looked at."""
        self.clear()
        self._rows = list(rows)
        self.addTopLevelItems([self._item(row) for row in rows])
        self._ink()

    def show_playing(self, name: str) -> None:
        self.playing = name
        for number, row in enumerate(self._rows):
            item = self.topLevelItem(number)
            if item is not None:
                item.setText(NAME, self._named(row))

    def plays(self, row: ModelRow) -> bool:
        """Whether it is the one in use, which once loaded goes by the end of its name."""
        return row.here and row.name.endswith(self.playing)

    def _item(self, row: ModelRow) -> QTreeWidgetItem:
        texts = [row.name, row.disk, row.memory, row.licence, row.about]
        item = QTreeWidgetItem([self._named(row), *texts[1:]])
        item.setSizeHint(ABOUT, QSize(0, ROW_HEIGHT))
        for column, text in enumerate(texts):
            item.setToolTip(column, text)
        if row.fits is False:
            item.setToolTip(MEMORY, self.tr("More than this machine has"))
        item.setData(NAME, Qt.ItemDataRole.AccessibleTextRole, ", ".join(texts))
        return item

    def _ink(self) -> None:
        """On the coloured row of the one that is looked at everything is of its text's colour."""
        colours = colours_of(self.palette())
        plain = QBrush()
        for number, row in enumerate(self._rows):
            item = self.topLevelItem(number)
            if item is None:
                continue
            looked_at = item is self.currentItem()
            faint = plain if looked_at or row.here else QBrush(QColor(colours.muted))
            for column in (NAME, STATE, ABOUT):
                item.setForeground(column, faint)
            fits = looked_at or row.fits is not False
            item.setForeground(MEMORY, plain if fits else QBrush(QColor(colours.error)))

    def _named(self, row: ModelRow) -> str:
        name = row.name.removeprefix(PUBLISHER)
        return f"● {name}" if self.plays(row) else name
