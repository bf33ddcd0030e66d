"""Which checkpoint plays: the starter, one of the hub, a folder; and how far it is loaded."""

from __future__ import annotations

from pathlib import Path, PurePath

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QInputDialog,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from daw_bridge.events import Status
from gui.wording import compute_text, model_text

STARTER = "starter"
HUB_IDS = (
    "facebook/musicgen-small",
    "facebook/musicgen-medium",
    "facebook/musicgen-large",
    "facebook/musicgen-melody",
    "facebook/musicgen-melody-large",
    "facebook/musicgen-stereo-small",
    "facebook/musicgen-stereo-medium",
    "facebook/musicgen-stereo-large",
    "facebook/musicgen-stereo-melody",
    "facebook/musicgen-stereo-melody-large",
    "facebook/musicgen-style",
)


class ModelChooser(QWidget):
    """`chosen` carries what `--model` takes: a name, a hub id or a folder."""

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = STARTER
        self.combo = QComboBox()
        self.combo.setAccessibleName(self.tr("Model"))
        self.setFocusProxy(self.combo)
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(22)
        self.combo.addItem(self.tr("starter (built in)"), STARTER)
        for name in HUB_IDS:
            self.combo.addItem(name, name)
        self.combo.insertSeparator(self.combo.count())
        self.combo.addItem(self.tr("Folder…"), self._ask_folder)
        self.combo.addItem(self.tr("Other Hugging Face model…"), self._ask_hub_id)
        self.combo.activated.connect(self._choose)

        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Model loading"))
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        kept = self.progress.sizePolicy()
        kept.setRetainSizeWhenHidden(False)
        self.progress.setSizePolicy(kept)
        self.progress.hide()

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.combo)
        column.addWidget(self.progress)
        column.addWidget(self.note)

    def show_status(self, status: Status) -> None:
        """The model in use, what it runs on and its licence; a bar while it loads."""
        if status.model and status.model != self._shown:
            self._shown = status.model
            self._select(status.model)
        loading = status.state in ("starting", "loading")
        self.progress.setVisible(loading)
        self.note.setVisible(not loading)
        known = 0 < status.model_progress < 1
        self.progress.setRange(0, 100 if known else 0)  # 0: busy, without a known end
        self.progress.setValue(round(100 * status.model_progress) if known else -1)
        text = compute_text(status)
        self.note.setText(text)
        self.note.setToolTip(text)

    def _select(self, model: str) -> None:
        index = self._find(model)
        if index < 0:
            index = 1
            self.combo.insertItem(index, model_text(model), model)
            self.combo.setItemData(index, model, Qt.ItemDataRole.ToolTipRole)
        self.combo.setCurrentIndex(index)

    def _find(self, model: str) -> int:
        """The entry of a model, which once loaded goes by its folder's name alone."""
        index = self.combo.findData(model)
        if index >= 0:
            return index
        for index in range(self.combo.count()):
            entry = self.combo.itemData(index)
            if isinstance(entry, str) and PurePath(entry).name == model:
                return index
        return -1

    def _choose(self, index: int) -> None:
        data = self.combo.itemData(index)
        if callable(data):
            self._select(self._shown)
            data()
        elif data is not None:
            self._use(str(data))

    def _use(self, model: str) -> None:
        self._shown = model
        self._select(model)
        self.chosen.emit(model)

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("A folder with a checkpoint"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self._use)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _ask_hub_id(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle(self.tr("Hugging Face model"))
        dialog.setLabelText(self.tr("The model's id, for example facebook/musicgen-small"))
        dialog.textValueSelected.connect(self._use_hub_id)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _use_hub_id(self, text: str) -> None:
        if text.strip():
            self._use(text.strip())
