"""Real programs for the tests in this folder: a jackd of their own, and what records it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from core.generation.messages import PcmBlock
from daw_bridge.audio.messages import AudioEvent, AudioRequest, Levels
from daw_bridge.audio_client import AudioClient
from tests.conftest import require_program


class JackServer:
    """jackd on the dummy driver, synchronous (-S): bit-exact even on a busy machine.

    A client that is killed stalls a synchronous jackd for good: for that, synchronous=False.
    realtime: as a studio's runs, where this user may; for tests with more load than cores.
    """

    def __init__(
        self, name: str, log: Path, rate: int, period: int, synchronous: bool = True,
        realtime: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.rate, self.period = name, rate, period
        self._priority = "-R -P 10" if realtime and _may_have_priority() else "--no-realtime"
        self._mode = "-S -t 5000" if synchronous else "-t 1000"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = f"jackd {self._priority} {self._mode} -n {self.name} -d dummy"
        command = [*words.split(), "-r", str(self.rate), "-p", str(self.period)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        socket = Path(f"/dev/shm/jack_{self.name}_{os.getuid()}_0")  # a little before the server
        wait_for(lambda: socket.exists() and bool(self.ports()), 5.0, "jackd is up")

    def kill(self) -> None:
        """As a crash would: SIGKILL, and the shared memory of this server alone goes."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        for pattern in (f"jack_{self.name}_*", f"jack_sem.*_{self.name}_*", f"jack*{self.name}*"):
            for left in Path("/dev/shm").glob(pattern):
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it by SIGTERM. One that had to be killed keeps one of the eight places in JACK's

        registry until another of its name takes it over and ends in good order.
        """
        for _ in range(2):
            if self._process is None:
                self.start()
            assert self._process is not None
            self._process.terminate()
            try:
                self._process.wait(2.0)
            except subprocess.TimeoutExpired:
                self.kill()
            else:
                self._process = None
                return
        self.kill()

    def restart(self) -> None:
        """A new one in its place, with a log of its own."""
        self.stop()
        self._log.unlink()
        self.start()

    def confused(self) -> bool:
        """A client's requests came in pieces: whoever sent them has lost its place."""
        return "Unknown request" in self._log.read_text(errors="replace")

    def ports(self) -> list[str]:
        done = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=False, timeout=10)
        return done.stdout.split() if done.returncode == 0 else []

    def xruns(self) -> int:
        """How often jackd itself was late, which delays audio but loses none with -S."""
        return self._log.read_text(errors="replace").count("XRun")

    def connect(self, source: str, sink: str) -> None:
        """Ports of a program that is still starting come and go: tries until it holds."""

        def connected() -> bool:
            done = subprocess.run(["jack_connect", source, sink], capture_output=True, timeout=10)
            return done.returncode == 0

        wait_for(connected, 20, f"{source} is connected to {sink}")


def _may_have_priority() -> bool:
    words = ["chrt", "-f", "10", "true"]
    return shutil.which("chrt") is not None and subprocess.run(words, check=False).returncode == 0


class JackRecording:
    """jack_rec on the outputs from now on, for whole `seconds` (it takes no others) at most."""

    def __init__(self, server: JackServer, path: Path, seconds: int, ports: list[str]) -> None:
        self._path = path
        words = ["jack_rec", "-f", str(path), "-b", "32", "-d", str(seconds), *ports]
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        recording = lambda: path.exists() and path.stat().st_size > 4096  # noqa: E731
        try:
            wait_for(recording, 5.0, "jack_rec records")
        except AssertionError:
            self.stop()
            raise

    def result(self) -> NDArray[np.float32]:
        """[frames, channels], once the time is over."""
        self._process.wait(60.0)
        return sf.read(self._path, dtype="float32", always_2d=True)[0]

    def so_far(self) -> NDArray[np.float32]:
        """[frames, channels] up to now, or a little more. Ends it."""
        time.sleep(0.2)  # what is on its way to the file
        self._process.send_signal(signal.SIGINT)
        return self.result()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class AudioRig:
    """An `AudioClient` whose events are kept, and shorthands to play through it."""

    def __init__(self) -> None:
        self.client = AudioClient()
        self.events: list[tuple[float, AudioEvent]] = []
        self.client.start(lambda event: self.events.append((time.monotonic(), event)))

    def send(self, request: AudioRequest) -> None:
        self.client.send(request)

    def of(self, kind: type) -> list:
        return [event for _, event in list(self.events) if isinstance(event, kind)]

    def wait(self, kind: type, count: int = 1, timeout: float = 10.0) -> list:
        """Until `count` events of `kind` have come: all of them."""
        what = f"{count} × {kind.__name__}"
        try:
            wait_for(lambda: len(self.of(kind)) >= count, timeout, what)
        except AssertionError as error:
            told = [event for _, event in self.events if not isinstance(event, Levels)]
            raise AssertionError(f"{error}; there was {told[-10:]}") from None
        return self.of(kind)

    def play(self, pcm: NDArray[np.float32], take: int = 1, epoch: int = 1, first: int = 0,
             last: bool = True, size: int = 6400) -> None:  # fmt: skip
        """Hand `pcm` [samples, channels] over in blocks of `size`."""
        starts = range(0, len(pcm), size)
        for start in starts:
            end = last and start == starts[-1]
            block = PcmBlock(take, epoch, first + start, pcm[start : start + size], end)
            self.client.play(block)


def wait_for(condition: Callable[[], bool], timeout: float, what: str) -> None:
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"not within {timeout} s: {what}"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model. Most tests here need no torch, so what loads it is imported late."""
    from tests.core.tiny_checkpoints import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


@contextlib.contextmanager
def going_first() -> Iterator[None]:
    """Where allowed, this test and what it starts go before whatever else the machine does.

    A client of a synchronous jackd that has to wait for a processor makes it late, and a
    test of timing would measure that.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture
def ahead_of_others() -> Iterator[None]:
    with going_first():
        yield


@pytest.fixture
def jack_server(
    ahead_of_others: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., JackServer]]:
    """Call it once for a running jackd: `jack_server(rate=48000, period=256)`."""
    for program in ("jackd", "jack_lsp", "jack_connect"):
        require_program(program)
    servers: list[JackServer] = []
    name = f"dawtest{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)  # before any child is started
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")

    def start(
        rate: int = 48_000, period: int = 256, synchronous: bool = True, realtime: bool = False
    ) -> JackServer:
        server = JackServer(name, tmp_path / "jackd.log", rate, period, synchronous, realtime)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def jack_rec(tmp_path: Path) -> Iterator[Callable[..., JackRecording]]:
    """Call it to record: `jack_rec(server, seconds)` → a `JackRecording`."""
    require_program("jack_rec")
    recordings: list[JackRecording] = []

    def start(
        server: JackServer, seconds: int, ports: tuple[str, ...] | None = None
    ) -> JackRecording:
        path = tmp_path / f"capture{len(recordings)}.wav"
        chosen = list(ports or ("PortAudio:out_0", "PortAudio:out_1"))
        recordings.append(JackRecording(server, path, seconds, chosen))
        return recordings[-1]

    yield start
    for recording in recordings:
        recording.stop()


@pytest.fixture
def audio_rig(jack_server: Callable[..., JackServer]) -> Iterator[AudioRig]:
    """An audio client of the application's kind; ended before its jackd."""
    rig = AudioRig()
    yield rig
    rig.client.stop()
