"""Discovery: OSCQuery over HTTP, and zeroconf that says where. Nothing else needs either."""

from __future__ import annotations

import socket
from collections.abc import Callable

from daw_bridge.discovery.advertisement import OSC, OSCQUERY, Advertisement, service_name
from daw_bridge.discovery.http_server import Look, OscQueryServer


class Discovery:
    """Both, as far as they can be had: what fails is one line, and OSC goes on without it."""

    def __init__(
        self, look: Look, osc_host: str, osc_port: int, say: Callable[[str], None]
    ) -> None:
        """Binds at once, to the address that OSC listens on (an IPv4 address).

        look: the session's state, from any thread.
        """
        self._host, self._say = osc_host, say
        name = service_name(osc_port)
        self._server: OscQueryServer | None = None
        try:
            self._server = OscQueryServer(look, name, osc_host, osc_port)
        except OSError as refused:
            say(f"OSCQuery is off: HTTP cannot listen on {osc_host} ({refused}); OSC is there")
        self.port = self._server.port if self._server else 0  # of HTTP; 0: there is none
        ports = {OSCQUERY: self.port, OSC: osc_port}
        self._advertisement = Advertisement(name, osc_host, ports, say)

    def start(self) -> None:
        if self._server:
            self._server.start()
            host = socket.gethostname() if self._host == "0.0.0.0" else self._host
            self._say(f"OSCQuery on http://{host}:{self.port}/")
        self._advertisement.start()

    def stop(self) -> None:
        """Idempotent."""
        self._advertisement.stop()
        if self._server:
            self._server.stop()
