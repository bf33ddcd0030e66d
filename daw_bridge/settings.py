"""What is remembered from one start to the next: a small JSON file in the user's folder."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import platformdirs

from core.errors import BadInput
from daw_bridge.atomic import replace_file
from daw_bridge.parameters import PARAMETERS

VERSION = 1
SETTLE = 1.0  # seconds: a fader that moves is not written at every step


@dataclass(frozen=True, slots=True)
class Settings:
    """Values as they were last set. None: the default of whoever reads it."""

    prompt: str = ""
    model: str | None = None
    output: str | None = None
    input: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    controllers: Mapping[str, int | None] = field(default_factory=dict)


def default_path() -> Path:
    return Path(platformdirs.user_config_dir("daw-bridge", appauthor=False)) / "settings.json"


class SettingsFile:
    """Reads at once, writes on the disk thread. A file that cannot be used is kept aside."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self.problem = ""  # one line, to be said once
        self.settings = self._load()
        self._dirty_since: float | None = None

    def change(self, changes: Mapping[str, object]) -> None:
        names = {f.name for f in fields(Settings)}
        known = {name: value for name, value in changes.items() if name in names}
        self.settings = replace(self.settings, **known)  # type: ignore[arg-type]
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()

    def flush(self, *, now: bool = False) -> None:
        """Write what has settled. Raises OSError; the values stay in memory."""
        if self._dirty_since is None or (not now and time.monotonic() - self._dirty_since < SETTLE):
            return
        self._dirty_since = None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        table = {"version": VERSION, **asdict(self.settings)}
        with replace_file(self.path) as file:
            file.write(json.dumps(table, indent=1, ensure_ascii=False).encode())

    def _load(self) -> Settings:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Settings()
        except (OSError, UnicodeDecodeError):
            return self._put_aside("cannot be read")
        try:
            table = json.loads(text)
            if table["version"] > VERSION:
                return self._put_aside("was written by a newer version")
            return _settings(table)
        except (ValueError, KeyError, TypeError, AttributeError, BadInput):
            return self._put_aside("is damaged")

    def _put_aside(self, why: str) -> Settings:
        aside = self.path.with_suffix(".old.json")
        try:
            self.path.replace(aside)
            kept = f"; it is kept as {aside.name}"
        except OSError:
            kept = ""
        self.problem = f"{self.path} {why}; starting with defaults{kept}"
        return Settings()


def _settings(table: Mapping[str, object]) -> Settings:
    """Raises one of ValueError, TypeError, AttributeError for a table that is not ours."""
    values, controllers = table.get("values", {}), table.get("controllers", {})
    if not isinstance(values, dict) or not isinstance(controllers, dict):
        raise TypeError("values and controllers are tables")
    texts: dict[str, str | None] = {}
    for name in ("model", "output", "input"):
        text = table.get(name)
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name} is a text")
        texts[name] = text
    prompt = table.get("prompt", "")
    if not isinstance(prompt, str):
        raise TypeError("the prompt is a text")
    checked = {n: PARAMETERS[n].checked(float(v)) for n, v in values.items() if n in PARAMETERS}
    numbers = {n: c for n, c in controllers.items() if n in PARAMETERS}
    if not all(c is None or (isinstance(c, int) and 0 <= c < 120) for c in numbers.values()):
        raise ValueError("controllers are numbers from 0 to 119")
    return Settings(prompt=prompt, values=checked, controllers=numbers, **texts)
