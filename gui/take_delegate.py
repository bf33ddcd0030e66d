"""How a take looks in the list: the tree's lines, a star, its name, facts, and its waveform."""

from __future__ import annotations

import math
from collections import OrderedDict

from PyQt6.QtCore import QEvent, QModelIndex, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)
from PyQt6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from daw_bridge.take_record import TakeRecord
from gui.take_model import RECORD, ROW, TakeModel
from gui.take_order import Row
from gui.theme import Colours, colours_of
from gui.wave_columns import PEAKS_PER_SECOND, columns, lines
from gui.wording import take_facts, take_title

LANE = 14  # pixels from one line of the tree to the next
MOST_LANES = 6  # … and so many are drawn side by side
STAR = 22
MARGIN = 6
WAVES_KEPT = 300  # pictures of waveforms


class TakeDelegate(QStyledItemDelegate):
    """Paints a row; a click on the star says so. Pictures of waveforms are kept."""

    star_clicked = pyqtSignal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._waves: OrderedDict[tuple, QPixmap] = OrderedDict()
        self._lanes = 1
        self.waves_drawn = 0

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(320, 2 * option.fontMetrics.height() + 14)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        record, row, model = index.data(RECORD), index.data(ROW), index.model()
        if painter is None or not isinstance(model, TakeModel):
            return
        assert isinstance(record, TakeRecord)
        assert isinstance(row, Row)
        self._lanes = min(model.lanes, MOST_LANES)
        colours = colours_of(option.palette)
        rect, state = option.rect, option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            ground = QColor(colours.accent)
            ground.setAlphaF(0.22)
            painter.fillRect(rect, ground)
        if bool(state & QStyle.StateFlag.State_HasFocus):
            painter.setPen(QPen(QColor(colours.accent), 1))
            painter.drawRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5))
        if record.take == model.sounding:
            painter.fillRect(QRect(rect.x(), rect.y(), 3, rect.height()), QColor(colours.playing))
        self._tree(painter, rect, row, colours, current=record.take == model.current)
        self._star(painter, self._star_place(rect), colours, on=record.kept)
        gone = model.peaks.is_gone(record.take)
        wave = self._wave_place(rect)
        self._words(painter, option, rect, wave, record, colours, gone=gone, model=model)
        if not gone:
            self._wave(painter, wave, record, model, option.palette)
        painter.restore()

    def editorEvent(self, event, model, option, index: QModelIndex) -> bool:
        if isinstance(event, QMouseEvent) and event.button() == Qt.MouseButton.LeftButton:
            on_star = self._star_place(option.rect).contains(event.position())
            record = index.data(RECORD)
            if on_star and isinstance(record, TakeRecord):
                if event.type() == QEvent.Type.MouseButtonRelease:
                    self.star_clicked.emit(record.take, not record.kept)
                return True
        return super().editorEvent(event, model, option, index)

    def createEditor(
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName(self.tr("Name of the take"))
        editor.setPlaceholderText(self.tr("A name; empty: its prompt"))
        return editor

    def setEditorData(self, editor: QWidget | None, index: QModelIndex) -> None:
        """What is typed stays, when the row changes meanwhile: its waveform may be read now."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def updateEditorGeometry(
        self, editor: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        if editor is not None:
            left = self._text_left(option.rect)
            right = self._wave_place(option.rect).left() - MARGIN
            height = editor.sizeHint().height()
            top = option.rect.y() + (option.rect.height() - height) // 2
            editor.setGeometry(left, top, int(right) - left, height)

    # ------------------------------------------------------------------ places

    def _text_left(self, rect: QRect) -> int:
        return rect.x() + MARGIN + self._lanes * LANE + STAR + MARGIN

    def _star_place(self, rect: QRect) -> QRectF:
        left = rect.x() + MARGIN + self._lanes * LANE
        return QRectF(left, rect.y() + (rect.height() - STAR) / 2, STAR, STAR)

    def _wave_place(self, rect: QRect) -> QRectF:
        width = min(260, max(110, rect.width() * 3 // 10))
        return QRectF(rect.right() - width - MARGIN, rect.y() + 5, width, rect.height() - 10)

    # ------------------------------------------------------------------ parts

    def _tree(
        self, painter: QPainter, rect: QRect, row: Row, colours: Colours, *, current: bool
    ) -> None:
        def x_of(lane: int) -> float:
            return rect.x() + MARGIN + LANE * (min(lane, MOST_LANES - 1) + 0.5)

        top, bottom, middle = rect.top(), rect.bottom() + 1, rect.center().y() + 0.5
        painter.setPen(QPen(QColor(colours.muted), 1.4))
        for lane in row.passing:
            painter.drawLine(QPointF(x_of(lane), top), QPointF(x_of(lane), bottom))
        x = x_of(row.lane)
        if row.came is not None:
            path = QPainterPath(QPointF(x_of(row.came), top))
            path.quadTo(QPointF(x_of(row.came), middle), QPointF(x, middle))
            painter.drawPath(path)
        if row.goes_on:
            painter.drawLine(QPointF(x, middle), QPointF(x, bottom))
        painter.setBrush(QColor(colours.accent if current else colours.surface))
        painter.setPen(QPen(QColor(colours.accent if current else colours.muted), 1.6))
        painter.drawEllipse(QPointF(x, middle), 4.2, 4.2)

    def _star(self, painter: QPainter, place: QRectF, colours: Colours, *, on: bool) -> None:
        painter.setPen(QPen(QColor(colours.warning if on else colours.border), 1.2))
        painter.setBrush(QColor(colours.warning) if on else Qt.BrushStyle.NoBrush)
        painter.drawPolygon(star(place.center(), 7.5))

    def _words(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        rect: QRect,
        wave: QRectF,
        record: TakeRecord,
        colours: Colours,
        *,
        gone: bool,
        model: TakeModel,
    ) -> None:
        left = self._text_left(rect)
        right = rect.right() - MARGIN if gone else wave.left() - 10
        line = option.fontMetrics.height()
        place = QRectF(left, rect.y() + 6, right - left, line)
        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        elide = Qt.TextElideMode.ElideRight
        width = int(place.width())
        title = painter.fontMetrics().elidedText(take_title(record), elide, width)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(option.font)
        painter.setPen(QColor(colours.error if gone else colours.muted))
        facts = take_facts(record)
        if gone:
            facts = self.tr("its file is gone: moved or deleted by another program")
        elif record.take == model.growing:
            facts = self.tr("being made · {facts}").format(facts=facts)
        facts = option.fontMetrics.elidedText(facts, elide, width)
        painter.drawText(place.translated(0, line + 2), Qt.AlignmentFlag.AlignVCenter, facts)

    def _wave(
        self,
        painter: QPainter,
        place: QRectF,
        record: TakeRecord,
        model: TakeModel,
        palette: QPalette,
    ) -> None:
        peaks = model.peaks.peaks(record)
        if peaks is None or not len(peaks):
            return
        ratio = painter.device().devicePixelRatioF()
        growing = record.take == model.growing
        ink = colours_of(palette).generating if growing else colours_of(palette).accent
        seconds = max(record.length, len(peaks) / PEAKS_PER_SECOND)
        key = (record.take, record.path, len(peaks), place.width(), place.height(), ratio, ink)
        picture = self._waves.get(key)
        if picture is None:
            picture = self._draw(peaks, seconds, place, ratio, ink)
            self._waves[key] = picture
            while len(self._waves) > WAVES_KEPT:
                self._waves.popitem(last=False)
        self._waves.move_to_end(key)
        painter.drawPixmap(place.topLeft(), picture)

    def _draw(self, peaks, seconds: float, place: QRectF, ratio: float, ink: str) -> QPixmap:
        self.waves_drawn += 1
        width, height = round(place.width() * ratio), round(place.height() * ratio)
        picture = QPixmap(width, height)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setPen(QColor(ink))
        drawn, _ = lines(columns(peaks, 0.0, seconds, width), height, margin=1.0)
        painter.drawLines(drawn)  # pyright: ignore - the stub forgot iterables
        painter.end()
        picture.setDevicePixelRatio(ratio)
        return picture


def star(centre: QPointF, radius: float) -> QPolygonF:
    """Five points."""
    points = []
    for number in range(10):
        reach = radius if number % 2 == 0 else radius * 0.45
        angle = math.pi * (number / 5 - 0.5)
        points.append(centre + QPointF(reach * math.cos(angle), reach * math.sin(angle)))
    return QPolygonF(points)
