"""The tray application on a real X desktop: Xvfb, openbox, trayer, clicked by xdotool."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtGui import QColor, QImage

from gui.icons import GROUNDS
from tests.conftest import require_program

pytestmark = [pytest.mark.real]

TRAYER = [
    "--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "32",
    "--SetDockType", "true",
]  # fmt: skip
PATIENCE = 10.0


def end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def display() -> Iterator[dict[str, str]]:
    """The environment of a desktop with a window manager and a tray."""
    for name in ("Xvfb", "openbox", "trayer", "xdotool", "import"):
        require_program(name)
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    started: list[subprocess.Popen[Any]] = [server]
    try:
        assert server.stdout is not None
        environment = {
            **os.environ,
            "DISPLAY": f":{server.stdout.readline().strip()}",
            "QT_QPA_PLATFORM": "xcb",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            # the tray of this display, not one of the desktop the test was started on
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
        }
        for command in (["openbox"], ["trayer", *TRAYER]):
            started.append(
                subprocess.Popen(
                    command, env=environment,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
        yield environment
    finally:
        for process in reversed(started):
            end(process)
        if server.stdout is not None:
            server.stdout.close()


class Desktop:
    """The child under test, and a hand on the mouse."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self._environment = {**environment, "XDG_CONFIG_HOME": str(home)}
        self.seen: dict[str, Any] = {}
        self.commands: list[tuple[str, str | None]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        script = Path(__file__).with_name("tray_child.py")
        self.child = subprocess.Popen(
            [sys.executable, str(script)], env=self._environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self._lines.put(line)

    def until(self, wanted: Callable[[Desktop], object], what: str) -> None:
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

    def tool(self, *arguments: object) -> None:
        subprocess.run(
            ["xdotool", *map(str, arguments)], env=self._environment, check=True, timeout=10
        )

    def click(self, place: str, button: int = 1) -> None:
        x, y = self.seen[place]
        self.tool("mousemove", x, y, "sleep", "0.1", "click", button)

    def tell(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def icon_shows(self, colour: QColor, folder: Path) -> bool:
        """Whether a pixel of the tray icon on the screen has this colour."""
        file = folder / "screen.png"
        subprocess.run(
            ["import", "-silent", "-window", "root", str(file)],
            env=self._environment, check=True, timeout=20,
        )  # fmt: skip
        screen = QImage(str(file))
        x, y = self.seen["icon"]
        near = [screen.pixelColor(x + dx, y + dy) for dx in range(-8, 9) for dy in range(-8, 9)]
        return any(
            abs(pixel.red() - colour.red()) < 12
            and abs(pixel.green() - colour.green()) < 12
            and abs(pixel.blue() - colour.blue()) < 12
            for pixel in near
        )

    def close(self) -> None:
        end(self.child)
        self._reader.join(5)
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def desktop(display: dict[str, str], tmp_path: Path) -> Iterator[Desktop]:
    made = Desktop(display, tmp_path / "config")
    try:
        made.until(Desktop.is_ready, "a docked icon and a panel with the keyboard")
        yield made
    finally:
        made.close()


def test_the_icon_appears_and_follows_the_state(desktop: Desktop, tmp_path: Path) -> None:
    for state in ("playing", "error", "idle"):
        desktop.tell(f"state {state}")
        deadline = time.monotonic() + PATIENCE
        while not desktop.icon_shows(GROUNDS[state], tmp_path):
            assert time.monotonic() < deadline, f"no {state} icon on the screen"


def test_a_click_on_the_icon_opens_and_closes_the_panel(desktop: Desktop) -> None:
    desktop.click("icon")
    desktop.until(lambda d: not d.seen["panel"], "the panel closes")
    desktop.click("icon")
    desktop.until(lambda d: d.seen["panel"], "the panel opens")


def test_the_menu_generates_and_quits(desktop: Desktop) -> None:
    desktop.click("icon", button=3)
    desktop.until(lambda d: "entry Generate" in d.seen, "the menu")
    desktop.click("entry Generate")
    desktop.until(lambda d: ("Generate", "") in d.commands, "Generate from the menu")
    desktop.until(lambda d: not d.seen["menu"], "the menu closes")
    desktop.click("icon", button=3)
    desktop.until(lambda d: "entry Quit" in d.seen, "the menu again")
    desktop.click("entry Quit")
    assert desktop.child.wait(PATIENCE) == 0


def test_the_panel_generates_by_mouse_and_by_keyboard(desktop: Desktop) -> None:
    desktop.tool("type", "--delay", "8", "slow strings")
    desktop.click("button")
    desktop.until(lambda d: ("Generate", "slow strings") in d.commands, "Generate by mouse")
    desktop.tool("key", "ctrl+k")
    desktop.until(lambda d: ("ContinueInput", "slow strings") in d.commands, "Ctrl+K")
    desktop.tool("key", "shift+Escape")
    desktop.until(lambda d: ("Panic", None) in d.commands, "Shift+Esc")


def test_closing_the_window_leaves_the_tray(desktop: Desktop) -> None:
    desktop.tool("key", "alt+F4")
    desktop.until(lambda d: not d.seen["panel"], "the panel closes")
    assert desktop.child.poll() is None
    desktop.click("icon")
    desktop.until(lambda d: d.seen["panel"], "the panel opens")


def test_a_take_is_dragged_into_another_program(
    desktop: Desktop, display: dict[str, str], tmp_path: Path
) -> None:
    take = tmp_path / "take 0001.wav"
    desktop.tell(f"saved {take}")
    desktop.until(lambda d: "card" in d.seen, "the last take")
    script = Path(__file__).with_name("drop_receiver.py")
    other = subprocess.Popen(
        [sys.executable, str(script)], env=display, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        time.sleep(0.3)  # the window manager maps it
        x, y = desktop.seen["card"]
        desktop.tool("mousemove", x - 100, y, "sleep", "0.1", "mousedown", 1)
        for step in range(1, 13):  # small moves: a drag is told from a click by them
            nearer = x - 100 + (1180 - x + 100) * step // 12, y + (180 - y) * step // 12
            desktop.tool("mousemove", *nearer, "sleep", "0.04")
        desktop.tool("sleep", "0.3", "mouseup", 1)
        said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda: said.put(other.stdout.readline()), daemon=True).start()
        assert said.get(timeout=PATIENCE) == f"{take}\n"
    finally:
        end(other)
        if other.stdout is not None:
            other.stdout.close()
    assert not any(name.startswith("Continue") for name, _ in desktop.commands)
