"""What the panel remembers between starts: its place, whether it was open, prompts used."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from PyQt6.QtCore import QByteArray, QSettings


class PanelSettings:
    """An INI file in the user's configuration folder."""

    def __init__(self, path: Path | None = None) -> None:
        folder = Path(platformdirs.user_config_dir("daw-bridge", appauthor=False))
        file = path or folder / "panel.ini"
        self._store = QSettings(str(file), QSettings.Format.IniFormat)

    @property
    def open(self) -> bool:
        """Whether the panel shows at the start: at the first one it does."""
        return self._store.value("panel/open", True, type=bool)

    @open.setter
    def open(self, value: bool) -> None:
        self._store.setValue("panel/open", value)

    @property
    def told_about_tray(self) -> bool:
        """Whether the person was told once that closing leaves the tray icon."""
        return self._store.value("panel/told_about_tray", False, type=bool)

    @told_about_tray.setter
    def told_about_tray(self, value: bool) -> None:
        self._store.setValue("panel/told_about_tray", value)

    @property
    def notifications(self) -> bool:
        """Whether the tray tells in balloons what happens while the panel is hidden."""
        return self._store.value("tray/notifications", True, type=bool)

    @notifications.setter
    def notifications(self, value: bool) -> None:
        self._store.setValue("tray/notifications", value)

    @property
    def guided(self) -> bool:
        """Whether the person was told once that there is a guide."""
        return self._store.value("panel/guided", False, type=bool)

    @guided.setter
    def guided(self, value: bool) -> None:
        self._store.setValue("panel/guided", value)

    @property
    def geometry(self) -> QByteArray:
        return self._store.value("panel/geometry", QByteArray(), type=QByteArray)

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("panel/geometry", value)

    @property
    def advanced(self) -> bool:
        return self._store.value("panel/advanced", False, type=bool)

    @advanced.setter
    def advanced(self, value: bool) -> None:
        self._store.setValue("panel/advanced", value)

    @property
    def history(self) -> list[str]:
        """Prompts used, oldest first."""
        return [text for text in self._store.value("prompt/history", [], type=list) if text]

    @history.setter
    def history(self, texts: list[str]) -> None:
        self._store.setValue("prompt/history", texts)

    def save(self) -> None:
        self._store.sync()
