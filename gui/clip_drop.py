"""A sound file dropped anywhere on the window is a clip to continue."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QEvent, QMimeData, QObject, QPoint, QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QDropEvent, QPainter, QPaintEvent, QPen, QRegion
from PyQt6.QtWidgets import QWidget

from gui.theme import colours_of

SUFFIXES = (".wav", ".wave", ".flac", ".aif", ".aiff", ".ogg", ".mp3")


def dropped_clip(data: QMimeData | None) -> str | None:
    """The first local sound file among what is dragged."""
    if data is None or not data.hasUrls():
        return None
    for url in data.urls():
        path = url.toLocalFile()
        if path and Path(path).suffix.lower() in SUFFIXES:
            return path
    return None


class ClipDrop(QObject):
    """Makes a window take sound files: `dropped` carries the path."""

    dropped = pyqtSignal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.overlay = DropOverlay(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, _window: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QDropEvent):  # drag-enter and drag-move are drops, too
            # a take dragged out and let go of at once was not meant for us
            ours = event.source() is not None
            path = None if ours else dropped_clip(event.mimeData())
            if path is not None:
                event.acceptProposedAction()
            match event.type():
                case QEvent.Type.DragEnter if path is not None:
                    self.overlay.cover()
                case QEvent.Type.Drop:
                    self.overlay.hide()
                    if path is not None:
                        # the program that drags waits for us: answer it first
                        QTimer.singleShot(0, lambda: self.dropped.emit(path))
            return True
        if event is not None and event.type() == QEvent.Type.DragLeave:
            self.overlay.hide()
        return False


class DropOverlay(QWidget):
    """Says over the whole window what letting go will do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._text = self.tr("Drop to continue this clip")
        self._open: list[QWidget] = []
        self.hide()

    def leave_open(self, widget: QWidget) -> None:
        """It takes drops of its own, and stays in sight."""
        self._open.append(widget)

    def cover(self) -> None:
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
            seen = QRegion(self.rect())
            for widget in self._open:
                if widget.isVisible():
                    seen -= QRegion(QRect(widget.mapTo(parent, QPoint(0, 0)), widget.size()))
            self.setMask(seen)
        self.raise_()
        self.show()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        colours = colours_of(self.palette())
        ground = QColor(colours.window)
        ground.setAlphaF(0.9)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), ground)
        painter.setPen(QPen(QColor(colours.accent), 3, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(12, 12, -12, -12), 8, 8)
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()
