"""OSCQuery over HTTP: a thread that accepts, and a few that answer. Reads only.

It looks at the session's frozen state by itself and asks nothing of the controller's thread.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from daw_bridge.discovery.answers import NO_CONTENT, OK, Host, answer
from daw_bridge.session_state import SessionState

log = logging.getLogger(__name__)

MOST_CLIENTS = 32  # connections at once
PATIENCE = 10.0  # seconds that a silent connection is kept
FORBIDDEN = 403

Look = Callable[[], SessionState]


class OscQueryServer:
    """Answers GET and HEAD with what `look` sees."""

    def __init__(self, look: Look, name: str, host: str, osc_port: int) -> None:
        """Binds at once: to the number that OSC has, or else to any that is free.

        Raises OSError if nothing can be bound.
        """
        try:
            self._server = _Server(look, name, osc_port, (host, osc_port))
        except OSError:
            self._server = _Server(look, name, osc_port, (host, 0))
        self.host, self.port = self._server.server_address[:2]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="oscquery", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Idempotent."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=2)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = MOST_CLIENTS
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # on Windows that would share a taken port

    def __init__(self, look: Look, name: str, osc_port: int, address: tuple[str, int]) -> None:
        self.look, self.name, self.osc_port = look, name, osc_port
        self._free = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the look-up of the host's full name, which can wait for a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("an OSCQuery client went away", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "daw-bridge", ""
    timeout = PATIENCE
    wbufsize, disable_nagle_algorithm = 65_536, True  # an answer leaves at once, in one piece
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        if not _is_own_name(self.headers.get("Host", "")):
            self._reply(FORBIDDEN, "ask for this computer by its address")
            return
        # The address that the client reached is one that OSC reaches as well.
        host = Host(self.server.name, self.connection.getsockname()[0], self.server.osc_port)
        self._reply(*answer(self.path, self.server.look(), host))

    do_HEAD = do_GET

    def _reply(self, status: int, content: object) -> None:
        as_json = status == OK
        body = json.dumps(content, ensure_ascii=False) if as_json else f"{content}\n"
        data = body.encode("utf-8", "replace")
        self.send_response(status)
        if status != NO_CONTENT:
            kind = "application/json" if as_json else "text/plain"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD" and status != NO_CONTENT:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        log.debug("%s " + format, self.client_address[0], *args)


def _is_own_name(host: str) -> bool:
    """Whether a Host header can mean this computer.

    A web page whose name was made to point here (DNS rebinding) comes with a name of the
    public internet, and is not told what the musician does.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]").rstrip(".")
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return "." not in name or name.lower().endswith(".local")
