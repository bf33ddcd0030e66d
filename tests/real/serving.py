"""The whole program as a child process, and an OSC client beside it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Program:
    """`daw-bridge serve` on a port of its own; ended when the context ends.

    display: of an X server; the panel is then open too.
    """

    def __init__(self, folder: Path, *options: str, display: str | None = None) -> None:
        self.port = free_port()
        self.takes = folder / "takes"
        self.lines: list[str] = []
        command = [sys.executable, "-m", "daw_bridge", *(["serve"] if display is None else [])]
        command += ["--osc-port", str(self.port), "--takes", str(self.takes), *options]
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "300"}
        for name in ("DATA", "CONFIG", "STATE"):  # also where a program outlives a test
            environment[f"XDG_{name}_HOME"] = str(folder / "home" / name.lower())
        if display is not None:
            environment |= {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip())

    def wait_for(self, text: str, timeout: float = 60.0) -> str:
        """The first line that holds `text`."""
        until = time.monotonic() + timeout
        while True:
            for line in list(self.lines):
                if text in line:
                    return line
            alive = self._process.poll() is None
            assert alive, f"the program ended: {self.lines}"
            assert time.monotonic() < until, f"no {text!r} in {self.lines}"
            time.sleep(0.02)

    def wait_for_take(self, timeout: float = 60.0) -> Path:
        """The WAV of the take that is finished first."""
        until = time.monotonic() + timeout
        while not (found := sorted(self.takes.rglob("*.wav"))):
            assert time.monotonic() < until, f"no take in {timeout} s; {self.lines}"
            time.sleep(0.02)
        return found[0]

    @property
    def pid(self) -> int:
        return self._process.pid

    def children(self) -> list[int]:
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *left: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)


class OscClient:
    """Sends to a port and hears the replies to its own, each with the time it came."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.connect(("127.0.0.1", port))
        self._heard: queue.Queue[tuple[float, str, list[Any]]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(65_536)
            except OSError:
                return
            if not data:
                return
            message = OscMessage(data)
            self._heard.put((time.monotonic(), message.address, list(message.params)))

    def send(self, address: str, *values: Any) -> float:
        """Returns time.monotonic() just before the packet left."""
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        at = time.monotonic()
        self._socket.send(builder.build().dgram)
        return at

    def wait_for(self, address: str, timeout: float = 30.0) -> tuple[float, list[Any]]:
        until = time.monotonic() + timeout
        others = []
        while True:
            left = until - time.monotonic()
            assert left > 0, f"no {address} within {timeout} s; heard {others}"
            try:
                at, heard, values = self._heard.get(timeout=left)
            except queue.Empty:
                continue
            if heard == address:
                return at, values
            others.append((heard, values))

    def status(self) -> dict[str, Any]:
        """The answer to /musicgen/status by name."""
        self.send("/musicgen/status")
        _, values = self.wait_for("/musicgen/status")
        return dict(zip(values[::2], values[1::2], strict=True))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._socket.close()
