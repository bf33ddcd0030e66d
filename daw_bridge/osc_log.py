"""The last OSC datagrams in and out, for whoever looks. What nobody reads is never decoded."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

KEPT = 500  # datagrams
LONGEST = 4096  # bytes kept of one
SHOWN = 60  # characters of a text argument


@dataclass(frozen=True, slots=True)
class OscLine:
    """number: of the datagram, from 1. at: time.time(). received: from `peer`, else sent to it."""

    number: int
    at: float
    received: bool
    peer: str
    text: str  # address and arguments


@dataclass(frozen=True, slots=True)
class _Datagram:
    number: int
    at: float
    received: bool
    peer: tuple[str, int]
    data: bytes
    cut: bool


class OscLog:
    """Any thread. Bounded: what is older than the last KEPT datagrams is forgotten."""

    def __init__(self, kept: int = KEPT) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._last: deque[_Datagram] = deque(maxlen=kept)

    def note(self, data: bytes, peer: tuple[str, int], *, received: bool) -> None:
        """A datagram came or went."""
        with self._lock:
            self._number += 1
            cut = len(data) > LONGEST
            kept = data[:LONGEST] if cut else data
            entry = _Datagram(self._number, time.time(), received, peer, kept, cut)
            self._last.append(entry)

    def since(self, number: int) -> list[OscLine]:
        """What came after datagram `number`, oldest first: a line for each message."""
        with self._lock:
            new = min(len(self._last), max(0, self._number - number))
            fresh = list(islice(reversed(self._last), new))
        return [line for datagram in reversed(fresh) for line in _lines(datagram)]


def _lines(datagram: _Datagram) -> Iterator[OscLine]:
    peer = f"{datagram.peer[0]}:{datagram.peer[1]}"
    try:
        texts = [_text(message) for message in _messages(datagram.data)]
    except Exception:  # noqa: BLE001 — whatever a network sends
        size = f"more than {LONGEST}" if datagram.cut else str(len(datagram.data))
        texts = [f"({size} bytes that are no OSC message)"]
        if datagram.cut and datagram.data.startswith(b"/"):
            address = datagram.data.split(b"\0", 1)[0][:SHOWN].decode("ascii", "replace")
            texts = [f"{address} ({size} bytes)"]
    for text in texts:
        yield OscLine(datagram.number, datagram.at, datagram.received, peer, text)


def _messages(data: bytes) -> Iterator[OscMessage]:
    if not OscBundle.dgram_is_bundle(data):
        yield OscMessage(data)
        return
    for content in OscBundle(data):
        if isinstance(content, OscBundle):
            yield from _messages(content.dgram)
        else:
            yield content


def _text(message: OscMessage) -> str:
    return " ".join([message.address, *(_argument(value) for value in message.params)])


def _argument(value: object) -> str:
    match value:
        case str():
            shown = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
            return '"' + shown.replace('"', "'").replace("\n", " ") + '"'
        case bool() | None:
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case bytes():
            return f"({len(value)} bytes)"
        case _:
            return str(value)
