"""The guide's texts: how sound gets into a DAW, and what to click in each. Read from presets/.

One source: the same files are what docs/routing.md leads to.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

HERE = {"linux": "linux", "darwin": "macos", "win32": "windows"}
KNOWN = ("ableton", "reaper", "bitwig", "logic", "ardour", "puredata")  # in the order of use
LOOPBACKS = (
    "blackhole", "cable input", "cable output", "vb-audio", "vb-cable", "soundflower", "loopback",
    "jack audio connection kit", "pipewire", "monitor of",
)  # fmt: skip
MORE = re.compile(r"\s+More in \[[^\]]+\]\((?!https?://)[^)]*\)\.")  # a page that is not here
LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]*\)")


@dataclass(frozen=True, slots=True)
class Chapter:
    """text: Markdown, whose links lead to the web or nowhere."""

    key: str
    title: str
    text: str


def routes(platform: str = sys.platform) -> tuple[Chapter, ...]:
    """Ways for sound on this system, then the one that needs no loopback."""
    system = HERE.get(platform, "linux")
    files = sorted(_files("routes"), key=lambda file: file.name)
    here = [file for file in files if file.name.startswith(system)]
    anywhere = [file for file in files if file.name.startswith("without")]
    return tuple(_chapter(file.name.removesuffix(".md"), file) for file in (*here, *anywhere))


def daws() -> tuple[Chapter, ...]:
    """What to click in each DAW."""
    folders = {folder.name: folder / "README.md" for folder in _files("daws")}
    order = sorted(folders, key=lambda name: KNOWN.index(name) if name in KNOWN else len(KNOWN))
    return tuple(_chapter(name, folders[name]) for name in order if folders[name].is_file())


def loopbacks(devices: Iterable[str]) -> tuple[str, ...]:
    """Those of these devices (full names) that lead to other programs and not to the ear."""
    return tuple(name for name in devices if any(mark in name.casefold() for mark in LOOPBACKS))


def _files(folder: str) -> list[Traversable]:
    return list((resources.files("presets") / folder).iterdir())


def _chapter(key: str, file: Traversable) -> Chapter:
    text = file.read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("# ").strip()
    return Chapter(key, title, LINK.sub(r"\1", MORE.sub("", text)))
