"""Zeroconf: `_oscjson._tcp` (OSCQuery) and `_osc._udp`, on the interfaces that OSC listens on.

A thread of its own, because announcing waits seconds for others who may hold the name.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # takes a quarter of a second to import: the thread does
    from zeroconf import ServiceInfo
    from zeroconf.asyncio import AsyncZeroconf

log = logging.getLogger(__name__)

OSCQUERY, OSC = "_oscjson._tcp.local.", "_osc._udp.local."
LONGEST_NAME = 50  # bytes; zeroconf allows 63 and may add a number


def service_name(port: int) -> str:
    """What browsers show: the program, its OSC port and its computer."""
    name = f"daw-bridge {port} on {socket.gethostname()}"
    return name.encode()[:LONGEST_NAME].decode("utf-8", "ignore").replace(".", "-")


class Advertisement:
    """Announces the two services from `start` to `stop`."""

    def __init__(
        self, name: str, host: str, ports: dict[str, int], say: Callable[[str], None]
    ) -> None:
        """host: the IPv4 address listened on; 0.0.0.0 is every interface.
        ports: by kind of service. say: told, once, if announcing fails."""
        self._name, self._host, self._ports, self._say = name, host, ports, say
        self._everywhere = ipaddress.ip_address(host).is_unspecified
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zeroconf", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Says goodbye to those who listen. Idempotent."""
        self._stopping.set()
        if self._loop and self._stopped:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stopped.set)
        if self._thread.is_alive():
            self._thread.join(timeout=3)

    # ------------------------------------------------------------------ its thread

    def _run(self) -> None:
        try:
            asyncio.run(self._advertise())
        except Exception as failed:  # sockets, names, timeouts: none is fatal
            log.debug("zeroconf failed", exc_info=True)
            if not self._stopping.is_set():
                why = str(failed) or type(failed).__name__
                self._say(f"zeroconf is off ({why}); give clients the port by hand")

    async def _advertise(self) -> None:
        from zeroconf import InterfaceChoice, IPVersion
        from zeroconf.asyncio import AsyncZeroconf

        stopped = asyncio.Event()
        self._stopped = stopped
        self._loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            return
        services = self._services()
        interfaces = InterfaceChoice.All if self._everywhere else [self._host]
        zeroconf = AsyncZeroconf(interfaces=interfaces, ip_version=IPVersion.V4Only)
        announcing = asyncio.gather(*(_announce(zeroconf, service) for service in services))
        waiting = asyncio.create_task(stopped.wait())
        try:
            if ipaddress.ip_address(self._host).is_loopback:
                await _hear_this_computer_alone(zeroconf)
            await asyncio.wait({waiting, announcing}, return_when=asyncio.FIRST_COMPLETED)
            if announcing.done():
                announcing.result()
            await waiting
        finally:
            waiting.cancel()
            announcing.cancel()
            await asyncio.gather(waiting, announcing, return_exceptions=True)
            await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()

    def _services(self) -> list[ServiceInfo]:
        from zeroconf import ServiceInfo

        addresses = _addresses() if self._everywhere else [self._host]
        host = re.sub(r"[^a-z0-9]+", "-", self._name.lower()).strip("-")
        return [
            ServiceInfo(
                kind, f"{self._name}.{kind}", port=port, properties={"txtvers": "1"},
                server=f"{host}.local.", parsed_addresses=addresses,
            )
            for kind, port in self._ports.items()
            if port
        ]  # fmt: skip


def _addresses() -> list[str]:
    """The IPv4 addresses that others may reach this computer at."""
    import ifaddr

    found = [str(ip.ip) for each in ifaddr.get_adapters() for ip in each.ips if ip.is_IPv4]
    return [a for a in found if not ipaddress.ip_address(a).is_loopback] or ["127.0.0.1"]


async def _hear_this_computer_alone(zeroconf: AsyncZeroconf) -> None:
    """mDNS has to listen on a wildcard address; Linux can still shut it off from the network."""
    if not hasattr(socket, "SO_BINDTODEVICE"):
        return
    await zeroconf.zeroconf.async_wait_for_start()
    for reader in zeroconf.zeroconf.engine.readers:
        with contextlib.suppress(OSError):  # before Linux 5.7 only root may
            listener = reader.transport.get_extra_info("socket")
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")


async def _announce(zeroconf: AsyncZeroconf, info: ServiceInfo) -> None:
    announced = await zeroconf.async_register_service(info, allow_name_change=True)
    await announced
