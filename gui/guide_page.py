"""The Guide page: how sound gets into a DAW here, and what to click in each, step by step."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from daw_bridge.guide import Chapter, daws, loopbacks, routes
from gui.device_chooser import DeviceList

TEXT = Qt.ItemDataRole.UserRole
LIST_WIDTH = 200
ROW_HEIGHT = 26


class GuidePage(QWidget):
    """`output_chosen` carries a device's name; `check_wanted`: to the loopback doctor."""

    output_chosen = pyqtSignal(object)
    check_wanted = pyqtSignal()

    def __init__(self, devices: DeviceList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: tuple[str, ...] = ()
        heading = QLabel(self.tr("From here into your DAW"))
        heading.setProperty("role", "heading")
        self.found = QLabel(self.tr("Looking for loopback devices…"))
        self.found.setWordWrap(True)
        self.use = QPushButton()
        self.use.setToolTip(self.tr("Play the takes into this device"))
        self.use.hide()
        self.use.clicked.connect(lambda: self.output_chosen.emit(self._found[0]))
        self.check = QPushButton(self.tr("&Check the way"))
        self.check.setToolTip(self.tr("The loopback doctor, in Set-up"))
        self.check.clicked.connect(self.check_wanted)
        top = QHBoxLayout()
        top.addWidget(self.found, 1)
        top.addWidget(self.use)
        top.addWidget(self.check)
        self.chapters = QListWidget()
        self.chapters.setFixedWidth(LIST_WIDTH)
        self.chapters.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.chapters.setAccessibleName(self.tr("Chapters"))
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        self.text.setAccessibleName(self.tr("What to do"))
        self._add_part(self.tr("1  The sound's way"), routes())
        self._add_part(self.tr("2  Your DAW"), daws())
        self.chapters.currentItemChanged.connect(self._show_chapter)
        self.chapters.setCurrentRow(1)
        row = QHBoxLayout()
        row.addWidget(self.chapters)
        row.addWidget(self.text, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(heading)
        column.addLayout(top)
        column.addLayout(row, 1)
        devices.listed.connect(self.show_devices)
        devices.failed.connect(self.found.setText)
        self.setFocusProxy(self.chapters)

    def show_devices(self, found: list[tuple[str, str]]) -> None:
        """Those that there are, as ('output' | 'input', name)."""
        self._found = loopbacks(name for kind, name in found if kind == "output")
        self.use.setVisible(bool(self._found))
        if self._found:
            names = ", ".join(self._found)
            self.found.setText(self.tr("Loopback devices here: {names}.").format(names=names))
            short = self._found[0].split(",")[0]
            self.use.setText(self.tr("&Play into {device}").format(device=short))
        else:
            self.found.setText(
                self.tr("No loopback device here yet: the first chapter says how to get one.")
            )

    def _add_part(self, title: str, chapters: tuple[Chapter, ...]) -> None:
        head = QListWidgetItem(title)
        head.setSizeHint(QSize(0, ROW_HEIGHT))
        head.setFlags(Qt.ItemFlag.NoItemFlags)
        self.chapters.addItem(head)
        for chapter in chapters:
            item = QListWidgetItem(f"    {chapter.title}")
            item.setSizeHint(QSize(0, ROW_HEIGHT))
            item.setData(TEXT, chapter.text)
            item.setToolTip(chapter.title)
            self.chapters.addItem(item)

    def _show_chapter(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.data(TEXT):
            self.text.setMarkdown(item.data(TEXT))
