"""The exception tree. Each message is one line: what went wrong and what to do next.

`code` is the short word that goes into `/musicgen/error`; `exit_status` is the
command line's: 2 for bad input, 1 for a failure.
"""

from __future__ import annotations


class DawBridgeError(Exception):
    """Base of everything this program raises on purpose."""

    code = "failure"
    exit_status = 1


class BadInput(DawBridgeError):
    """The user gave something that cannot be used: a clip, an option, a value."""

    code = "bad_input"
    exit_status = 2


class BadClip(BadInput):
    """An audio file that is missing, empty, corrupt, silent or too long."""

    code = "bad_clip"


class BadCheckpoint(BadInput):
    """A checkpoint that is missing, incomplete, corrupt or of another kind."""

    code = "bad_checkpoint"


class BadAdapter(BadInput):
    """A LoRA adapter that is missing, corrupt or made for another model."""

    code = "bad_adapter"


class BadDevice(BadInput):
    """An audio, MIDI or compute device that does not exist or cannot be opened."""

    code = "bad_device"


class PortInUse(BadInput):
    """A network port that another program holds."""

    code = "port_in_use"


class AudioFailed(DawBridgeError):
    """The audio process died or its device vanished."""

    code = "audio"


class MissingProgram(DawBridgeError):
    """A library or program outside Python is missing; the message names the package."""

    code = "missing_program"
