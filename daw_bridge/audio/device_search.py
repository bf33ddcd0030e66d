"""Devices that were asked for and are not there: told once, looked for until they are back.

PortAudio sees no new device once it is loaded, so children look (`devices.list_devices`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.errors import BadDevice, DawBridgeError
from daw_bridge.audio import devices
from daw_bridge.audio.devices import Kind
from daw_bridge.audio.messages import DeviceLost, OpenInput, OpenOutput

SEARCH_EVERY = 0.6  # seconds between looks for a missing device; each takes a child process
SEARCH_LATER = 3.0  # … after a minute, or while another stream plays
SOON = 60.0  # seconds after a request during which it is looked for often

Request = OpenOutput | OpenInput


class DeviceSearch:
    """Owned by the feeder thread; a thread of its own waits for each child."""

    def __init__(self, post: Callable[[DeviceLost], None]) -> None:
        """post: tells the application; called from either thread."""
        self._post = post
        self._wanted: dict[Kind, Request] = {}
        self._found: dict[Kind, bool] = {}
        self._told: dict[Kind, str] = {}  # the loss that was reported
        self._search_at = 0.0
        self._asked_at = 0.0
        self._child: threading.Thread | None = None

    @property
    def wanted(self) -> Mapping[Kind, Request]:
        """What is asked for and not open."""
        return MappingProxyType(self._wanted)

    @property
    def is_one_back(self) -> bool:
        return any(self._found.get(kind) for kind in self._wanted)

    def want(self, kind: Kind, request: Request) -> None:
        """Look for this device from the next `look` on."""
        self._wanted[kind] = request

    def refused(self, kind: Kind, request: Request, other_plays: bool) -> None:
        """It could not be opened just now. other_plays: another stream is, so there is time."""
        self._wanted[kind] = request
        self._search_at = time.monotonic() + (SEARCH_LATER if other_plays else 0.0)

    def forget(self, kind: Kind) -> None:
        """It is open, or nobody wants it any more."""
        self._wanted.pop(kind, None)
        self._found.pop(kind, None)
        self._told.pop(kind, None)

    def asked_now(self) -> None:
        """Look often for the next minute."""
        self._asked_at = time.monotonic()

    def tell_again(self, kind: Kind) -> None:
        """Someone asked for it: what is wrong is told, even if it was told before."""
        self._told.pop(kind, None)

    def tell_lost(self, kind: Kind, error: DawBridgeError, retrying: bool) -> None:
        if self._told.get(kind) != str(error):
            self._told[kind] = str(error)
            self._post(DeviceLost(kind, str(error), retrying))

    def look(self, now: float, other_plays: bool) -> None:
        """Send a child when it is time for one. now: time.monotonic()."""
        if now < self._search_at or (self._child and self._child.is_alive()):
            return
        seldom = other_plays or now - self._asked_at > SOON
        self._search_at = now + (SEARCH_LATER if seldom else SEARCH_EVERY)
        self._child = threading.Thread(target=self._ask_child, name="device-search", daemon=True)
        self._child.start()

    def _ask_child(self) -> None:
        """Its own thread: do the wanted devices exist by now?"""
        try:
            there = devices.list_devices()
        except DawBridgeError:
            return
        for kind, request in list(self._wanted.items()):
            try:
                devices.match(there, request.device, kind)
                self._found[kind] = True
            except BadDevice as error:
                self.tell_lost(kind, error, retrying=True)
