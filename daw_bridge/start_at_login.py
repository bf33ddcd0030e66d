"""Whether the program starts when the person logs in: one file that the desktop reads.

Linux: XDG Desktop Application Autostart Specification 0.5. macOS: a LaunchAgent, launchd.plist(5).
Windows: a command file in the Startup folder. Only the first has been run.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from core.errors import BadInput
from daw_bridge.atomic import replace_file

NAME = "daw-bridge"
LABEL = "daw-bridge.login"  # of the LaunchAgent


class StartAtLogin:
    """folder: where the desktop looks. command: what it is to start."""

    def __init__(
        self,
        folder: Path | None = None,
        command: Sequence[str] | None = None,
        platform: str = sys.platform,
    ) -> None:
        self._platform = platform
        self._command = tuple(command or _this_program())
        self.path = (folder or _folder(platform)) / _file_name(platform)

    @property
    def on(self) -> bool:
        """There is an entry, and the desktop was not told to leave it out."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        return "Hidden=true" not in text and "X-GNOME-Autostart-enabled=false" not in text

    def switch(self, on: bool) -> None:
        """Raises BadInput that names the file where it cannot be written."""
        try:
            if on:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with replace_file(self.path) as file:
                    file.write(self._entry())
            else:
                self.path.unlink(missing_ok=True)
        except OSError as refused:
            why = refused.strerror or str(refused)
            raise BadInput(f"{self.path} cannot be written ({why}); nothing was changed") from None

    def _entry(self) -> bytes:
        if self._platform == "darwin":
            agent = {"Label": LABEL, "ProgramArguments": list(self._command), "RunAtLoad": True}
            return plistlib.dumps(agent)
        if self._platform == "win32":
            words = " ".join(f'"{word}"' for word in self._command)
            return f'@start "" {words}\r\n'.encode()
        words = " ".join(_quoted(word) for word in self._command)
        lines = (
            "[Desktop Entry]", "Type=Application", f"Name={NAME}",
            "Comment=MusicGen beside your DAW", f"Exec={words}", "Terminal=false",
            "X-GNOME-Autostart-enabled=true",
        )  # fmt: skip
        return ("\n".join(lines) + "\n").encode()


def _this_program() -> tuple[str, ...]:
    """As it was started: by its name where that is on the path, else by this Python."""
    script = Path(sys.argv[0])
    if script.stem == NAME and script.is_file():
        return (str(script.resolve()),)
    found = shutil.which(NAME)
    return (found,) if found else (sys.executable, "-m", "daw_bridge")


def _folder(platform: str) -> Path:
    if platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents"
    if platform == "win32":
        programs = "Microsoft/Windows/Start Menu/Programs/Startup"
        return Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming")) / programs
    return Path(platformdirs.user_config_dir()) / "autostart"


def _file_name(platform: str) -> str:
    return {"darwin": f"{LABEL}.plist", "win32": f"{NAME}.cmd"}.get(platform, f"{NAME}.desktop")


def _quoted(word: str) -> str:
    """For Exec: Desktop Entry Specification 1.5, "The Exec key"; then once more as a string."""
    inside = "".join(f"\\{c}" if c in '"`$\\' else c for c in word)
    return '"' + inside.replace("\\", "\\\\").replace("%", "%%") + '"'
