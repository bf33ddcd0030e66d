"""`daw-bridge doctor`: what works here, and what to do about what does not."""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import DawBridgeError
from daw_bridge.audio.devices import list_devices
from daw_bridge.midi_ports import NO_MIDI, midi_ports
from daw_bridge.settings import default_path
from daw_bridge.takes import default_folder


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. `need`: without it the program is of no use."""

    what: str
    fine: bool
    detail: str
    need: bool = True


Check = Callable[[], Finding]


def examine(checks: tuple[Check, ...]) -> list[Finding]:
    """Every check's finding; one that breaks is a finding too."""
    found = []
    for check in checks:
        try:
            found.append(check())
        except Exception as broken:  # noqa: BLE001 — a doctor does not faint
            name = check.__name__.removeprefix("check_").replace("_", " ")
            found.append(Finding(name, False, f"{type(broken).__name__}: {broken}"))
    return found


def check_python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= (3, 11)
    return Finding("Python", fine, version if fine else f"{version}; install 3.11 or newer")


def check_sound() -> Finding:
    try:
        devices = list_devices()
    except DawBridgeError as broken:
        return Finding("sound", False, str(broken))
    outputs = [d.name for d in devices if d.outputs]
    if not outputs:
        hint = "no output; start JACK or PulseAudio, or serve with --output wav:PATH"
        return Finding("sound", False, hint, need=False)
    return Finding("sound", True, f"{len(outputs)} outputs: {', '.join(outputs[:4])}")


def check_midi() -> Finding:
    api, ports = midi_ports()
    if api == NO_MIDI or "cannot be loaded" in api:
        return Finding("MIDI", False, f"{api}; OSC and the panel work without", need=False)
    return Finding("MIDI", True, f"{api}: {', '.join(ports) or 'no ports yet'}")


def check_osc_port(port: int = 9770) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            hint = f"port {port} is taken (daw-bridge running?); else use --osc-port"
            return Finding("OSC", False, hint, need=False)
    return Finding("OSC", True, f"port {port} is free")


def check_takes(folder: Path | None = None) -> Finding:
    return _writable("takes", folder or default_folder())


def check_settings() -> Finding:
    return _writable("settings", default_path().parent)


def _writable(what: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as refused:
        return Finding(what, False, f"{folder} cannot be written ({refused.strerror})")
    return Finding(what, True, str(folder))


CHECKS: tuple[Check, ...] = (
    check_python,
    check_sound,
    check_midi,
    check_osc_port,
    check_takes,
    check_settings,
)
