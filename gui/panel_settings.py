"""What the panel remembers between starts: its place, whether it was open, prompts used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from PyQt6.QtCore import QByteArray, QSettings

VERSION = 1  # of the file; one without it was written before there were versions
DEFAULTS: dict[str, Any] = {
    "panel/open": True,  # at the first start it shows
    "panel/told_about_tray": False,
    "panel/guided": False,
    "panel/geometry": QByteArray(),
    "panel/advanced": False,
    "tray/notifications": True,
    "prompt/history": [],
}


class PanelSettings:
    """An INI file in the user's configuration folder. One that cannot be used is kept aside."""

    def __init__(self, path: Path | None = None) -> None:
        folder = Path(platformdirs.user_config_dir("daw-bridge", appauthor=False))
        file = path or folder / "panel.ini"
        self.problem = ""  # one line, to be said once
        self._store = QSettings(str(file), QSettings.Format.IniFormat)
        why = self._what_is_wrong(file)
        if why:
            self._put_aside(file, why)
        self._store.setValue("version", VERSION)

    def _what_is_wrong(self, file: Path) -> str:
        try:
            if not file.exists() or not file.read_bytes().strip():
                return ""
            if self._store.status() != QSettings.Status.NoError or not self._store.allKeys():
                return "is damaged"
            if self._store.value("version", 0, type=int) > VERSION:
                return "was written by a newer version"
            for name in DEFAULTS:
                self._read(name)
        except (TypeError, ValueError):
            return "is damaged"
        except OSError:
            return "cannot be read"
        return ""

    def _put_aside(self, file: Path, why: str) -> None:
        aside = file.with_suffix(".old.ini")
        try:
            aside.write_bytes(file.read_bytes())
            kept = f"; it is kept as {aside.name}"
        except OSError:
            kept = ""
        self._store.clear()
        self.problem = f"{file} {why}; starting with defaults{kept}"

    def _read(self, name: str) -> Any:
        """A value of its default's kind. Raises TypeError where the file holds another."""
        default = DEFAULTS[name]
        value = self._store.value(name, default, type=type(default))
        if not isinstance(value, type(default)):
            raise TypeError(f"{name} holds {value!r}")
        if isinstance(value, list) and not all(isinstance(one, str) for one in value if one):
            raise TypeError(f"{name} holds more than texts")
        return value

    @property
    def open(self) -> bool:
        """Whether the panel shows at the start: at the first one it does."""
        return self._read("panel/open")

    @open.setter
    def open(self, value: bool) -> None:
        self._store.setValue("panel/open", value)

    @property
    def told_about_tray(self) -> bool:
        """Whether the person was told once that closing leaves the tray icon."""
        return self._read("panel/told_about_tray")

    @told_about_tray.setter
    def told_about_tray(self, value: bool) -> None:
        self._store.setValue("panel/told_about_tray", value)

    @property
    def notifications(self) -> bool:
        """Whether the tray tells in balloons what happens while the panel is hidden."""
        return self._read("tray/notifications")

    @notifications.setter
    def notifications(self, value: bool) -> None:
        self._store.setValue("tray/notifications", value)

    @property
    def guided(self) -> bool:
        """Whether the person was told once that there is a guide."""
        return self._read("panel/guided")

    @guided.setter
    def guided(self, value: bool) -> None:
        self._store.setValue("panel/guided", value)

    @property
    def geometry(self) -> QByteArray:
        return self._read("panel/geometry")

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("panel/geometry", value)

    @property
    def advanced(self) -> bool:
        return self._read("panel/advanced")

    @advanced.setter
    def advanced(self, value: bool) -> None:
        self._store.setValue("panel/advanced", value)

    @property
    def history(self) -> list[str]:
        """Prompts used, oldest first."""
        return [text for text in self._read("prompt/history") if text]

    @history.setter
    def history(self, texts: list[str]) -> None:
        self._store.setValue("prompt/history", texts)

    def save(self) -> None:
        self._store.sync()
