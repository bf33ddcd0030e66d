"""Ardour 7, a real DAW, on a jackd of the test: it rolls, sends MIDI clock, and records us."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from tests.conftest import require_program
from tests.real.conftest import JackServer, wait_for
from tests.real.desktop import Desktop
from tests.real.serving import OscClient

LIBRARY, DATA, CONFIG = Path("/usr/lib/ardour7"), "/usr/share/ardour7", "/etc/ardour7"
OSC_PORT = 3819
TRACK = ("ardour:cap/audio_in 1", "ardour:cap/audio_in 2")
CLOCK = "ardour:MIDI Clock out"
SCREEN = (1400, 900)
ON_ONE_CORE = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
STARTS = 6  # at most, see `_comes_up`
SETTLES = 3.0  # seconds after its track is there
MAKE = """
AudioEngine:set_backend("JACK", "", "")
create_session("{folder}", "sess", {rate})
local last, normal = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
Session:new_audio_track(2, 2, nil, 1, "cap", last, normal, true)
Session:save_state("", false, false, false, false, false)
sleep(1)
close_session()
quit()
"""
# The engine's settings as Ardour's own dialog would leave them, and MIDI clock out.
SETTINGS = """<Ardour><Config>
<Option name="send-midi-clock" value="1"/><Option name="try-autostart-engine" value="1"/>
</Config><Extra><AudioMIDISetup><EngineStates><State backend="JACK" driver="" device=""
input-device="" output-device="" sample-rate="{rate}" buffer-size="{period}" n-periods="2"
input-latency="0" output-latency="0" lm-input="" lm-output="" active="1" use-buffered-io="0"
midi-option="" lru="1"><MIDIDevices/></State></EngineStates></AudioMIDISetup></Extra></Ardour>
"""


class Ardour:
    """One session with one stereo track, `cap`. Use as a context manager."""

    def __init__(self, folder: Path, server: JackServer, tempo: float) -> None:
        require_program("ardour")
        self.server, self.tempo = server, tempo
        self.folder, self._home = folder / "session", folder / "ardour-home"
        self._environment = os.environ | {
            "LD_LIBRARY_PATH": str(LIBRARY),
            "ARDOUR_DATA_PATH": DATA,
            "ARDOUR_CONFIG_PATH": CONFIG,
            "ARDOUR_DLL_PATH": str(LIBRARY),
            "ARDOUR_TRY_AUTOSTART_ENGINE": "1",
            "HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._home / ".config"),
        }
        self._log = folder / "ardour.log"
        self._processes: list[subprocess.Popen[Any]] = []
        self._osc: OscClient | None = None
        self._make_session(folder)
        self.desktop = Desktop(SCREEN, tray=False)

    def _make_session(self, folder: Path) -> None:
        settings = self._home / ".config" / "ardour7"
        settings.mkdir(parents=True)
        (settings / ".a7").touch()  # it has been started before: no welcome
        # Nor the dialog, on a jackd with priority, about the user's limit of locked memory.
        (settings / "instant.xml").write_text("<instant><no-memory-warning/></instant>")
        script = folder / "make.lua"
        script.write_text(MAKE.format(folder=self.folder, rate=self.server.rate))
        subprocess.run(
            [*ON_ONE_CORE, LIBRARY / "luasession", script],
            env=self._environment, timeout=60, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        (settings / "config").write_text(  # luasession has written its own
            SETTINGS.format(rate=self.server.rate, period=self.server.period)
        )
        session = self.folder / "sess.ardour"
        text = session.read_text()
        text = text.replace('(OSC)" active="0"', '(OSC)" active="1"')
        text, tempi = re.subn(
            r'npm="120" enpm="120"', f'npm="{self.tempo:g}" enpm="{self.tempo:g}"', text
        )
        assert tempi == 1, "the session's tempo was not where it is expected"
        session.write_text(text)

    def __enter__(self) -> Ardour:
        try:
            self._environment["DISPLAY"] = self.desktop.display
            for _ in range(STARTS):
                if self._comes_up():
                    break
            else:
                raise AssertionError(f"Ardour lost its place in jackd {STARTS} times")
            self._osc = OscClient(OSC_PORT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _comes_up(self) -> bool:
        """False where it has to be started again, on a new jackd.

        Threads of Ardour's ask jackd at once while it loads, and libjack lets them write into one
        socket: in 5 of 12 starts, with nothing else running, jackd then read nonsense and forgot
        some of it. On one core they hardly meet: none of 10.
        """
        if self.server.confused():  # by `luasession`
            self.server.restart()
        self._start(*ON_ONE_CORE, "ardour", "-P", "-a", "-n", str(self.folder / "sess.ardour"))
        wait_for(lambda: TRACK[0] in self.ports() or self.server.confused(), 60, "Ardour is there")
        time.sleep(SETTLES)  # its OSC is up a little after its ports
        if not self.server.confused() and TRACK[0] in self.ports():
            for thread in Path(f"/proc/{self._processes[-1].pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), os.sched_getaffinity(0))
            return True
        self._end(self._processes.pop())
        self.server.restart()
        return False

    def _start(self, *command: str) -> None:
        with self._log.open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    command, env=self._environment, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, process_group=0,
                )
            )  # fmt: skip

    def __exit__(self, *left: object) -> None:
        if self._osc is not None:
            self._osc.close()
        for process in reversed(self._processes):
            self._end(process)
        self.desktop.close()

    @staticmethod
    def _end(process: subprocess.Popen[Any]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # asked to quit, it may ask back
        process.wait()

    def ports(self) -> list[str]:
        done = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=False, timeout=10)
        return done.stdout.splitlines()

    def send(self, address: str, *values: object) -> None:
        assert self._osc is not None
        self._osc.send(address, *values)

    def record(self) -> None:
        """From the session's start, on track `cap`, rolling."""
        self.send("/strip/recenable", 1, 1)
        time.sleep(0.3)
        self.send("/rec_enable_toggle")
        time.sleep(0.3)
        self.send("/transport_play")

    def stop(self) -> NDArray[np.float32]:
        """Stop; what was recorded [frames, channels], from the start of the session on."""
        self.send("/transport_stop")
        time.sleep(3.0)  # the butler writes what is left
        self.send("/save_state")
        time.sleep(1.0)
        found = sorted(self.folder.glob("interchange/*/audiofiles/*.wav"))
        assert len(found) == 2, f"a stereo track has two files; there are {found}"
        sides = [sf.read(path, dtype="float32")[0] for path in found]
        length = min(len(side) for side in sides)
        return np.stack([side[:length] for side in sides], axis=1)
