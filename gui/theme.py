"""Colours, dark and light, and the style sheet made of them.

There is no state here: a widget that paints asks `colours_of(self.palette())`, so it is
right again after the desktop switches between dark and light.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication, QWidget

IMAGES = Path(__file__).parent / "images"


@dataclass(frozen=True, slots=True)
class Colours:
    """One scheme. The six state colours hold 4.5:1 against `window`."""

    window: str
    surface: str  # what is typed into, and what is painted on
    raised: str  # buttons
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    generating: str
    playing: str
    warning: str
    error: str
    error_ground: str
    notice_ground: str


DARK = Colours(
    window="#202328", surface="#17191d", raised="#33383f", border="#484f59",
    text="#e8eaed", muted="#a3abb6", accent="#4f9de0", on_accent="#08131d",
    generating="#b79bff", playing="#4fd17f", warning="#f0b840", error="#ff8078",
    error_ground="#46211f", notice_ground="#22364a",
)  # fmt: skip
LIGHT = Colours(
    window="#eff0f2", surface="#ffffff", raised="#fbfbfc", border="#bcc2cb",
    text="#1c2025", muted="#56606c", accent="#1a69b0", on_accent="#ffffff",
    generating="#6a35cf", playing="#14743a", warning="#8f5a00", error="#b3261e",
    error_ground="#fbe3e1", notice_ground="#dcebf9",
)  # fmt: skip


def colours_of(palette: QPalette) -> Colours:
    """The scheme that a palette belongs to."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def state_colour(colours: Colours, state: str) -> QColor:
    """The colour of a session state (`Status.state`)."""
    name = {
        "starting": colours.warning,
        "loading": colours.warning,
        "scheduled": colours.generating,
        "generating": colours.generating,
        "playing": colours.playing,
        "error": colours.error,
    }.get(state, colours.muted)
    return QColor(name)


def palette_of(colours: Colours) -> QPalette:
    """A palette for the Fusion style."""
    role = QPalette.ColorRole
    palette = QPalette()
    for which, colour in (
        (role.Window, colours.window),
        (role.WindowText, colours.text),
        (role.Base, colours.surface),
        (role.AlternateBase, colours.window),
        (role.Text, colours.text),
        (role.Button, colours.raised),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.error),
        (role.Highlight, colours.accent),
        (role.HighlightedText, colours.on_accent),
        (role.Accent, colours.accent),
        (role.Link, colours.accent),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Light, colours.raised),
        (role.Midlight, colours.raised),
        (role.Mid, colours.border),
        (role.Dark, colours.border),
        (role.Shadow, colours.border),
    ):
        palette.setColor(which, QColor(colour))
    faded = QColor(colours.muted)
    faded.setAlphaF(0.65)
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, faded)
    return palette


def style_sheet(colours: Colours) -> str:
    """What a palette cannot say. Sizes are in em, so they follow the font."""
    c = colours
    up, down, check = (
        (IMAGES / f"{name}.svg").as_posix() for name in ("chevron-up", "chevron-down", "check")
    )
    return f"""
    QToolTip {{ color: {c.text}; background: {c.raised}; border: 1px solid {c.border};
                padding: 3px; }}
    QLabel[role="muted"] {{ color: {c.muted}; }}
    QLabel[role="warning"] {{ color: {c.warning}; }}
    QLabel[role="heading"] {{ font-weight: 600; }}
    QPlainTextEdit {{ background: {c.surface}; border: 1px solid {c.border};
                   border-radius: 5px; padding: 4px; }}
    QPlainTextEdit:focus {{ border: 1px solid {c.accent}; }}
    QComboBox, QAbstractSpinBox, QLineEdit, QPushButton {{ min-height: 16px; }}
    QAbstractSpinBox {{ max-height: 1.15em; }}
    QComboBox, QAbstractSpinBox {{ background: {c.surface}; border: 1px solid {c.border};
                   border-radius: 5px; padding: 5px 7px; }}
    QComboBox {{ background: {c.raised}; }}
    QComboBox:hover, QAbstractSpinBox:hover {{ border-color: {c.muted}; }}
    QComboBox:focus, QAbstractSpinBox:focus {{ border-color: {c.accent}; }}
    QComboBox:disabled, QAbstractSpinBox:disabled {{ background: {c.window};
                   color: {c.muted}; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ image: url("{down}"); }}
    QComboBox QAbstractItemView {{ background: {c.surface}; border: 1px solid {c.border};
                   selection-background-color: {c.accent};
                   selection-color: {c.on_accent}; }}
    *[learning="true"] {{ border: 1px solid {c.warning}; }}
    QAbstractSpinBox {{ padding-right: 0; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; width: 20px; }}
    QAbstractSpinBox::up-arrow {{ image: url("{up}"); }}
    QAbstractSpinBox::down-arrow {{ image: url("{down}"); }}
    QPushButton {{ background: {c.raised}; border: 1px solid {c.border}; border-radius: 5px;
                   padding: 5px 11px; }}
    QPushButton:hover {{ border-color: {c.muted}; }}
    QPushButton:focus {{ border-color: {c.accent}; }}
    QPushButton:pressed {{ background: {c.surface}; }}
    QPushButton:disabled {{ color: {c.muted}; background: {c.window}; }}
    QPushButton[role="primary"] {{ background: {c.accent}; color: {c.on_accent};
                   border-color: {c.accent}; font-weight: 600; padding: 5px 18px; }}
    QPushButton[role="primary"]:hover, QPushButton[role="primary"]:focus {{
                   border-color: {c.text}; }}
    QPushButton[role="primary"]:disabled {{ background: {c.raised}; color: {c.muted};
                   border-color: {c.border}; }}
    QPushButton[role="panic"] {{ color: {c.error}; }}
    QPushButton[role="chip"] {{ padding: 5px 9px; }}
    QPushButton:checked {{ background: {c.accent}; color: {c.on_accent};
                   border-color: {c.accent}; }}
    QPushButton:checked:focus {{ border-color: {c.text}; }}
    QFrame[role="rail"] {{ background: {c.surface}; border: none;
                   border-right: 1px solid {c.border}; }}
    QToolButton {{ color: {c.muted}; background: transparent; border: 1px solid transparent;
                   border-radius: 6px; padding: 3px; }}
    QToolButton:hover {{ border-color: {c.border}; }}
    QToolButton:focus {{ border-color: {c.accent}; }}
    QToolButton:checked {{ color: {c.text}; background: {c.raised};
                   border-color: {c.border}; }}
    QTreeView::item, QListWidget::item {{ padding: 4px 2px; }}
    QTreeView, QListWidget {{ outline: 0; }}
    QHeaderView::section {{ background: {c.raised}; color: {c.muted}; border: none;
                   border-bottom: 1px solid {c.border}; padding: 4px; }}
    QListView, QTreeView, QTextBrowser {{ background: {c.surface}; border: 1px solid {c.border};
                   border-radius: 5px; }}
    QListView:focus, QTreeView:focus, QTextBrowser:focus {{ border-color: {c.accent}; }}
    QLineEdit {{ background: {c.surface}; border: 1px solid {c.border}; border-radius: 5px;
                   padding: 5px 7px; }}
    QLineEdit:focus {{ border-color: {c.accent}; }}
    QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ border: none; padding: 0;
                   min-height: 0; }}
    QScrollBar:vertical {{ background: transparent; width: 11px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {c.border}; border-radius: 4px;
                   min-height: 28px; margin: 1px 2px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QPushButton[role="icon"] {{ padding: 5px; }}
    QPushButton::menu-indicator {{ image: url("{down}"); subcontrol-position: right center;
                   right: 6px; }}
    QPushButton[role="menu"] {{ padding-right: 24px; }}
    QPushButton[role="card"] {{ background: {c.surface}; padding: 0; }}
    QPushButton[role="card"]:hover, QPushButton[role="card"]:focus,
    QPushButton[role="card"][current="true"] {{ border-color: {c.accent}; }}
    QFrame[role="popup"] {{ background: {c.window}; border: 1px solid {c.border}; }}
    QPushButton[role="flat"] {{ border: 1px solid transparent; background: transparent;
                   padding: 3px 5px; min-height: 0; }}
    QPushButton[role="flat"]:checked {{ color: {c.text}; background: transparent; }}
    QPushButton[role="flat"]:hover {{ border-color: {c.border}; }}
    QPushButton[role="flat"]:focus {{ border-color: {c.accent}; }}
    QFrame[role="notice"] {{ background: {c.notice_ground}; border: 1px solid {c.accent};
                   border-radius: 5px; }}
    QFrame[role="error"] {{ background: {c.error_ground}; border: 1px solid {c.error};
                   border-radius: 5px; }}
    QFrame[role="rule"] {{ background: {c.border}; border: none; max-height: 1px; }}
    QFrame[role="take"] {{ background: {c.surface}; border: 1px solid {c.border};
                   border-radius: 5px; }}
    QFrame[role="take"][over="true"] {{ border-color: {c.accent};
                   background: {c.notice_ground}; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {c.muted};
                   border-radius: 3px; background: {c.surface}; }}
    QCheckBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent};
                   image: url("{check}"); }}
    QCheckBox:focus {{ color: {c.accent}; }}
    QProgressBar {{ background: {c.surface}; border: 1px solid {c.border}; border-radius: 4px;
                   max-height: 8px; min-height: 8px; }}
    QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
    """


def repolish(widget: QWidget) -> None:
    """A property that the style sheet looks at has changed."""
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def system_scheme() -> Colours:
    """The desktop's choice; where it has none, that of the platform's own palette."""
    hints = QGuiApplication.styleHints()
    scheme = hints.colorScheme() if hints is not None else Qt.ColorScheme.Unknown
    if scheme == Qt.ColorScheme.Dark:
        return DARK
    if scheme == Qt.ColorScheme.Light:
        return LIGHT
    style = QApplication.style()
    return colours_of(style.standardPalette()) if style is not None else LIGHT


def dress(app: QApplication, colours: Colours | None = None) -> None:
    """Put a scheme on: the desktop's, followed when it changes, or the one given."""
    app.setStyle("Fusion")
    chosen = colours or system_scheme()
    app.setPalette(palette_of(chosen))
    app.setStyleSheet(style_sheet(chosen))


def follow_system(app: QApplication) -> None:
    """Dress now and whenever the desktop switches between dark and light."""
    dress(app)
    hints = app.styleHints()
    if hints is not None:
        hints.colorSchemeChanged.connect(lambda _: dress(app))
