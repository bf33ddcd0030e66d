"""LinkHut: a peer in an Ableton Link session, by Ableton itself."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import time

from tests.conftest import require_program


class LinkHut:
    """The example program of Ableton's own library, driven by its keys."""

    def __init__(self) -> None:
        require_program("LinkHut")
        ours, its = pty.openpty()
        self._keys, self._shown = ours, b""
        self._process = subprocess.Popen(
            ["LinkHut"], stdin=its, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.close(its)
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)

    def press(self, keys: str) -> None:
        for key in keys:
            os.write(self._keys, key.encode())
            time.sleep(0.02)

    def line(self) -> dict[str, str]:
        """enabled, peers, quantum, sync, tempo, beats: what it shows now."""
        assert self._process.stdout
        self._shown = (self._shown + (self._process.stdout.read() or b""))[-4000:]
        lines = [li for li in re.split(rb"[\r\n]+", self._shown) if li.count(b"|") == 6]
        assert lines, self._shown
        names = ("enabled", "peers", "quantum", "sync", "tempo", "beats")
        return dict(zip(names, (c.decode().strip() for c in lines[-1].split(b"|")), strict=False))

    def close(self) -> None:
        if self._process.poll() is None:
            self.press("q")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)
            self._process.kill()
            self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        os.close(self._keys)
