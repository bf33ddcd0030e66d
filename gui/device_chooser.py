"""Where the sound goes and where it comes from.

Asking the sound system for its devices can take a second, so a thread asks; the list comes
back as a queued signal. It is asked again whenever a chooser opens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtBoundSignal, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

NO_DEVICE = "none"
Devices = Callable[[], list[tuple[str, str]]]  # ('output' | 'input', name)


class DeviceList(QObject):
    """The devices, asked for off the event loop."""

    listed = pyqtSignal(list)
    failed = pyqtSignal(str)

    def __init__(self, devices: Devices | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._devices = devices
        self._asking: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False  # guarded by _lock: after it no signal leaves

    def refresh(self) -> None:
        """Ask, unless an answer is still under way."""
        busy = self._asking is not None and self._asking.is_alive()
        if self._devices is None or busy or self._closed:
            return
        self._asking = threading.Thread(target=self._ask, name="device-list", daemon=True)
        self._asking.start()

    def close(self) -> None:
        """The thread may still be asking; it will not speak to what is gone."""
        with self._lock:
            self._closed = True

    def _ask(self) -> None:
        """The asking thread. Whatever the sound system throws becomes a line to read."""
        devices = self._devices
        if devices is None:
            return
        try:
            found = devices()
        except Exception as error:  # noqa: BLE001 - a thread's last line; it is shown
            self._tell(self.failed, str(error))
        else:
            self._tell(self.listed, list(found))

    def _tell(self, signal: pyqtBoundSignal, value: object) -> None:
        with self._lock:
            if not self._closed:
                signal.emit(value)


class DeviceCombo(QComboBox):
    """Says when it opens, so that the list can be refreshed."""

    opening = pyqtSignal()

    def showPopup(self) -> None:
        self.opening.emit()
        super().showPopup()


class DeviceChooser(QWidget):
    """One kind of device. `chosen` carries a name, None (the default) or NO_DEVICE."""

    chosen = pyqtSignal(object)

    def __init__(
        self,
        kind: str,
        title: str,
        devices: DeviceList,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._shown: str | None = None
        self._names: list[str] = []
        self.combo = DeviceCombo()
        self.combo.setAccessibleName(title.replace("&", ""))
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(16)
        if kind == "input":  # which is not opened before somebody asks for it
            self._shown = NO_DEVICE
            self.combo.addItem(self.tr("None"), NO_DEVICE)
        self.combo.addItem(self.tr("System default"), None)
        self._fixed = self.combo.count()
        self.combo.activated.connect(self._choose)
        self.combo.opening.connect(devices.refresh)
        devices.listed.connect(self.show_devices)
        devices.failed.connect(self._show_failure)
        label = QLabel(title)
        label.setProperty("role", "heading")
        label.setBuddy(self.combo)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(label)
        column.addWidget(self.combo)
        column.addWidget(self.note)

    def names(self) -> list[str]:
        """The devices on offer, without the default and none."""
        return [self.combo.itemText(index) for index in range(self._fixed, self.combo.count())]

    def show_devices(self, found: list[tuple[str, str]]) -> None:
        names = [name for kind, name in found if kind == self._kind]
        if not names:
            self._show_note(self.tr("none found; start JACK or plug one in"))
        if names != self._names:
            self._names = names
            self._fill()

    def show_current(self, name: str, rate: int = 0) -> None:
        """The device in use, as the session reports it; none is: what was chosen stays."""
        if name and name != self._shown:
            self._shown = name
            self._fill()
        if rate:
            self._show_note(self.tr("{rate} kHz").format(rate=f"{rate / 1000:g}"))
        elif self._shown == NO_DEVICE:
            self._show_note(self.tr("choose one to continue what plays there"))
        elif name:
            self._show_note("")
        else:
            self._show_note(self.tr("not open"))

    def _fill(self) -> None:
        while self.combo.count() > self._fixed:
            self.combo.removeItem(self._fixed)
        for name in self._names:
            self.combo.addItem(name, name)
        index = self.combo.findData(self._shown)
        if index < 0:  # in use, but not (or no longer) listed
            self.combo.addItem(self._shown, self._shown)
            index = self.combo.count() - 1
        self.combo.setCurrentIndex(index)
        for entry in range(self._fixed, self.combo.count()):
            name = self.combo.itemText(entry)
            self.combo.setItemData(entry, name, Qt.ItemDataRole.ToolTipRole)

    def _choose(self, index: int) -> None:
        self._shown = self.combo.itemData(index)
        self.chosen.emit(self._shown)

    def _show_failure(self, text: str) -> None:
        self._show_note(text)

    def _show_note(self, text: str) -> None:
        self.note.setText(text)
        self.note.setToolTip(text)
