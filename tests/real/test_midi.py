"""MIDI through JACK: jack_midi_clock, a clock no one here wrote, into our virtual port."""

from __future__ import annotations

import queue
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import jack
import pytest

from daw_bridge.commands import (
    ClockLost,
    ClockPosition,
    ClockRolling,
    ClockTempo,
    Command,
    Generate,
    Panic,
)
from daw_bridge.midi_ports import MidiInput
from tests.conftest import require_program
from tests.real.conftest import JackServer, wait_for

pytestmark = pytest.mark.real


class Heard:
    """What MIDI asked for, as it comes."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.lines: list[str] = []

    def of(self, kind: type) -> list:
        return [c for c in list(self.commands) if isinstance(c, kind)]


@pytest.fixture
def server(jack_server: Callable[..., JackServer]) -> JackServer:
    return jack_server()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def midi(server: JackServer, heard: Heard) -> Iterator[MidiInput]:
    midi = MidiInput(heard.commands.append, say=heard.lines.append)
    midi.start()
    our_port(server)
    yield midi
    midi.stop()


@pytest.fixture
def transport(server: JackServer) -> Iterator[jack.Client]:
    client = jack.Client("test-transport", no_start_server=True)
    yield client
    client.transport_stop()
    client.close()


def our_port(server: JackServer) -> str:
    wait_for(lambda: any("daw-bridge" in p for p in server.ports()), 5, "our virtual port")
    return next(p for p in server.ports() if p.startswith("daw-bridge") and p.endswith(":in"))


BPM = 187.5


# jack_midi_clock makes each interval longer or shorter by up to so many percent and never
# makes up for it, so its own tempo wanders: over eight beats by 0.2 bpm at 2 %, 1.8 at 20 %.
@pytest.mark.parametrize(
    ("jitter", "within"), [(2, 1.0), pytest.param(20, 8.0, marks=pytest.mark.accept)]
)
def test_a_foreign_clock_is_followed(
    server: JackServer,
    midi: MidiInput,
    heard: Heard,
    transport: jack.Client,
    jitter: int,
    within: float,
) -> None:
    require_program("jack_midi_clock")
    words = ["jack_midi_clock", "-b", str(BPM), "-B", "-P", "-J", str(jitter), our_port(server)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as clock:
        try:
            wait_for(lambda: any("jack_midi_clock" in p for p in server.ports()), 5, "its port")
            transport.transport_start()
            wait_for(lambda: len(heard.of(ClockPosition)) >= 9, 12, "eight beats")

            began, first = time.monotonic(), transport.transport_frame
            time.sleep(2.6)  # eight beats more, the whole of the clock's line
            passed, frames = time.monotonic() - began, transport.transport_frame - first
            # A jackd that is kept waiting by a busy machine loses time, and the clock with it.
            true = BPM * frames / server.rate / passed
            said = heard.of(ClockTempo)[-1].bpm
            assert min(true, BPM) - within <= said <= max(true, BPM) + within
            assert [c.rolling for c in heard.of(ClockRolling)] == [True]
            whole = [c.beat for c in heard.of(ClockPosition)[1:] if c.beat % 1 == 0]
            assert whole[:8] == list(range(8))
            transport.transport_stop()
            wait_for(lambda: not heard.of(ClockRolling)[-1].rolling, 3, "it stopped")
            wait_for(lambda: bool(heard.of(ClockLost)), 4, "its silence is told")
        finally:
            clock.send_signal(signal.SIGINT)  # SIGTERM would leave jackd waiting for it


def test_notes_and_panic_from_another_client(
    server: JackServer, midi: MidiInput, heard: Heard
) -> None:
    import rtmidi

    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="keys")
    out.open_virtual_port("out")
    try:
        keys = next(p for p in server.ports() if p.startswith("keys"))
        server.connect(keys, our_port(server))
        time.sleep(0.2)
        for message in ([0x90, 60, 100], [0x80, 60, 0], [0xB0, 123, 0]):
            out.send_message(message)
        wait_for(lambda: len(heard.commands) >= 2, 3, "note and panic")
        assert [type(c) for c in heard.commands] == [Generate, Panic]
    finally:
        out.close_port()
        out.delete()


def test_a_port_that_comes_later_is_opened(server: JackServer, heard: Heard) -> None:
    import rtmidi

    midi = MidiInput(heard.commands.append, wanted="keys", say=heard.lines.append)
    midi.start()
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="keys")
    try:
        out.open_virtual_port("out")

        def played() -> bool:
            out.send_message([0x90, 60, 100])
            time.sleep(0.1)
            return bool(heard.of(Generate))

        wait_for(played, 6, "the new port is heard")
    finally:
        midi.stop()
        out.close_port()
        out.delete()


def test_the_port_is_back_when_the_sound_server_is(server: JackServer, heard: Heard) -> None:
    midi = MidiInput(heard.commands.append, say=heard.lines.append)
    midi.start()
    try:
        our_port(server)
        wait_for(lambda: midi.available, 5, "it is heard of")
        server.kill()
        wait_for(lambda: not midi.available, 5, "the loss is noticed")
        server.start()
        wait_for(lambda: midi.available, 8, "it is back")
        our_port(server)
        assert ["is gone" in line for line in heard.lines] == [False, True, False]
    finally:
        midi.stop()


def test_without_any_midi_one_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    said: queue.Queue[str] = queue.Queue()
    midi = MidiInput(lambda command: None, say=said.put)
    midi.start()
    try:
        assert "MIDI" in said.get(timeout=10)
        assert not midi.available
    finally:
        midi.stop()
    assert said.empty()
