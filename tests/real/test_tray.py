"""The tray application on a real X desktop: Xvfb, openbox, trayer, clicked by xdotool."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gui.icons import GROUNDS
from gui.panel_settings import PanelSettings
from tests.real.desktop import Desktop, end, of_colour, watch

pytestmark = [pytest.mark.real]

PATIENCE = 10.0


class Application:
    """The child under test, on a desktop, and what it says of itself."""

    def __init__(self, desktop: Desktop, home: Path) -> None:
        self.desktop, self.home = desktop, home
        self.seen: dict[str, Any] = {}
        self.commands: list[tuple[str, str | None]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        script = Path(__file__).with_name("tray_child.py")
        self.child = subprocess.Popen(
            [sys.executable, str(script)], text=True,
            env={**desktop.environment, "XDG_CONFIG_HOME": str(home)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self._lines.put(line)

    def until(self, wanted: Callable[[Application], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not wanted(self):
            try:
                facts = json.loads(self._lines.get(timeout=deadline - time.monotonic()))
            except (queue.Empty, ValueError):
                pytest.fail(f"{what}: not within {PATIENCE:g} s; last seen {self.seen}")
            if "command" in facts:
                self.commands.append((facts["command"], facts["prompt"]))
            else:
                self.seen = facts

    def is_ready(self) -> bool:
        """The icon is in its place (before that X has it in the corner at the top)."""
        _, y = self.seen.get("icon", (0, 0))
        return y > 700 and self.seen.get("focus", False)

    def click(self, place: str, button: int = 1) -> None:
        self.desktop.click(self.seen[place], button)

    def tell_state(self, state: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(state + "\n")
        self.child.stdin.flush()

    def icon_shows(self, state: str) -> bool:
        """Whether the tray's icon on the screen has this state's ground."""
        x, y = self.seen["icon"]
        near = self.desktop.pixels()[y - 8 : y + 9, x - 8 : x + 9]
        return bool(of_colour(near, [GROUNDS[state].name()], off=12).any())

    def close(self) -> None:
        end(self.child)
        self._reader.join(5)
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="module")
def desktop() -> Iterator[Desktop]:
    with Desktop() as made:
        yield made


@pytest.fixture
def application(desktop: Desktop, tmp_path: Path) -> Iterator[Application]:
    made = Application(desktop, tmp_path / "config")
    try:
        made.until(Application.is_ready, "a docked icon and a panel with the keyboard")
        yield made
    finally:
        made.close()


def test_the_icon_follows_the_state_and_opens_and_closes_the_panel(
    application: Application,
) -> None:
    for state in ("playing", "error", "idle"):
        application.tell_state(state)
        watch(lambda state=state: application.icon_shows(state), f"a {state} icon", PATIENCE)
    application.click("icon")
    application.until(lambda a: not a.seen["panel"], "the panel closes")
    application.click("icon")
    application.until(lambda a: a.seen["panel"], "the panel opens")


def test_the_menu_generates_and_quits(application: Application) -> None:
    application.click("icon", button=3)
    application.until(lambda a: "entry Generate" in a.seen, "the menu")
    application.click("entry Generate")
    application.until(lambda a: ("Generate", "") in a.commands, "Generate from the menu")
    application.until(lambda a: not a.seen["menu"], "the menu closes")
    application.click("icon", button=3)
    application.until(lambda a: "entry Quit" in a.seen, "the menu again")
    application.click("entry Quit")
    assert application.child.wait(PATIENCE) == 0
    kept = PanelSettings(application.home / "daw-bridge" / "panel.ini")
    assert kept.open, "it was open when it was quit, so it is at the next start"
    assert not kept.told_about_tray
