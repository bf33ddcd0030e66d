"""The last take on disk: show it, continue it, or drag it into the DAW."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QMimeData, QPoint, Qt, QUrl, pyqtSignal
from PyQt6.QtGui import QAction, QColor, QDesktopServices, QDrag, QMouseEvent, QPixmap, QShortcut
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from gui.icons import glyph
from gui.status_line import ElidedLabel
from gui.transport_row import ActionButton


def reveal(path: Path) -> None:
    """Show a file in the desktop's file manager."""
    if sys.platform == "darwin":
        subprocess.Popen(["open", "-R", str(path)])
    elif sys.platform == "win32":
        subprocess.Popen(["explorer", f"/select,{path}"])
    else:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))


class TakeCard(QFrame):
    """Hidden until a take is saved."""

    continue_wanted = pyqtSignal(int)

    def __init__(
        self,
        picture: Callable[[int, int], QPixmap],
        walks: Sequence[QAction] = (),
        parent: QWidget | None = None,
    ) -> None:
        """walks: actions through the tree of takes, which get a small button each."""
        super().__init__(parent)
        self.setProperty("role", "take")
        self._picture = picture
        self._take = 0
        self._path: Path | None = None
        self._pressed: QPoint | None = None
        self._grip = QLabel("⠿")
        self._grip.setProperty("role", "muted")
        self._text = ElidedLabel()
        self.continue_button = QPushButton(self.tr("Continue ta&ke"))
        QShortcut("Ctrl+E", self.continue_button, self.continue_button.click)
        self.continue_button.setToolTip(
            self.tr("A new take that goes on where this one ends (Ctrl+E)")
        )
        self.continue_button.clicked.connect(lambda: self.continue_wanted.emit(self._take))
        self.folder_button = QPushButton(self.tr("Show in fol&der"))
        self.folder_button.clicked.connect(self._show_in_folder)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 4, 4)
        row.addWidget(self._grip)
        row.addWidget(self._text, 1)
        self.walks = [ActionButton(action, "icon", only_icon=True) for action in walks]
        for button in self.walks:
            row.addWidget(button)
        row.addWidget(self.continue_button)
        row.addWidget(self.folder_button)
        for button in (self.continue_button, self.folder_button, *self.walks):
            button.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(self.tr("Last take"))
        self.hide()

    @property
    def path(self) -> Path | None:
        return self._path

    def text(self) -> str:
        return self._text.full_text()

    def show_take(self, take: int, path: str, seconds: float) -> None:
        self._take, self._path = take, Path(path)
        text = self.tr("Take {take} · {seconds} s · drag it into your DAW")
        self._say(text.format(take=take, seconds=f"{seconds:.1f}"), there=True)
        self.show()

    def show_gone(self) -> None:
        """Its file is not where it was: there is nothing to drag."""
        text = self.tr("Take {take}: its file is gone, moved or deleted by another program")
        self._say(text.format(take=self._take), there=False)

    def _say(self, text: str, *, there: bool) -> None:
        self._text.setText(text)
        self.setAccessibleDescription(text)
        self._grip.setVisible(there)
        self.setCursor(Qt.CursorShape.OpenHandCursor if there else Qt.CursorShape.ArrowCursor)
        self.setToolTip(self.tr("Drag this take into your DAW") if there else "")

    def clear(self) -> None:
        """There is no such take any more."""
        self._take, self._path = 0, None
        self.hide()

    def colour(self, ink: QColor) -> None:
        self.folder_button.setIcon(glyph("folder", ink))
        self.continue_button.setIcon(glyph("continue", ink))

    def mime_data(self) -> QMimeData:
        """The take as other programs accept it: a file URL."""
        data = QMimeData()
        if self._path is not None:
            data.setUrls([QUrl.fromLocalFile(str(self._path))])
        return data

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self._pressed is None or self._path is None:
            return
        moved = (event.position().toPoint() - self._pressed).manhattanLength()
        if moved < QApplication.startDragDistance():
            return
        self._pressed = None
        if not self._path.exists():
            self.show_gone()
            return
        drag = QDrag(self)
        drag.setMimeData(self.mime_data())
        drag.setPixmap(self._picture(160, 40))
        drag.exec(Qt.DropAction.CopyAction)

    def mouseReleaseEvent(self, _event: QMouseEvent | None) -> None:
        self._pressed = None

    def _show_in_folder(self) -> None:
        if self._path is not None:
            reveal(self._path)
