"""The state in large at the top, and the figures in small at the bottom."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFont, QFontMetrics, QPalette
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from daw_bridge.events import Status
from gui.icons import icon_state, state_icon
from gui.theme import colours_of, repolish, state_colour
from gui.wording import details, route_text, state_text, what_to_do


class ElidedLabel(QLabel):
    """A label that gives way: text that does not fit ends in an ellipsis and a tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = self._why = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def setText(self, text: str | None) -> None:
        self._full = text or ""
        self._fit()

    def full_text(self) -> str:
        return self._full

    def explain(self, text: str) -> None:
        """More for who points at it."""
        self._why = text
        self.setAccessibleDescription(text)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        width = QFontMetrics(self.font()).horizontalAdvance(self._full) + 2
        return QSize(width, super().sizeHint().height())

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width(), 40))
        super().setText(shown)
        whole = self._full if shown != self._full else ""
        self.setToolTip("\n".join(line for line in (whole, self._why) if line))
        self.setAccessibleName(self._full)


class StateHeader(QWidget):
    """Icon, state, the latest news of the take, and the clock."""

    def __init__(self, clock: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = ""
        self._icon = QLabel()
        self._icon.setFixedSize(28, 28)
        self.state = QLabel()
        self.state.setAccessibleName(self.tr("State"))
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setWeight(QFont.Weight.DemiBold)
        self.state.setFont(font)
        self.news = ElidedLabel()
        small = QFont(self.font())
        small.setPointSizeF(small.pointSizeF() * 0.9)
        self.news.setFont(small)
        self.news.setProperty("role", "muted")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.state)
        words.addWidget(self.news)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addLayout(words, 1)
        row.addWidget(clock)
        self.say("")

    def say(self, text: str) -> None:
        """One line below the state; none: the state stands alone, in the middle."""
        self.news.setText(text)
        self.news.setVisible(bool(text))

    def show_status(self, status: Status) -> None:
        self.state.setText(state_text(status))
        if status.state != self._shown:
            self._shown = status.state
            self.recolour()

    def recolour(self) -> None:
        colours = colours_of(self.palette())
        palette = QPalette(self.palette())
        idle = self._shown in ("", "idle")
        ink = self.palette().color(QPalette.ColorRole.Text)
        palette.setColor(
            QPalette.ColorRole.WindowText, ink if idle else state_colour(colours, self._shown)
        )
        self.state.setPalette(palette)
        icon = state_icon(icon_state(self._shown or "starting"))
        self._icon.setPixmap(icon.pixmap(QSize(28, 28), self.devicePixelRatioF()))


class StatusLine(QWidget):
    """Headroom, audio ahead and dropouts, with what would help where they are bad; what plays
    where, and the OSC port, at the right."""

    setup_wanted = pyqtSignal()

    def __init__(self, osc_port: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.details = ElidedLabel()
        self.details.setProperty("role", "muted")
        port = self.tr("OSC on port {port}").format(port=osc_port)
        self.port = QLabel(port if osc_port else self.tr("OSC off"))
        self.port.setProperty("role", "muted")
        self.port.setToolTip(self.tr("Where your DAW sends its OSC messages (UDP, 127.0.0.1)"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.route = QPushButton()
        self.route.setProperty("role", "flat")
        self.route.setAutoDefault(False)
        self.route.setToolTip(self.tr("Model, output and input: open Set-up"))
        self.route.clicked.connect(self.setup_wanted)
        row.addWidget(self.details, 1)
        row.addWidget(self.route)
        row.addWidget(self.port)

    def show_status(self, status: Status) -> None:
        self.details.setText("   ·   ".join(details(status)))
        help_text = what_to_do(status)
        self.details.explain(help_text)
        role = "warning" if help_text else "muted"
        if self.details.property("role") != role:
            self.details.setProperty("role", role)
            repolish(self.details)
        self.route.setText(route_text(status))
        self.route.setAccessibleName(self.tr("Set-up: {route}").format(route=route_text(status)))
