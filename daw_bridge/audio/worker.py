"""The audio process: one feeder loop between the pipe and PortAudio.

PortAudio cannot be mended inside a process. So when a stream dies the process says how far
the take was heard and exits hard, and `daw_bridge.audio_client` starts another; so does a
change of device. Nor can it be initialised twice (once JACK's library has found no server
it may hang on the next try), so a missing device is looked for by children, and PortAudio
is loaded here once, where possible only when the device is known to be there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from core.errors import AudioFailed, BadDevice, MissingProgram
from core.generation.messages import PcmBlock
from daw_bridge.audio import devices, exit_codes
from daw_bridge.audio.channel import Channel
from daw_bridge.audio.device_search import DeviceSearch
from daw_bridge.audio.devices import Kind
from daw_bridge.audio.feeder import Feeder
from daw_bridge.audio.input import DeviceInput
from daw_bridge.audio.messages import (
    AudioProblem,
    BeginTake,
    Capture,
    DeviceLost,
    EndTake,
    FinishLoop,
    InputOpened,
    Levels,
    LoopGrid,
    OpenInput,
    OpenOutput,
    OutputOpened,
    PlayLoop,
    Quit,
    SetGain,
    Silence,
)
from daw_bridge.audio.output import DeviceOutput, Output
from daw_bridge.audio.sinks import PacedOutput, WavOutput
from daw_bridge.audio.waiting import TakeRequest, WaitingCaptures, WaitingTakes

BEAT_PLAYING = 0.004  # seconds between polls
BEAT_IDLE = 0.010
LEVELS_EVERY = 0.05  # also the sign of life
STALLED = 3.0  # seconds without a callback: the sound server hangs
FADE_OUT = 0.15  # seconds at most


class Leave(Exception):
    """End the process with this exit code. Control flow inside this module."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def run_audio(connection: Connection) -> None:
    """The audio process's main function: never returns, exits hard.

    connection: the child's end of a duplex pipe. In: `AudioRequest`s and `PcmBlock`s; out:
    `AudioEvent`s. A closed pipe is a `Quit`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the application, which asks
    _hush_c_libraries()
    _hurry()
    channel = Channel(connection)
    code = 1
    try:
        code = AudioWorker(channel).run()
    except Exception as error:  # noqa: BLE001  the last stop: say it, then be started again
        traceback.print_exc()
        channel.post(AudioProblem("audio", f"the audio process failed: {error!r}"))
    finally:
        channel.flush()
        os._exit(code)  # not past PortAudio's own clean-up, which may hang or abort


class AudioWorker:
    """Owned by the feeder thread, the process's main thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._missing = DeviceSearch(channel.post)
        self._output: Output | None = None
        self._opened_as: OpenOutput | None = None
        self._feeder: Feeder | None = None
        self._input: DeviceInput | None = None
        self._captures = WaitingCaptures(channel.post)
        self._gain = 1.0
        self._backlog = WaitingTakes(channel.post)
        self._streams = 0  # PortAudio streams ever opened here
        self._loaded = False  # PortAudio was asked here, its list will not change
        self._levels_at = 0.0
        self._progress = (0, 0.0)  # frames consumed, seconds waited since
        self._looked_at = time.monotonic()

    def run(self) -> int:
        """The loop. The process's exit code."""
        try:
            while True:
                playing = self._feeder is not None and self._feeder.busy
                request = self._channel.get(BEAT_PLAYING if playing else BEAT_IDLE)
                while request is not None:
                    self._handle(request)
                    request = self._channel.get(0)
                self._beat(time.monotonic())
        except Leave as leave:
            return leave.code

    # ------------------------------------------------------------------ requests

    def _handle(self, request: Any) -> None:
        match request:
            case PcmBlock() | BeginTake() | EndTake() | PlayLoop() | LoopGrid() | FinishLoop():
                self._play(request)
            case Silence():
                self._backlog.end()
                if self._feeder:
                    self._feeder.silence()
            case SetGain(gain):
                self._gain = gain
                if self._feeder:
                    self._feeder.set_gain(request)
            case Capture():
                self._captures.add(request)
                self._captures.answer(self._input)
            case OpenOutput():
                self._missing.asked_now()
                if not request.search:  # a person asked: tell what is wrong, even if once more
                    self._missing.tell_again("output")
                if self._output and request != self._opened_as:
                    self._leave(exit_codes.START_AGAIN)
                elif request.search and self._is_device(request.device) and not self._loaded:
                    self._missing.want("output", request)  # it was lost: see first that it is back
                elif not self._output:
                    self._open("output", request)
            case OpenInput():
                if self._input:
                    self._close_input()
                self._missing.forget("input")
                if request.device == "none":
                    return
                if "output" in self._missing.wanted and not self._loaded:
                    self._missing.want("input", request)
                else:
                    self._open("input", request)
            case Quit():
                if self._feeder:
                    self._feeder.silence()
                self._leave(exit_codes.STOPPED)

    def _play(self, request: TakeRequest) -> None:
        if self._feeder is None:
            self._backlog.add(request)
            return
        match request:
            case PcmBlock():
                self._feeder.receive(request)
            case BeginTake():
                self._feeder.begin(request)
            case EndTake():
                self._feeder.end(request)
            case PlayLoop() | LoopGrid() | FinishLoop():
                self._feeder.loop(request)

    # ------------------------------------------------------------------ devices

    def _open(self, kind: Kind, request: OpenOutput | OpenInput) -> None:
        try:
            if isinstance(request, OpenOutput):
                self._open_output(request)
            else:
                self._open_input(request)
            self._missing.forget(kind)
        except (BadDevice, MissingProgram) as error:
            is_file = (request.device or "").startswith("wav:")
            retrying = isinstance(error, BadDevice) and not is_file
            self._missing.tell_lost(kind, error, retrying)
            if retrying:
                self._missing.refused(kind, request, other_plays=self._streams > 0)

    def _open_output(self, request: OpenOutput) -> None:
        ring = max(request.buffer_seconds, 0.05) * 2 + 0.1
        device = request.device or ""
        if device == "none":
            self._output = PacedOutput(ring)
        elif device.startswith("wav:"):
            self._output = WavOutput(_path(device[4:]), ring, request.resume)
        else:
            found = devices.match(self._devices(), request.device, "output")
            self._output = DeviceOutput(found, request.block_frames, ring)
            self._streams += 1
        output = self._output
        self._opened_as = request
        buffer = max(request.buffer_seconds, 0.05)
        self._feeder = Feeder(output, self._channel.post, self._gain, buffer)
        self._progress = (0, 0.0)
        channels = output.ring.channels
        self._channel.post(OutputOpened(output.name, output.rate, channels, output.latency))
        for waiting in self._backlog.hand_over():
            self._play(waiting)

    def _open_input(self, request: OpenInput) -> None:
        found = devices.match(self._devices(), request.device, "input")
        self._input = DeviceInput(found, request.keep_seconds)
        self._streams += 1
        opened = self._input
        told = InputOpened(found.name, opened.rate, opened.channels, opened.latency)
        self._channel.post(told)

    @staticmethod
    def _is_device(name: str | None) -> bool:
        return name != "none" and not (name or "").startswith("wav:")

    def _devices(self) -> list[devices.AudioDevice]:
        self._loaded = True
        return devices.scan()

    def _close_input(self) -> None:
        if self._input and self._input.alive:
            self._input.close()
        self._input = None

    # ------------------------------------------------------------------ the beat

    def _beat(self, now: float) -> None:
        if self._feeder:
            try:
                self._feeder.poll()
            except AudioFailed as error:  # a file that cannot be written any more
                self._missing.tell_lost("output", error, retrying=False)
                self._feeder.abandon()
                self._feeder = self._output = None
        if self._input:
            self._input.poll()
        self._captures.answer(self._input)
        if now - self._levels_at >= LEVELS_EVERY:
            self._levels_at = now
            played = self._feeder.levels() if self._feeder else ()
            self._channel.post(Levels(played, self._input.levels() if self._input else ()))
            self._check_streams(now)
        if self._missing.wanted:
            self._look_for_missing(now)

    def _check_streams(self, now: float) -> None:
        waited = min(now - self._looked_at, 2 * LEVELS_EVERY)  # time we slept does not count
        self._looked_at = now
        stalled = False
        if self._feeder:
            consumed, since = self._progress
            standing = self._feeder.consumed == consumed
            self._progress = (self._feeder.consumed, since + waited if standing else 0.0)
            stalled = self._progress[1] > STALLED
        for kind, stream in (("output", self._output), ("input", self._input)):
            if stream and (not stream.alive or (stalled and kind == "output")):
                text = f"the audio {kind} {stream.name!r} went away; it is opened again once back"
                if self._feeder:
                    self._feeder.poll()
                    self._feeder.report()
                self._channel.post(DeviceLost(kind, text, retrying=True))
                raise Leave(exit_codes.STREAM_LOST)

    def _look_for_missing(self, now: float) -> None:
        """Is a device that was missing back? Then open it, in a fresh process if need be."""
        if not self._missing.is_one_back:
            self._missing.look(now, other_plays=self._streams > 0)
            return
        if self._loaded:
            self._leave(exit_codes.START_AGAIN)
        for kind, request in list(self._missing.wanted.items()):
            self._open(kind, request)

    def _leave(self, code: int) -> None:
        """Fade out, close what is alive, and end the process."""
        if self._feeder:
            self._feeder.set_gain(SetGain(0.0))
            until = time.monotonic() + FADE_OUT
            while time.monotonic() < until and self._output and self._output.alive:
                self._feeder.poll()
                time.sleep(BEAT_PLAYING)
            self._feeder.report()
        self._channel.flush()  # should closing hang, the client kills what is left
        alive = all(stream.alive for stream in (self._output, self._input) if stream)
        if self._output and self._output.alive:
            self._output.close()
        self._close_input()
        if self._streams and alive:  # a JACK client that just vanishes stalls jackd -S
            devices.leave_portaudio()
        raise Leave(code)


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise BadDevice(f"{name} names the home of no user here; give the whole path") from None


def _hurry() -> None:
    """Go before the model's process on a busy machine, where the system allows it."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(-10)


def _hush_c_libraries() -> None:
    """JACK and ALSA write to file descriptor 2 when they please; Python keeps its own copy."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
