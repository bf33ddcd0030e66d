"""MIDI in: ports that come and go, on whatever API this machine has.

A virtual port 'daw-bridge' is there for the DAW to connect to (ALSA, JACK, Core MIDI), and
the ports that are named are opened as they appear. Without any MIDI the program goes on.
JACK's MIDI comes from a process of its own (jack_worker.py), with the frame of each message.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mido import Message

from daw_bridge.commands import Command
from daw_bridge.events import ControllerMapped, Event, ParameterChanged
from daw_bridge.jack_client import JackClient, jack_is_installed
from daw_bridge.midi_clock import LOST_AFTER, MidiClock
from daw_bridge.midi_mapping import MidiMapping
from daw_bridge.time_anchor import TimeAnchor

log = logging.getLogger(__name__)

CLIENT = "daw-bridge"
SCAN_EVERY = 2.0  # seconds between two looks for ports that came or went
PROBE_EVERY = 10.0  # … for any MIDI at all, where there was none
POLL = 0.25
JACK = "JACK"  # where a message came from, as ports have names
CLOCK = (0xF2, 0xF8, 0xFA, 0xFB, 0xFC)
NO_MIDI = "no MIDI on this machine"


@dataclass(frozen=True, slots=True)
class _Graph:
    """JACK: the name of our port, None while there is no server; whether one died."""

    port: str | None
    died: bool


@dataclass(frozen=True, slots=True)
class _LostTime:
    """JACK's stamps before would now be so many seconds later."""

    seconds: float


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
        self._queue: queue.SimpleQueue[
            tuple[str, list[int], float] | Event | _Graph | _LostTime | None
        ] = queue.SimpleQueue()
        self._rtmidi: Any = None
        self._open: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, name="midi", daemon=True)
        self._scanner: Any = None
        self._scanned = 0.0
        self._has_ports = False  # the system has MIDI, JACK's aside
        self._jack: JackClient | None = None
        self._jack_port: str | None = None
        self._said_off = False

    @property
    def available(self) -> bool:
        """Whether there is any MIDI now."""
        return self._has_ports or self._jack_port is not None

    def start(self) -> None:
        """Open what there is; says in one line what it found. Looks again later if nothing is."""
        try:
            import rtmidi

            self._rtmidi = rtmidi
            self._begin()
        except ImportError as missing:
            self._say(f"MIDI ports are off: python-rtmidi cannot be loaded ({missing})")
        if jack_is_installed():
            self._jack = JackClient(
                self._submit,
                lambda data, at: self._queue.put((JACK, data, at)),
                lambda seconds: self._queue.put(_LostTime(seconds)),
                lambda port, died: self._queue.put(_Graph(port, died)),
                self._wanted,
            )
            self._jack.start()  # it tells soon whether there is a server
        elif not self.available:
            self._say_off()
        self._thread.start()

    def _say_off(self) -> None:
        if not self._said_off and not self.available:
            self._said_off = True
            self._say(f"MIDI is off: {NO_MIDI} (no sequencer, no JACK server)")

    def _begin(self) -> None:
        self._scanned = time.monotonic()
        with _quiet_libraries():
            api = _usable_api(self._rtmidi, without_jack=jack_is_installed())
        if api is None:
            return
        self._api, self._has_ports = api, True
        virtual = self._open_virtual()
        self._scan()
        named = [name for name in self._open if name != CLIENT]
        heard = ([f"virtual port {CLIENT}"] if virtual else []) + named
        self._say(f"MIDI in: {', '.join(heard)}" if heard else "MIDI in: no port; use --midi-in")

    def stop(self) -> None:
        """Idempotent."""
        if self._jack is not None:
            self._jack.stop()
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(timeout=2)
        for name in list(self._open):
            self._close(name)
        if self._scanner is not None:
            self._scanner.delete()
            self._scanner = None

    def hear(self, event: Event) -> None:
        """The controller's thread: values and mappings change there."""
        if isinstance(event, ParameterChanged | ControllerMapped):
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
            elif isinstance(item, _Graph):
                self._hear_graph(item)
            elif isinstance(item, _LostTime):
                if self._clock_port == JACK:
                    self._send(self._clock.shift(item.seconds))
            else:
                self._mapping = self._mapping.told(item)
            if time.monotonic() - self._scanned > SCAN_EVERY:
                self._idle()

    def _idle(self) -> None:
        now = time.monotonic()
        self._send(self._clock.quiet(now))
        if self._has_ports and now - self._scanned > SCAN_EVERY:
            self._scan()
        elif not self._has_ports and self._rtmidi and now - self._scanned > PROBE_EVERY:
            self._begin()

    def _hear_graph(self, graph: _Graph) -> None:
        self._jack_port = graph.port
        if graph.port is not None:
            self._say(f"MIDI in: JACK port {graph.port}")
        elif graph.died:
            self._say("the JACK server is gone; its MIDI and transport come back with it")
        else:
            self._say_off()

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

    def _wants(self, name: str) -> bool:
        if self._wanted is None or "through" in name.lower():
            return False
        return self._wanted == "all" or self._wanted.lower() in name.lower()

    def _new_port(self, name: str) -> Any:
        port = self._rtmidi.MidiIn(self._api, name=CLIENT)
        port.ignore_types(sysex=True, timing=False, active_sense=True)

        anchor, device = TimeAnchor(), 0.0

        def heard(event: tuple[list[int], float], _: object) -> None:
            nonlocal device
            now, device = time.monotonic(), device + event[1]  # the driver's own time
            anchor.note(device, now)
            self._queue.put((name, event[0], min(now, anchor.at(device))))

        port.set_callback(heard)
        return port

    def _close(self, name: str) -> None:
        port = self._open.pop(name)
        with contextlib.suppress(RuntimeError, SystemError, OSError):
            port.cancel_callback()
            port.close_port()
            port.delete()


def _usable_api(rtmidi: Any, *, without_jack: bool = False) -> int | None:
    """The system's own API where it works; JACK's where nothing else knows JACK."""
    for api in rtmidi.get_compiled_api():
        if api == rtmidi.API_RTMIDI_DUMMY:
            continue
        if api == rtmidi.API_UNIX_JACK and without_jack:
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
