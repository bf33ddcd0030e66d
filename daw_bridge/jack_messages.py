"""What crosses the pipe to and from the JACK process. Frozen, picklable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Follow:
    """To the process, first: which MIDI sources to connect to. 'all', part of a name, or None."""

    wanted: str | None


@dataclass(frozen=True, slots=True)
class Leave:
    """To the process: end in good order."""


@dataclass(frozen=True, slots=True)
class NoJack:
    """JACK is not installed here: there is no point in asking again."""

    why: str


@dataclass(frozen=True, slots=True)
class NoServer:
    """No JACK server runs; the process goes on looking."""


@dataclass(frozen=True, slots=True)
class InGraph:
    """The client is part of the graph. port: the full name of its MIDI input."""

    port: str


@dataclass(frozen=True, slots=True)
class JackMidi:
    """One MIDI message. at: time.monotonic() at which the frame it was sent for sounds."""

    data: bytes
    at: float


@dataclass(frozen=True, slots=True)
class JackLostTime:
    """The server was kept waiting: what was stamped before would now be so much later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class JackPosition:
    """JACK transport. bpm: None without a timebase master. beat: quarter notes since the song's
    start; what is played on it sounds at time.monotonic() `at`."""

    rolling: bool
    bpm: float | None
    beat: float
    at: float


JackReport = NoJack | NoServer | InGraph | JackMidi | JackLostTime | JackPosition
