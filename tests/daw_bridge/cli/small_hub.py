"""A hub on this machine: serves one folder as one model, in pieces if asked."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40
PIECE = 32_768


class SmallHub:
    """model: its id. slow: seconds between two pieces. breaks: after so many pieces of a file the
    line is cut, once. ranges: what was asked to go on from."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder, self.model = folder, model
        self.slow = 0.0
        self.breaks = 0
        self.ranges: list[str] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def do_GET(self) -> None:
                hub._answer(self, body=True)

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        path = unquote(urlsplit(request.path).path)
        if path.startswith(f"/api/models/{self.model}/tree/"):
            tree = [
                {"type": "file", "path": str(p.relative_to(self.folder)), "size": p.stat().st_size,
                 "oid": "0" * 40}
                for p in self._files()
            ]  # fmt: skip
            self._send(request, json.dumps(tree).encode(), body)
            return
        if path.startswith(f"/api/models/{self.model}"):
            files = [{"rfilename": str(p.relative_to(self.folder))} for p in self._files()]
            about = {"id": self.model, "sha": COMMIT, "siblings": files, "private": False,
                     "tags": [], "downloads": 0, "likes": 0}  # fmt: skip
            self._send(request, json.dumps(about).encode(), body)
            return
        name = path.rpartition(f"/{self.model}/resolve/{COMMIT}/")[2]
        file = self.folder / name
        if file not in self._files():
            request.send_response(404)
            request.send_header("Content-Length", "0")
            request.send_header("X-Error-Code", "RepoNotFound")
            request.end_headers()
            return
        self._send(request, file.read_bytes(), body)

    def _files(self) -> list[Path]:
        return sorted(p for p in self.folder.rglob("*") if p.is_file())

    def _send(self, request: BaseHTTPRequestHandler, data: bytes, body: bool) -> None:
        start, asked = 0, request.headers.get("Range")
        if body and asked:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            if start:
                self.ranges.append(asked)
        request.send_response(206 if asked and body else 200)
        request.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Length", str(len(data) - start))
        if asked and body:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        if not body:
            return
        try:
            for count, place in enumerate(range(start, len(data), PIECE), 1):
                request.wfile.write(data[place : place + PIECE])
                if count == self.breaks:
                    self.breaks, request.close_connection = 0, True
                    return
                time.sleep(self.slow if len(data) > PIECE else 0)
        except OSError:
            pass  # whoever asked has left
