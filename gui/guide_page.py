"""The Guide page: how sound gets into a DAW here, and what to click in each, step by step."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextFrameFormat,
    QTextTable,
)
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
from gui.theme import colours_of

TEXT = Qt.ItemDataRole.UserRole
KEY = TEXT + 1
LIST_WIDTH = 200
MARGIN, INDENT, GAP = 14, 22, 7  # pixels: around the text, before a list, between paragraphs
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
        self.check = QPushButton(self.tr("&Check the connection"))
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
        self._add_part(self.tr("1  How sound gets there"), routes())
        self._add_part(self.tr("2  In your DAW"), daws())
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

    def look_at(self, key: str) -> None:
        """A chapter by its key."""
        for number in range(self.chapters.count()):
            item = self.chapters.item(number)
            if item is not None and item.data(KEY) == key:
                self.chapters.setCurrentItem(item)

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
        head.setFlags(Qt.ItemFlag.ItemIsEnabled)  # read, and passed over by the arrow keys
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        head.setFont(font)
        self.chapters.addItem(head)
        for chapter in chapters:
            item = QListWidgetItem(f"    {chapter.title}")
            item.setSizeHint(QSize(0, ROW_HEIGHT))
            item.setData(TEXT, chapter.text)
            item.setData(KEY, chapter.key)
            item.setToolTip(chapter.title)
            self.chapters.addItem(item)

    def _show_chapter(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.data(TEXT):
            self.text.setMarkdown(item.data(TEXT))
            self._typeset()

    def _typeset(self) -> None:
        """Headings a little larger than the text, as in the rest of the panel, and room around."""
        document = self.text.document()
        if document is None:
            return
        document.setDocumentMargin(MARGIN)
        document.setIndentWidth(INDENT)
        block = document.begin()
        while block.isValid():
            level, cursor = block.blockFormat().headingLevel(), QTextCursor(block)
            shape = QTextBlockFormat()
            after = block.next()
            goes_on = _is_code(block) and after.isValid() and _is_code(after)
            shape.setBottomMargin(0 if goes_on else GAP)
            if level:
                shape.setTopMargin(0 if level == 1 else 2 * GAP)
            cursor.mergeBlockFormat(shape)
            if level:
                size = QTextCharFormat()
                size.setProperty(QTextFormat.Property.FontSizeAdjustment, max(0, 2 - level))
                cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                cursor.mergeCharFormat(size)
            block = after
        root = document.rootFrame()
        for frame in root.childFrames() if root is not None else []:
            if isinstance(frame, QTextTable):
                self._rule(frame)

    def _rule(self, table: QTextTable) -> None:
        """Thin lines and room in the cells."""
        shape = table.format()
        shape.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        shape.setBorderBrush(QColor(colours_of(self.palette()).border))
        shape.setCellPadding(4)
        shape.setTopMargin(GAP)
        shape.setBottomMargin(GAP)
        table.setFormat(shape)


def _is_code(block: QTextBlock) -> bool:
    return block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeLanguage)
