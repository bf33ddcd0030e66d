"""A desktop of a test's own: a screen, a window manager, a tray; a hand on it and an eye."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tests.conftest import require_program

ROOT = Path(__file__).parents[2]
SIZE = (1280, 800)
TRAYER = [
    "trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request",
    "--height", "32", "--SetDockType", "true",
]  # fmt: skip
T = TypeVar("T")
Place = tuple[int, int]  # x, y in pixels of the screen
Pixels = NDArray[np.uint8]  # [height, width, 3], red first


class Desktop:
    """Xvfb, openbox and, if wanted, trayer. `environment` puts a program on it."""

    def __init__(self, size: tuple[int, int] = SIZE, tray: bool = True) -> None:
        for name in ("Xvfb", "openbox", "xdotool", *(["trayer"] if tray else [])):
            require_program(name)
        self.size = size
        self._folder = tempfile.TemporaryDirectory()  # the screen's memory, as a file
        self._started: list[subprocess.Popen[Any]] = []
        try:
            self._open(tray)
        except BaseException:
            self.close()
            raise

    def _open(self, tray: bool) -> None:
        width, height = self.size
        screen = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", f"{width}x{height}x24",
             "-nolisten", "tcp", "-r", "-fbdir", self._folder.name],  # -r: no key repeats itself
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._started.append(screen)
        assert screen.stdout is not None
        self.environment = {
            **os.environ,
            "DISPLAY": f":{screen.stdout.readline().strip()}",
            "QT_QPA_PLATFORM": "xcb",
            "PYTHONPATH": str(ROOT),
            # the tray of this display, not one of the desktop the test was started on
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
        }
        for command in (["openbox"], TRAYER)[: 1 + tray]:
            self._started.append(
                subprocess.Popen(
                    command, env=self.environment,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip

    @property
    def display(self) -> str:
        return self.environment["DISPLAY"]

    def close(self) -> None:
        for process in reversed(self._started):
            end(process)
            if process.stdout is not None:
                process.stdout.close()
        self._started.clear()
        self._folder.cleanup()

    def __enter__(self) -> Desktop:
        return self

    def __exit__(self, *left: object) -> None:
        self.close()

    # ------------------------------------------------------------ the hand

    def tool(self, *words: object) -> str:
        """xdotool; what it says."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env=self.environment, check=True, timeout=30,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return done.stdout

    def key(self, *keys: str) -> None:
        self.tool("key", *keys)

    def type(self, text: str) -> None:
        self.tool("type", "--delay", 8, text)

    def click(self, place: Place, button: int = 1) -> None:
        self.tool("mousemove", *place, "sleep", 0.1, "click", button)

    def drag(self, start: Place, end: Place) -> None:
        """Press, move in small steps (a drag is told from a click by them), let go."""
        words: list[object] = ["mousemove", *start, "sleep", 0.1, "mousedown", 1]
        for step in range(1, 13):
            at = [a + (b - a) * step // 12 for a, b in zip(start, end, strict=True)]
            words += ["mousemove", *at, "sleep", 0.05]
        self.tool(*words, "sleep", 0.3, "mouseup", 1)

    def window(self, title: str) -> str:
        """X's number of the window whose title fits (a regular expression), once it is shown."""
        return self.tool("search", "--sync", "--onlyvisible", "--name", title).split()[0]

    def place_of(self, title: str) -> Place:
        """The upper left corner of a window."""
        told = self.tool("getwindowgeometry", "--shell", self.window(title))
        values = dict(line.split("=") for line in told.split())
        return int(values["X"]), int(values["Y"])

    def move(self, title: str, to: Place) -> None:
        self.tool("windowmove", "--sync", self.window(title), *to)

    # ------------------------------------------------------------ the eye

    def pixels(self) -> Pixels:
        """What is on the screen now."""
        raw = (Path(self._folder.name) / "Xvfb_screen0").read_bytes()
        header = np.frombuffer(raw, ">u4", 25)  # of the XWD format
        start = int(header[0]) + 12 * int(header[19])  # the colour map lies between
        width, height = self.size
        rows = np.frombuffer(raw, np.uint8, height * int(header[12]), start)
        return rows.reshape(height, -1, 4)[:, :width, 2::-1]

    def keep(self, path: Path) -> None:
        """The screen as a picture, for a person."""
        from PIL import Image

        Image.fromarray(np.ascontiguousarray(self.pixels())).save(path)


def of_colour(pixels: Pixels, colours: Sequence[str], off: int = 2) -> NDArray[np.bool_]:
    """Where there is one of the colours ("#rrggbb"), each part within `off`: [height, width]."""
    found = np.zeros(pixels.shape[:2], bool)
    for colour in colours:
        here = np.ones(pixels.shape[:2], bool)
        for part in range(3):
            wanted = int(colour[1 + 2 * part : 3 + 2 * part], 16)
            one = pixels[..., part]
            here &= (one >= max(0, wanted - off)) & (one <= min(255, wanted + off))
        found |= here
    return found


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a program to go, then make it."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def watch(
    condition: Callable[[], T | None], what: str, patience: float = 20.0, pause: float = 0.05
) -> T:
    """What `condition` gives, as soon as it gives something."""
    until = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {patience:g} s: {what}"
        time.sleep(pause)
    return found
