"""The OSC addresses of those at the other end: a client's questions, a DAW's own transport."""

from __future__ import annotations

from core.errors import BadInput
from daw_bridge import commands as ask
from daw_bridge.commands import ClockSource, Command
from daw_bridge.osc_arguments import ROOT, Address, Arguments
from daw_bridge.parameters import PARAMETERS


def _subscribe(a: Arguments) -> Command:
    port = _port(a) if a else None
    seconds = a.number("seconds") if a else 600.0
    if not 0 < seconds <= 86_400:
        raise BadInput(f"{seconds:g} s is out of range; subscribe for up to 86400 s")
    return ask.Subscribe(port, seconds, a.end())


def _port(a: Arguments) -> int | None:
    port = a.whole("the port")
    if not 0 <= port < 65_536:
        raise BadInput(f"port {port} is out of range; use 1 to 65535, or 0 for the sender's own")
    return port or None


def _play(a: Arguments) -> Command:
    rolling = a.number("1 or 0") != 0 if a else True
    return ask.ClockRolling(ClockSource.OSC, rolling, a.now)


def _stop_clock(a: Arguments) -> Command:
    return ask.ClockRolling(ClockSource.OSC, False, a.now)


def _raw_tempo(a: Arguments) -> Command:
    return ask.ClockTempo(ClockSource.OSC, PARAMETERS["tempo"].checked(a.number("the tempo")))


CLIENTS = (
    Address(f"{ROOT}/ping", "[any]", "→ /musicgen/pong [the same]",
            lambda a: ask.Ping(a.rest(), a.end())),
    Address(f"{ROOT}/status", "", "→ /musicgen/status: name and value in turn, one message",
            lambda a: ask.AskStatus(a.end())),
    Address(f"{ROOT}/subscribe", "[i port] [f seconds]",
            "events to this client, or to that port of its host, until it expires (600 s)",
            _subscribe),
    Address(f"{ROOT}/unsubscribe", "[i port]", "no more of them",
            lambda a: ask.Unsubscribe(_port(a) if a else None, a.end())),
)  # fmt: skip

# what DAWs send of themselves, so that their stock surfaces work unmapped
TRANSPORT = (
    Address("/play", "[i]", "a DAW's transport started (0: stopped)", _play),
    Address("/stop", "", "a DAW's transport stopped: the sound ends", _stop_clock,
            button=True),
    Address("/tempo/raw", "f", "a DAW's tempo in bpm", _raw_tempo),
)  # fmt: skip
