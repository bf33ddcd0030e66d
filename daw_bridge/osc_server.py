"""The OSC server: one thread, one UDP socket, messages in order.

Bundles with a time tag in the future wait in a heap, and the thread goes on receiving.
Answers leave from the same socket, so that a client finds them at its own port, coming from
the port it wrote to.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import logging
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle import ParseError as BundleError
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as MessageError

from core.errors import BadDevice, PortInUse
from daw_bridge.commands import Command, Origin, Refused
from daw_bridge.events import Event
from daw_bridge.osc_address import parse
from daw_bridge.osc_arguments import ROOT
from daw_bridge.osc_feedback import Client, OscFeedback
from daw_bridge.osc_log import OscLog

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # messages of future bundles
FOREIGN_EVERY = 10.0  # seconds between two complaints about one address outside /musicgen
MOST_FOREIGN = 1_000


class OscServer:
    """Turns datagrams into commands for `submit`, and events (`hear`) into datagrams."""

    def __init__(
        self, submit: Callable[[Command], None], host: str = "127.0.0.1", port: int = 9770
    ) -> None:
        """Binds at once. Raises PortInUse that names the next free port."""
        self._submit = submit
        self._socket = _bound(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        self.malformed = 0
        self.log = OscLog()
        self.feedback = OscFeedback(self._reply)
        self._waiting: list[tuple[float, int, OscMessage, Client]] = []
        self._order = itertools.count()
        self._complained: dict[tuple[Client, str], float] = {}
        self._wake, self._woken = socket.socketpair()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="osc", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Idempotent. Bundles that wait are dropped."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._wake.send(b".")
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        for each in (self._socket, self._wake, self._woken):
            each.close()

    def hear(self, event: Event) -> None:
        """The controller's thread: tell those whom it concerns."""
        self.feedback.hear(event)

    # ------------------------------------------------------------------ its thread

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping:
                ready = selector.select(self._until_due())
                if any(key.fileobj is self._socket for key, _ in ready):
                    self._receive()
                self._deliver_due()

    def _until_due(self) -> float | None:
        return max(0.0, self._waiting[0][0] - time.time()) if self._waiting else None

    def _receive(self) -> None:
        try:
            datagram, sender = self._socket.recvfrom(65_536)
        except OSError:  # Windows reports here that an earlier answer found no one
            return
        client = (sender[0], sender[1])
        self.log.note(datagram, client, received=True)
        try:
            messages = list(_messages(datagram, 0.0))
        except (BundleError, MessageError, UnicodeDecodeError, ValueError, IndexError,
                struct.error, RecursionError, TypeError) as broken:  # fmt: skip
            self._refuse(datagram, client, broken)
            return
        now = time.time()
        for due, message in messages:
            if due <= now:
                self._dispatch(message, client)
            elif len(self._waiting) < MOST_WAITING:
                heapq.heappush(self._waiting, (due, next(self._order), message, client))
            else:
                origin = Origin("osc", client, message.address)
                self._submit(Refused("bad_message", "too many bundles wait already", origin))

    def _deliver_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.time():
            _, _, message, client = heapq.heappop(self._waiting)
            self._dispatch(message, client)

    def _dispatch(self, message: OscMessage, client: Client) -> None:
        origin = Origin("osc", client, message.address)
        try:
            command = parse(message.address, message.params, origin, time.monotonic())
        except Exception:
            log.exception("an OSC message could not be understood")
            command = Refused("bad_message", "the message could not be understood", origin)
        if command is None or self._foreign(command, message.address, client):
            return
        self._submit(self.feedback.note(command))

    def _foreign(self, command: Command, address: str, client: Client) -> bool:
        """A DAW that sends its whole surface is told once in a while, not at every meter."""
        if not isinstance(command, Refused) or address.startswith(ROOT):
            return False
        now, key = time.monotonic(), (client, address)
        if now - self._complained.get(key, -FOREIGN_EVERY) < FOREIGN_EVERY:
            return True
        if len(self._complained) >= MOST_FOREIGN:
            return True
        self._complained[key] = now
        return False

    def _refuse(self, datagram: bytes, client: Client, broken: Exception) -> None:
        self.malformed += 1
        head = datagram[:64].split(b"\0", 1)[0].decode("ascii", "replace")
        origin = Origin("osc", client, head if head.startswith("/") else "")
        text = f"{len(datagram)} bytes that are no OSC message; send OSC 1.0"
        log.debug("malformed datagram from %s: %s", client, broken)
        self._submit(Refused("bad_message", text, origin))

    def _reply(self, datagram: bytes, client: Client) -> None:
        """Any thread."""
        with contextlib.suppress(OSError):  # a client that has gone has nothing to hear
            self._socket.sendto(datagram, client)
            self.log.note(datagram, client, received=False)


def _messages(datagram: bytes, due: float) -> Iterator[tuple[float, OscMessage]]:
    """The messages of a datagram, each with the time it is due (0: at once)."""
    if OscBundle.dgram_is_bundle(datagram):
        yield from _bundled(OscBundle(datagram), due)
    elif datagram.startswith(b"/"):
        yield due, OscMessage(datagram)
    else:
        raise ValueError("neither a message nor a bundle")


def _bundled(bundle: OscBundle, due: float) -> Iterator[tuple[float, OscMessage]]:
    due = max(due, bundle.timestamp)
    for content in bundle:
        if isinstance(content, OscBundle):
            yield from _bundled(content, due)
        else:
            yield due, content


def _bound(host: str, port: int) -> socket.socket:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        receiver.bind((host, port))
        return receiver
    except (OSError, OverflowError) as refused:
        receiver.close()
        code = getattr(refused, "errno", None)
        if code == errno.EADDRINUSE:
            free = _next_free(host, port)
            raise PortInUse(
                f"OSC port {port} is in use by another program; use --osc-port {free}"
            ) from None
        raise BadDevice(f"OSC cannot listen on {host}:{port} ({refused})") from None


def _next_free(host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + 100, 65_536)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, candidate))
                return candidate
            except OSError:
                continue
    return 0
