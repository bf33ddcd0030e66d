"""Which sound devices there are, and which one a name means.

PortAudio stays out of the application process: `list_devices` asks a child. Inside the
audio process `scan` and `rescan` ask PortAudio itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from core.errors import AudioFailed, BadDevice, MissingProgram

Kind = Literal["output", "input"]
LIST_TIMEOUT = 15.0  # seconds; some drivers take several

NO_PORTAUDIO = (
    "the PortAudio library is missing: install it (Debian and Ubuntu: apt install libportaudio2, "
    "Fedora: dnf install portaudio, Arch: pacman -S portaudio)"
)


@dataclass(frozen=True, slots=True)
class AudioDevice:
    """A device as PortAudio sees it. `rate` is its own; 0 channels: it has no such side."""

    index: int
    name: str
    host: str  # "ALSA", "JACK Audio Connection Kit", "Core Audio" …
    inputs: int
    outputs: int
    rate: int
    default_input: bool = False
    default_output: bool = False

    def channels(self, kind: Kind) -> int:
        return self.outputs if kind == "output" else self.inputs

    def is_default(self, kind: Kind) -> bool:
        return self.default_output if kind == "output" else self.default_input


def match(devices: Sequence[AudioDevice], wanted: str | None, kind: Kind) -> AudioDevice:
    """The device meant by `wanted`: None (the default), an index, a name or a part of one.

    Several words may be in any order and may name the host ("jack system"). Pure. Raises
    BadDevice, with the names there are, where none or more than one fits.
    """
    fitting = [device for device in devices if device.channels(kind)]
    if not fitting:
        raise BadDevice(
            f"no audio device: PortAudio finds no {kind}; start JACK or PulseAudio, or plug one in"
        )
    if wanted is None or not wanted.strip():
        defaults = [device for device in fitting if device.is_default(kind)]
        return (defaults or fitting)[0]
    text = wanted.strip().casefold()
    if text.isdecimal():
        found = [device for device in fitting if device.index == int(text)]
    else:
        found = [d for d in fitting if text in (d.name.casefold(), full_name(d).casefold())]
        words = text.split()
        found = found or [
            d for d in fitting if all(word in full_name(d).casefold() for word in words)
        ]
    if len(found) > 1:
        found = [device for device in found if device.is_default(kind)] or found
    if len(found) == 1:
        return found[0]
    names = "; ".join(f"{d.index} {full_name(d)}" for d in (found or fitting))
    if found:
        raise BadDevice(f"{wanted!r} fits more than one audio {kind}: {names}; name one exactly")
    raise BadDevice(f"no audio device: no {kind} is called {wanted!r}; there are: {names}")


def full_name(device: AudioDevice) -> str:
    return f"{device.name}, {device.host}"


def list_devices() -> list[AudioDevice]:
    """All devices, asked in a child process. Any thread; takes a fraction of a second.

    Raises MissingProgram without PortAudio, AudioFailed when a driver hangs or crashes.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "daw_bridge.audio.devices"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIST_TIMEOUT,
            check=False,
        )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise AudioFailed("listing the audio devices hangs: restart the sound server") from None
    except (IndexError, json.JSONDecodeError):
        raise AudioFailed("listing the audio devices failed: restart the sound server") from None
    if "missing" in answer:
        raise MissingProgram(answer["missing"])
    return [AudioDevice(**entry) for entry in answer["devices"]]


# ------------------------------------------------------- only where PortAudio may be loaded


def load_portaudio() -> Any:
    """The sounddevice module. Audio process only. Raises MissingProgram without PortAudio."""
    try:
        import rtmixer  # noqa: F401
        import sounddevice
    except ImportError as error:
        raise MissingProgram(f"{error.name} is missing: pip install sounddevice rtmixer") from error
    except OSError as error:
        raise MissingProgram(NO_PORTAUDIO) from error
    return sounddevice


def scan() -> list[AudioDevice]:
    """The devices PortAudio found when it was initialised. Audio process only."""
    sounddevice = load_portaudio()
    hosts: Any = sounddevice.query_hostapis()
    devices: Any = sounddevice.query_devices()
    default_input, default_output = sounddevice.default.device
    if default_output < 0:  # PortAudio's default host may have no device where another has
        default_output = _first(host["default_output_device"] for host in hosts)
    if default_input < 0:
        default_input = _first(host["default_input_device"] for host in hosts)
    return [
        AudioDevice(
            index=index,
            name=str(device["name"]),
            host=str(hosts[device["hostapi"]]["name"]),
            inputs=int(device["max_input_channels"]),
            outputs=int(device["max_output_channels"]),
            rate=round(device["default_samplerate"]),
            default_input=index == default_input,
            default_output=index == default_output,
        )
        for index, device in enumerate(devices)
    ]


def leave_portaudio() -> None:
    """Say goodbye to the sound server. Audio process only, streams closed, server alive."""
    load_portaudio()._terminate()


@contextmanager
def open_failed(device: AudioDevice) -> Iterator[None]:
    """Turn PortAudio's exceptions while opening `device` into BadDevice."""
    sounddevice = load_portaudio()
    try:
        yield
    except (sounddevice.PortAudioError, ValueError) as error:
        raise BadDevice(
            f"cannot open audio device {full_name(device)!r}: {error}; is another program using it?"
        ) from error


def _first(indices: Iterator[int]) -> int:
    return next((index for index in indices if index >= 0), -1)


def _report() -> None:
    """The child of `list_devices`: one line of JSON as the last line of stdout."""
    try:
        line = json.dumps({"devices": [asdict(device) for device in scan()]})
    except MissingProgram as error:
        line = json.dumps({"missing": str(error)})
    sys.stdout.write(f"\n{line}\n")


if __name__ == "__main__":
    _report()
