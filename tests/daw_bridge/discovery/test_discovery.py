"""Discovery of the running program: HTTP through real sockets, zeroconf on loopback."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pythonosc.udp_client import SimpleUDPClient
from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

from daw_bridge import commands as ask
from daw_bridge import events
from daw_bridge.discovery.http_server import MOST_CLIENTS
from daw_bridge.serving import ServeOptions, Serving
from tests.fakes import FakeAudio, FakeEngine, Listener


class Program:
    """A real `Serving` with a fake model and fake sound, and an HTTP client beside it."""

    def __init__(self, folder: Path, *, port: int, discovery: bool) -> None:
        self.said: list[str] = []
        self.heard = Listener()
        options = ServeOptions(osc_port=port, takes=folder / "takes", discovery=discovery)
        self.serving = Serving(options, FakeEngine(), FakeAudio(), self.said.append)
        self.serving.controller.subscribe(self.heard)
        self.osc = self.serving.osc.port

    @property
    def http(self) -> int:
        assert self.serving.discovery
        return self.serving.discovery.port

    def request(
        self, target: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)) as link:
            link.request(method, target, headers=headers)
            response = link.getresponse()
            return response, response.read()

    def send(self, port: int, address: str, value: float) -> None:
        with closing(SimpleUDPClient("127.0.0.1", port)) as client:
            client.send_message(address, value)

    def json(self, target: str) -> Any:
        response, body = self.request(target)
        assert response.status == 200, body
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.loads(body)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    begun: list[Program] = []

    def start(port: int = 0, discovery: bool = True) -> Program:
        program = Program(tmp_path, port=port, discovery=discovery)
        begun.append(program)
        program.serving.__enter__()
        return program

    yield start
    for program in begun:
        program.serving.__exit__(None, None, None)


@pytest.fixture
def program(programs: Callable[..., Program]) -> Program:
    return programs()


def test_what_is_set_over_osc_is_read_over_http(program: Program) -> None:
    assert program.json("/musicgen/gain?VALUE") == {"VALUE": [1.0]}
    program.send(program.osc, "/musicgen/gain", 0.5)
    program.heard.wait(events.ParameterChanged)
    assert program.json("/musicgen/gain?VALUE") == {"VALUE": [0.5]}
    assert program.json("/")["CONTENTS"]["musicgen"]["CONTENTS"]["gain"]["VALUE"] == [0.5]


def test_the_words_of_a_prompt_survive_the_way(program: Program) -> None:
    program.serving.controller.submit(ask.SetPrompt("Zürich — 夜 ‘dub’"))
    program.heard.wait(events.PromptChanged)
    assert program.json("/musicgen/prompt?VALUE") == {"VALUE": ["Zürich — 夜 ‘dub’"]}


def test_host_info_leads_to_osc(program: Program) -> None:
    info = program.json("/?HOST_INFO")
    assert info["OSC_IP"] == "127.0.0.1"
    program.send(info["OSC_PORT"], "/musicgen/ping", 5)
    assert program.heard.wait(events.Pong).payload == (5,)  # type: ignore[union-attr]


def test_statuses_over_the_wire(program: Program) -> None:
    response, body = program.request("/musicgen/stop?VALUE")
    assert (response.status, body) == (204, b"")
    response, body = program.request("/no/such")
    assert response.status == 404
    assert body.count(b"\n") == 1
    assert program.request("/?GABBA")[0].status == 400
    assert program.request("/", method="POST")[0].status == 501


def test_head_has_the_headers_alone(program: Program) -> None:
    response, body = program.request("/musicgen/seed", method="HEAD")
    assert (response.status, body) == (200, b"")
    assert int(response.headers["Content-Length"]) > 50


def test_one_connection_carries_many_requests(program: Program) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", program.http, timeout=5)) as link:
        for target in ("/musicgen/tempo", "/musicgen/stop?VALUE", "/none", "/?HOST_INFO"):
            link.request("GET", target)
            response = link.getresponse()
            response.read()
            assert not response.will_close
    assert response.status == 200


def test_a_web_page_with_a_name_of_its_own_is_turned_away(program: Program) -> None:
    assert program.request("/", Host="evil.example.com")[0].status == 403
    for name in ("localhost:9770", "127.0.0.1", "[::1]:80", "studio.local:9770", "studio"):
        assert program.request("/", Host=name)[0].status == 200, name
    response, _ = program.request("/", Origin="http://evil.example.com")
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("junk", [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"G" * 70_000, b"GET / HTT"])
def test_junk_is_survived(program: Program, junk: bytes) -> None:
    with socket.create_connection(("127.0.0.1", program.http), timeout=5) as link:
        link.sendall(junk)
    assert program.json("/musicgen/tempo?TYPE") == {"TYPE": "f"}


def test_idle_connections_have_an_end(program: Program) -> None:
    crowd = [socket.create_connection(("127.0.0.1", program.http)) for _ in range(MOST_CLIENTS)]
    try:
        until = time.monotonic() + 5
        while threading.active_count() < MOST_CLIENTS and time.monotonic() < until:
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", program.http), timeout=5) as one_more:
            assert one_more.recv(1) == b"", "closed at once"
    finally:
        for link in crowd:
            link.close()
    until = time.monotonic() + 5
    while True:
        try:
            assert program.json("/musicgen/tempo?TYPE") == {"TYPE": "f"}
            return
        except (http.client.HTTPException, OSError):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_the_port_is_that_of_osc_and_is_told(program: Program) -> None:
    assert program.http == program.osc
    assert f"OSCQuery on http://127.0.0.1:{program.http}/" in program.said
    told = program.heard.wait(events.StatusChanged)
    assert told.status.oscquery == program.http  # type: ignore[union-attr]


def test_a_taken_port_means_another(programs: Callable[..., Program]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        program = programs(port)
        assert program.osc == port
        assert program.http not in (0, port)
        assert program.json("/?HOST_INFO")["OSC_PORT"] == port


def test_without_discovery_no_port_is_opened(programs: Callable[..., Program]) -> None:
    program = programs(discovery=False)
    assert not [line for line in program.said if "OSCQuery" in line]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", program.osc), timeout=2)
    assert program.serving.controller.state.oscquery == 0


def test_what_cannot_be_had_is_one_line_and_osc_goes_on(
    programs: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("socketserver.TCPServer.server_bind", refuse)
    monkeypatch.setattr("zeroconf._core.create_sockets", refuse)
    program = programs()
    until = time.monotonic() + 5
    while not (lines := [line for line in program.said if "zeroconf" in line]):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert len(lines) == 1
    (http_line,) = [line for line in program.said if "OSCQuery" in line]
    assert "off" in http_line
    assert program.http == 0
    program.send(program.osc, "/musicgen/ping", 1)
    program.heard.wait(events.Pong)


class Found(ServiceListener):
    """What a browser of one kind of service sees come and go."""

    def __init__(self) -> None:
        self.changes: queue.Queue[tuple[str, str]] = queue.Queue()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.changes.put(("came", name))

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.changes.put(("went", name))

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        pass

    def wait(self, change: str, port: int) -> str:
        """The name of the program with that OSC port. Others on this machine are passed over."""
        until = time.monotonic() + 15
        while True:
            found, name = self.changes.get(timeout=max(0.01, until - time.monotonic()))
            if found == change and name.startswith(f"daw-bridge {port} "):
                return name


def test_a_browser_finds_it_and_sees_it_go(programs: Callable[..., Program]) -> None:
    kinds = ("_oscjson._tcp.local.", "_osc._udp.local.")
    browsing = Zeroconf(interfaces=["127.0.0.1"])
    try:
        found = {kind: Found() for kind in kinds}
        for kind, listener in found.items():
            ServiceBrowser(browsing, kind, listener)
        program = programs()
        for kind, port in zip(kinds, (program.http, program.osc), strict=True):
            name = found[kind].wait("came", program.osc)
            info = browsing.get_service_info(kind, name, timeout=5000)
            assert info is not None
            assert info.port == port
            assert info.parsed_addresses() == ["127.0.0.1"]
            assert name.removesuffix(f".{kind}") == program.json("/?HOST_INFO")["NAME"]
        program.serving.__exit__(None, None, None)
        for kind in kinds:
            found[kind].wait("went", program.osc)
    finally:
        browsing.close()


def test_stopping_while_it_announces_is_quick_and_quiet(program: Program) -> None:
    began = time.monotonic()
    program.serving.__exit__(None, None, None)
    assert time.monotonic() - began < 5
    assert not [t for t in threading.enumerate() if t.name in ("zeroconf", "oscquery")]
    assert not [line for line in program.said if "zeroconf" in line]
