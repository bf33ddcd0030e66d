"""MIDI in: ports that come and go, on whatever API this machine has.

A virtual port 'daw-bridge' is there for the DAW to connect to (ALSA, JACK, Core MIDI), and
the ports that are named are opened as they appear. Without any MIDI the program goes on.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from mido import Message

from daw_bridge.commands import Command
from daw_bridge.events import ControllerMapped, Event, ParameterChanged, Problem
from daw_bridge.midi_clock import LOST_AFTER, MidiClock
from daw_bridge.midi_mapping import MidiMapping

log = logging.getLogger(__name__)

CLIENT = "daw-bridge"
SCAN_EVERY = 2.0  # seconds between two looks for ports that came or went
PROBE_EVERY = 10.0  # … for any MIDI at all, where there was none
POLL = 0.25
CLOCK = (0xF2, 0xF8, 0xFA, 0xFB, 0xFC)
NO_MIDI = "no MIDI on this machine"


class MidiInput:
    """One thread that turns what the ports hear into commands."""

    def __init__(
        self,
        submit: Callable[[Command], None],
        mapping: MidiMapping | None = None,
        wanted: str | None = None,
        say: Callable[[str], None] = log.info,
    ) -> None:
        """wanted: part of the names of ports to open; 'all' opens every one, None none but
        the virtual port. say: one line for a person."""
        self._submit, self._wanted, self._say = submit, wanted, say
        self._mapping = mapping or MidiMapping()
        self._clock, self._clock_port = MidiClock(), ""  # of the port that ticks
        self._ticked = 0.0
        self._queue: queue.SimpleQueue[tuple[str, list[int], float] | Event | None]
        self._in_doubt = False  # the sound server may have died, and the ports with it
        self._queue = queue.SimpleQueue()
        self._open: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, name="midi", daemon=True)
        self._scanner: Any = None
        self._scanned = 0.0
        self.available = False

    def start(self) -> None:
        """Open what there is; says in one line what it found. Looks again later if nothing is."""
        try:
            import rtmidi
        except ImportError as missing:
            self._say(f"MIDI is off: python-rtmidi cannot be loaded ({missing})")
            return
        self._rtmidi = rtmidi
        self._begin()
        if not self.available:
            self._say(f"MIDI is off: {NO_MIDI} (no sequencer, no JACK server)")
        self._thread.start()

    def _begin(self) -> None:
        self._scanned = time.monotonic()
        with _quiet_libraries():
            api = _usable_api(self._rtmidi)
        if api is None:
            return
        self._api, self.available = api, True
        virtual = self._open_virtual()
        self._scan()
        named = [name for name in self._open if name != CLIENT]
        heard = ([f"virtual port {CLIENT}"] if virtual else []) + named
        self._say(f"MIDI in: {', '.join(heard)}" if heard else "MIDI in: no port; use --midi-in")

    def stop(self) -> None:
        """Idempotent."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(timeout=2)
        if self._open:
            self._check_server()
        for name in list(self._open):
            self._close(name)
        if self._scanner is not None:
            self._scanner.delete()
            self._scanner = None

    def hear(self, event: Event) -> None:
        """The controller's thread: values and mappings change there, and sound servers die."""
        if isinstance(event, ParameterChanged | ControllerMapped) or _of_the_sound(event):
            self._queue.put(event)

    def port_names(self) -> list[str]:
        """What could be opened."""
        if self._scanner is None:
            self._scanner = self._rtmidi.MidiIn(self._api, name=f"{CLIENT}-scan")
        return [n for n in self._scanner.get_ports() if CLIENT not in n]

    # ------------------------------------------------------------------ its thread

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=POLL)
            except queue.Empty:
                self._idle()
                continue
            if item is None:
                return
            if isinstance(item, tuple):
                self._hear_port(*item)
            elif isinstance(item, Problem):
                self._in_doubt, self._scanned = True, time.monotonic()  # settled at the next scan
            else:
                self._mapping = self._mapping.told(item)
            if time.monotonic() - self._scanned > SCAN_EVERY:
                self._idle()

    def _idle(self) -> None:
        now = time.monotonic()
        self._send(self._clock.quiet(now))
        if self.available and now - self._scanned > SCAN_EVERY:
            if self._in_doubt:
                self._in_doubt = False
                self._check_server()
            if self.available:
                self._scan()
        elif not self.available and now - self._scanned > PROBE_EVERY:
            self._begin()

    def _hear_port(self, port: str, data: list[int], at: float) -> None:
        if data and data[0] in CLOCK:
            self._hear_clock(port, data, at)
            return
        try:
            message = Message.from_bytes(data)
        except ValueError:
            return  # half a message: some drivers cut them
        self._mapping, commands = self._mapping.heard(message)
        self._send(list(commands))

    def _hear_clock(self, port: str, data: list[int], at: float) -> None:
        """One sender leads: another is heard once that one has been quiet for a while."""
        if port != self._clock_port:
            if self._clock_port and at - self._ticked <= LOST_AFTER:
                return
            self._clock, self._clock_port = MidiClock(), port
        self._ticked, clock = at, self._clock
        match data:
            case [0xF8]:
                self._send(clock.tick(at))
            case [0xFA]:
                self._send(clock.start(at))
            case [0xFB]:
                self._send(clock.resume(at))
            case [0xFC]:
                self._send(clock.stop(at))
            case [0xF2, low, high]:
                self._send(clock.song_position(low | high << 7, at))
            case _:
                pass

    def _send(self, commands: list[Command]) -> None:
        for command in commands:
            self._submit(command)

    # ------------------------------------------------------------------ ports

    def _open_virtual(self) -> bool:
        if sys.platform == "win32":  # has no virtual ports
            return False
        try:
            port = self._new_port(CLIENT)
            port.open_virtual_port("in")
        except (RuntimeError, SystemError, OSError, NotImplementedError) as refused:
            log.debug("no virtual MIDI port: %s", refused)
            return False
        self._open[CLIENT] = port
        return True

    def _scan(self) -> None:
        """Open what is wanted and has come, close what has gone."""
        self._scanned = time.monotonic()
        try:
            there = self.port_names()
        except (RuntimeError, SystemError, OSError) as gone:
            log.debug("MIDI ports cannot be listed: %s", gone)
            return
        for name in [n for n in self._open if n != CLIENT and n not in there]:
            self._close(name)
            self._say(f"MIDI port {name} is gone; it is opened again when it is back")
        for index, name in enumerate(self._scanner.get_ports()):
            if name in there and name not in self._open and self._wants(name):
                try:
                    port = self._new_port(name)
                    port.open_port(index, "in")
                    self._open[name] = port
                except (RuntimeError, SystemError, OSError) as refused:
                    log.debug("MIDI port %s cannot be opened: %s", name, refused)

    def _check_server(self) -> None:
        """A JACK server that died takes our ports along, and their library does not notice:
        a new client sees whether our virtual port is still there."""
        if self._api != self._rtmidi.API_UNIX_JACK or CLIENT not in self._open:
            return
        with _quiet_libraries():
            try:
                probe = self._rtmidi.MidiOut(self._api, name=f"{CLIENT}-probe")
                alive = any(CLIENT in name for name in probe.get_ports())
                probe.delete()
            except (RuntimeError, SystemError, OSError):
                alive = False
            if alive:
                return
        for dead in (*self._open.values(), self._scanner):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(dead))  # closing it would crash us
        self._open, self._scanner = {}, None
        self.available, self._scanned = False, time.monotonic()
        self._say("MIDI is off: the JACK server is gone; the ports come back with it")

    def _wants(self, name: str) -> bool:
        if self._wanted is None or "through" in name.lower():
            return False
        return self._wanted == "all" or self._wanted.lower() in name.lower()

    def _new_port(self, name: str) -> Any:
        port = self._rtmidi.MidiIn(self._api, name=CLIENT)
        port.ignore_types(sysex=True, timing=False, active_sense=True)

        def heard(event: tuple[list[int], float], _: object) -> None:
            self._queue.put((name, event[0], time.monotonic()))

        port.set_callback(heard)
        return port

    def _close(self, name: str) -> None:
        port = self._open.pop(name)
        with contextlib.suppress(RuntimeError, SystemError, OSError):
            port.cancel_callback()
            port.close_port()
            port.delete()


def _of_the_sound(event: Event) -> bool:
    return isinstance(event, Problem) and event.origin.source == "audio"


def _usable_api(rtmidi: Any) -> int | None:
    """The system's own API where it works, JACK's where only that one does."""
    for api in rtmidi.get_compiled_api():
        if api == rtmidi.API_RTMIDI_DUMMY:
            continue
        try:
            probe = rtmidi.MidiIn(api, name=f"{CLIENT}-probe")
            probe.get_ports()
            probe.delete()
            return api
        except (RuntimeError, SystemError, OSError) as unusable:
            log.debug("MIDI API %s: %s", rtmidi.get_api_name(api), unusable)
    return None


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """ALSA's and JACK's libraries write to file descriptor 2 themselves when they are not
    there; what matters of it is said in one line of ours."""
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all: a windowed Windows program
        yield
        return
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


def midi_ports() -> tuple[str, list[str]]:
    """The API in use and the ports there are, for `daw-bridge devices` and `doctor`."""
    try:
        import rtmidi
    except ImportError as missing:
        return f"python-rtmidi cannot be loaded ({missing})", []
    with _quiet_libraries():
        api = _usable_api(rtmidi)
        if api is None:
            return NO_MIDI, []
        scanner = rtmidi.MidiIn(api, name=f"{CLIENT}-list")
        try:
            return rtmidi.get_api_display_name(api), list(scanner.get_ports())
        finally:
            scanner.delete()
