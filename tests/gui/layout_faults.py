"""What a person would call cut off or on top of something else, found by measuring widgets."""

from __future__ import annotations

from itertools import combinations

from PyQt6.QtCore import QPoint, QRect
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QTreeWidget,
    QWidget,
)

from gui.status_line import ElidedLabel

CELL = 8  # pixels beside the text of a cell
SLACK = 2  # pixels of height that a style asks for beyond its text and frame
TEXTS = (QLabel, QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit)


def faults(window: QWidget, may_give_way: set[str]) -> list[str]:
    """A line each. may_give_way: texts that may end in an ellipsis, by how they begin."""
    found: list[str] = []
    shown = [one for one in window.findChildren(QWidget) if one.isVisible()]
    for popup in (one for one in shown if one.isWindow()):
        found += faults(popup, may_give_way)
    widgets = [one for one in shown if one.window() is window]
    for widget in widgets:
        if isinstance(widget, TEXTS) and not isinstance(widget.parentWidget(), TEXTS):
            found += _outside(widget, window)
            found += _cut(widget, may_give_way)
        elif isinstance(widget, QTreeWidget):
            found += _cut_cells(widget)
    texts = [one for one in widgets if isinstance(one, TEXTS)]
    for one, other in combinations(texts, 2):
        if not one.isAncestorOf(other) and not other.isAncestorOf(one):
            both = _seen(one, window) & _seen(other, window)
            if not both.isEmpty():
                found.append(f"{_name(one)} lies on {_name(other)}")
    return found


def _outside(widget: QWidget, window: QWidget) -> list[str]:
    """Beyond the window, or beyond the sides of what scrolls it up and down."""
    place = _place(widget, window)
    around, scrolls = window.rect(), False
    parent = widget.parentWidget()
    while parent is not None and parent is not window:
        if isinstance(parent, QScrollArea):
            around, scrolls = _place(parent.viewport() or parent, window), True
        parent = parent.parentWidget()
    inside = around.left() <= place.left() and place.right() <= around.right()
    if not scrolls:
        inside = inside and around.contains(place)
    return [] if inside else [f"{_name(widget)} sticks out: {place} of {around}"]


def _cut(widget: QWidget, may_give_way: set[str]) -> list[str]:
    """Text that has less room than it needs."""
    size, text, room, needed = widget.size(), "", 0, 0
    match widget:
        case ElidedLabel():
            text, shown = widget.full_text(), widget.text()
            if any(text.startswith(start) for start in may_give_way):
                return []
            return [] if shown == text else [f"{text!r} shows as {shown!r}"]
        case QLabel() if widget.pixmap().isNull():
            if widget.wordWrap():
                room, needed = size.height(), widget.heightForWidth(size.width())
            else:
                room, needed = size.width(), widget.sizeHint().width()
        case QComboBox():
            option = QStyleOptionComboBox()
            widget.initStyleOption(option)
            style = widget.style()
            assert style is not None
            field = style.subControlRect(
                QStyle.ComplexControl.CC_ComboBox, option,
                QStyle.SubControl.SC_ComboBoxEditField, widget,
            )  # fmt: skip
            room = field.width()
            needed = widget.fontMetrics().horizontalAdvance(widget.currentText())
        case QAbstractSpinBox():
            line = widget.findChild(QLineEdit)
            assert line is not None
            room, needed = line.width(), line.fontMetrics().horizontalAdvance(widget.text()) + 2
        case QAbstractButton() if widget.minimumSize() != widget.maximumSize():
            room, needed = size.width(), widget.sizeHint().width()
    found = [f"{_name(widget)} needs {needed} and has {room}{text}"] if needed > room else []
    least = widget.minimumSizeHint().height()
    if size.height() + SLACK < min(least, widget.maximumHeight()):
        found.append(f"{_name(widget)} is {size.height()} high and needs {least}")
    return found


def _cut_cells(table: QTreeWidget) -> list[str]:
    """Cells whose text is wider than their column."""
    found = []
    viewport = table.viewport()
    assert viewport is not None
    for number in range(table.topLevelItemCount()):
        item = table.topLevelItem(number)
        for column in range(table.columnCount()) if item is not None else ():
            start = table.columnViewportPosition(column)
            room = min(table.columnWidth(column), viewport.width() - start) - CELL
            if table.fontMetrics().horizontalAdvance(item.text(column)) > room:
                found.append(f"the cell {item.text(column)!r} has only {room}")
    return found


def _seen(widget: QWidget, window: QWidget) -> QRect:
    """What of it is not scrolled out of sight."""
    seen = widget.visibleRegion().boundingRect()
    return seen.translated(widget.mapTo(window, QPoint(0, 0)))


def _place(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def _name(widget: QWidget) -> str:
    text = getattr(widget, "text", str)() or widget.accessibleName()
    return f"{type(widget).__name__} {text!r}"
