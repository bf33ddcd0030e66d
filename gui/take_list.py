"""The list of takes: a view on the model, with keys for all that can be done with a take."""

from __future__ import annotations

from PyQt6.QtCore import QItemSelectionModel, QModelIndex, QRect, Qt, pyqtSignal
from PyQt6.QtGui import QDrag, QKeyEvent, QMouseEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QAbstractItemView, QListView, QWidget

from daw_bridge.take_record import TakeRecord
from gui.take_delegate import TakeDelegate
from gui.take_model import RECORD, TakeModel

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class TakeList(QListView):
    """`chosen` carries the take that is looked at (0: none), the others what is to be done."""

    chosen = pyqtSignal(int)
    play_wanted = pyqtSignal(int)
    resized = pyqtSignal(QRect)  # what is inside the frame

    def __init__(self, model: TakeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._kept: int = 0  # the take looked at, while rows move
        self.delegate = TakeDelegate(self)
        self.setModel(model)
        self.setItemDelegate(self.delegate)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setAccessibleName(self.tr("Takes"))
        self.setAcceptDrops(False)  # a file dropped here is the window's to continue
        bar = self.verticalScrollBar()
        if bar is not None:
            bar.setSingleStep(24)
        model.modelAboutToBeReset.connect(self._before_reset)
        model.modelReset.connect(self._after_reset)

    @property
    def take(self) -> int:
        """The take that is looked at; 0: none."""
        record = self.currentIndex().data(RECORD)
        return record.take if isinstance(record, TakeRecord) else 0

    def takes(self) -> list[int]:
        """All that are selected, in their order."""
        indexes = sorted(self.selectedIndexes(), key=lambda index: index.row())
        return [index.data(RECORD).take for index in indexes]

    def look_at(self, take: int) -> None:
        """Select one take and show it."""
        index = self._model.index_of(take)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        port = self.viewport()
        if port is not None:
            self.resized.emit(port.rect())

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        super().currentChanged(current, previous)
        self.chosen.emit(self.take)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        editing = self.state() == QAbstractItemView.State.EditingState
        if event.key() in (*ENTER, Qt.Key.Key_Space) and self.take and not editing:
            self.play_wanted.emit(self.take)
            return
        super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            if self.indexAt(event.position().toPoint()).isValid():
                self.play_wanted.emit(self.take)
            return
        super().mouseDoubleClickEvent(event)

    def startDrag(self, _actions: Qt.DropAction) -> None:
        """Out to the DAW: always a copy, the file stays ours."""
        flag = Qt.ItemFlag.ItemIsDragEnabled
        indexes = [i for i in self.selectedIndexes() if self._model.flags(i) & flag]
        if not indexes:
            return
        drag = QDrag(self)
        drag.setMimeData(self._model.mimeData(indexes))
        drag.setPixmap(self._picture(indexes[0]))
        drag.exec(Qt.DropAction.CopyAction)

    def _picture(self, index: QModelIndex) -> QPixmap:
        """A row's likeness, to carry under the pointer."""
        place = self.visualRect(index)
        port = self.viewport()
        if port is None or place.isEmpty():
            return QPixmap()
        return port.grab(place).scaledToWidth(
            320 * round(self.devicePixelRatioF()), Qt.TransformationMode.SmoothTransformation
        )

    def _before_reset(self) -> None:
        self._kept = self.take

    def _after_reset(self) -> None:
        """What was looked at still is, if it is there."""
        index = self._model.index_of(self._kept)
        if index.isValid():
            selection = self.selectionModel()
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            if selection is not None:
                selection.setCurrentIndex(index, flag)
            self.scrollTo(index)
        else:
            self.chosen.emit(0)
