"""Numbers of takes: never given twice, also by two programs that share a folder. And which take
is the current one.

Both are kept in `.daw-bridge` inside the folder. A program claims a thousand numbers with a
lock that ends with it, so that a second one gives others, and nothing has to be asked while
music is made.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from filelock import FileLock, Timeout

from daw_bridge.atomic import replace_file

BLOCK = 1_000  # numbers that a program claims
PATIENCE = 5.0  # seconds to wait for another program that is claiming


class TakeNumbers:
    """Of one folder, for one program."""

    def __init__(self, folder: Path) -> None:
        """Never raises: without its file the takes themselves say which numbers are gone."""
        self._folder = folder / ".daw-bridge"
        self._claimed: FileLock | None = None
        self.last, self.current = self._read()

    def claim(self, highest: int) -> int:
        """The first number that this program may give, above `highest` and all given before."""
        first = max(highest, self.last) + 1
        with contextlib.suppress(OSError, Timeout):  # a disk that is full: nobody else writes
            self._folder.mkdir(exist_ok=True)
            with FileLock(self._folder / "numbers.lock", timeout=PATIENCE):
                for other in self._others():
                    if first < other + BLOCK:
                        first = other + BLOCK
                claimed = FileLock(self._folder / f"claim-{first}", timeout=0)
                claimed.acquire()
                self._claimed = claimed
        return first

    def release(self) -> None:
        if self._claimed is not None:
            self._claimed.release()
            with contextlib.suppress(OSError):
                Path(self._claimed.lock_file).unlink()
            self._claimed = None

    def note(self, *, last: int = 0, current: int | None = None) -> None:
        """Remember the highest number given, and the current take. Raises OSError."""
        there, _ = self._read()  # another program may have gone on
        before = (self.last, self.current)
        self.last = max(self.last, there, last)
        self.current = self.current if current is None else current
        if (self.last, self.current) == before and current is None:
            return
        self._folder.mkdir(exist_ok=True)
        with replace_file(self._folder / "tree.json") as file:
            table = {"version": 1, "last": self.last, "current": self.current}
            file.write(json.dumps(table).encode())

    def _others(self) -> list[int]:
        """First numbers of the claims of programs that run; what dead ones left is removed."""
        alive = []
        for path in sorted(self._folder.glob("claim-*")):
            named = re.fullmatch(r"claim-(\d{1,9})", path.name)
            if named is None:
                continue
            lock = FileLock(path, timeout=0)
            try:
                lock.acquire()
            except Timeout:
                alive.append(int(named[1]))
            else:
                lock.release()
                path.unlink(missing_ok=True)
        return sorted(alive)

    def _read(self) -> tuple[int, int]:
        try:
            table = json.loads((self._folder / "tree.json").read_text(encoding="utf-8"))
            last, current = table["last"], table["current"]
            if isinstance(last, int) and isinstance(current, int) and 0 <= last < 10**9:
                return last, current
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        return 0, 0
