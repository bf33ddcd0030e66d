"""The OSC server over real sockets: order, time tags, answers, and what is no OSC at all."""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from core.errors import PortInUse
from daw_bridge import events
from daw_bridge.commands import (
    Command,
    Generate,
    Origin,
    Ping,
    Refused,
    SetParameter,
    Subscribe,
)
from daw_bridge.osc_feedback import MOST_OF_ONE_HOST
from daw_bridge.osc_server import OscServer


class Client:
    """A UDP socket that talks to the server and hears what comes back."""

    def __init__(self, server: OscServer) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(2)
        self.port: int = self.socket.getsockname()[1]
        self._to = (server.host, server.port)

    def send(self, address: str, *values: object) -> None:
        self.socket.sendto(message(address, *values).dgram, self._to)

    def send_raw(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self._to)

    def hear(self) -> tuple[str, list[object]]:
        datagram, sender = self.socket.recvfrom(65_536)
        assert sender == self._to, "answers come from the port that was written to"
        heard = OscMessage(datagram)
        return heard.address, heard.params

    @property
    def origin(self) -> Origin:
        return Origin("osc", ("127.0.0.1", self.port), "/musicgen/generate", 7)


def message(address: str, *values: object) -> OscMessage:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)  # type: ignore[arg-type]
    return builder.build()


@pytest.fixture
def commands() -> queue.Queue[Command]:
    return queue.Queue()


@pytest.fixture
def server(commands: queue.Queue[Command]) -> Iterator[OscServer]:
    server = OscServer(commands.put, port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_client(server: OscServer) -> Iterator[Callable[[], Client]]:
    made: list[Client] = []

    def make() -> Client:
        made.append(Client(server))
        return made[-1]

    yield make
    for client in made:
        client.socket.close()


@pytest.fixture
def client(new_client: Callable[[], Client]) -> Client:
    return new_client()


def test_a_burst_keeps_its_order(client: Client, commands: queue.Queue[Command]) -> None:
    for i in range(200):
        client.send("/musicgen/ping", i)
    got = [commands.get(timeout=2) for _ in range(200)]
    assert [c.payload[0] for c in got if isinstance(c, Ping)] == list(range(200))


def test_a_future_bundle_waits_and_blocks_no_one(
    client: Client, commands: queue.Queue[Command]
) -> None:
    began = time.time()
    bundle = OscBundleBuilder(began + 0.3)  # type: ignore[arg-type]
    bundle.add_content(message("/musicgen/ping", 1))
    bundle.add_content(message("/musicgen/ping", 2))
    client.send_raw(bundle.build().dgram)
    client.send("/musicgen/ping", 0)
    first = commands.get(timeout=1)
    assert isinstance(first, Ping)
    assert first.payload == (0,)
    assert time.time() - began < 0.25
    later = [commands.get(timeout=1) for _ in range(2)]
    assert [c.payload for c in later if isinstance(c, Ping)] == [(1,), (2,)]
    assert 0.29 < time.time() - began < 0.6


def test_past_and_immediate_bundles_are_at_once(
    client: Client, commands: queue.Queue[Command]
) -> None:
    for due in (0, time.time() - 100):
        bundle = OscBundleBuilder(due)  # type: ignore[arg-type]
        bundle.add_content(message("/musicgen/tempo", 100.0))
        client.send_raw(bundle.build().dgram)
        assert isinstance(commands.get(timeout=1), SetParameter)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"hello",
        b"/musicgen/tempo",
        b"/musicgen/tempo\0,f\0\0",
        b"/musicgen/prompt\0\0\0\0,s\0\0\xff\xfe\0\0",
        b"#bundle\0",
        b"#bundle\0" + b"\0" * 8 + b"\0\0\0\x08garbage!",
        b"#bundle\0" + b"\0" * 8 + b"\xff\xff\xff\xff",
        bytes(range(256)),
    ],
)
def test_garbage_is_survived(
    client: Client, commands: queue.Queue[Command], datagram: bytes
) -> None:
    client.send_raw(datagram)
    client.send("/musicgen/ping", 1)
    while not isinstance(command := commands.get(timeout=2), Ping):
        assert isinstance(command, Refused)
        assert command.origin.client == ("127.0.0.1", client.port)


def test_garbage_is_counted(
    server: OscServer, client: Client, commands: queue.Queue[Command]
) -> None:
    client.send_raw(b"hello")
    assert isinstance(commands.get(timeout=2), Refused)
    assert server.malformed == 1


def test_a_whole_surface_of_a_daw_is_complained_about_once(
    client: Client, commands: queue.Queue[Command]
) -> None:
    for _ in range(50):
        client.send("/track/1/vu", 0.5)
    client.send("/musicgen/ping")
    assert isinstance(commands.get(timeout=2), Refused)
    assert isinstance(commands.get(timeout=2), Ping)


def test_answers_echo_the_request(server: OscServer, client: Client) -> None:
    server.hear(events.Accepted(3, client.origin))
    assert client.hear() == ("/musicgen/accepted", [3, "/musicgen/generate", 7])
    server.hear(events.FirstAudio(3, 412.5, client.origin))
    assert client.hear() == ("/musicgen/first_audio", [3, 412.5, 7])
    server.hear(events.TakeProgress(3, 0.5))
    assert client.hear() == ("/musicgen/progress", [3, 0.5, 7])
    server.hear(events.TakeSaved(3, "/x/take.wav", 16.0, client.origin))
    assert client.hear() == ("/musicgen/done", [3, "/x/take.wav", 7])
    server.hear(events.Problem("bad_clip", "silent", client.origin))
    assert client.hear() == ("/musicgen/error", ["/musicgen/generate", "bad_clip", "silent", 7])


def test_status_is_one_message_of_pairs(server: OscServer, client: Client) -> None:
    server.hear(events.StatusChanged(events.Status(state="idle", tempo=97.5), client.origin))
    address, values = client.hear()
    pairs = dict(zip(values[::2], values[1::2], strict=False))
    assert address == "/musicgen/status"
    assert pairs["state"] == "idle"
    assert pairs["tempo"] == 97.5
    assert pairs["rolling"] == 0
    assert values[-1] == 7


def test_subscribers_hear_news_until_they_expire(
    server: OscServer,
    client: Client,
    new_client: Callable[[], Client],
    commands: queue.Queue[Command],
) -> None:
    listener = new_client()
    client.send("/musicgen/subscribe", listener.port, 0.4)
    commands.get(timeout=1)
    server.hear(events.TakeSaved(1, "a", 1.0))
    assert listener.hear() == ("/musicgen/done", [1, "a"])
    time.sleep(0.45)
    server.hear(events.TakeSaved(2, "b", 1.0))
    listener.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        listener.hear()


def test_a_subscription_too_many_is_refused_and_renewing_is_not(
    client: Client, commands: queue.Queue[Command]
) -> None:
    for port in range(20_000, 20_000 + MOST_OF_ONE_HOST):
        client.send("/musicgen/subscribe", port, 5.0)
        assert isinstance(commands.get(timeout=1), Subscribe)
    client.send("/musicgen/subscribe", 30_000, 5.0)
    refused = commands.get(timeout=1)
    assert isinstance(refused, Refused)
    assert "16 subscribers on 127.0.0.1" in refused.text
    client.send("/musicgen/subscribe", 20_000, 5.0)
    assert isinstance(commands.get(timeout=1), Subscribe)


def test_a_fader_is_not_echoed_to_the_hand_that_moves_it(
    server: OscServer,
    client: Client,
    new_client: Callable[[], Client],
    commands: queue.Queue[Command],
) -> None:
    other = new_client()
    for each in (client, other):
        each.send("/musicgen/subscribe")
        commands.get(timeout=1)
    server.hear(events.ParameterChanged("tempo", 100.0, client.origin))
    assert other.hear() == ("/musicgen/tempo", [100.0])
    client.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.hear()
    server.hear(events.ParameterChanged("bars", 8.0, client.origin, answer=True))
    assert client.hear() == ("/musicgen/bars", [8, 7])


def test_progress_is_told_ten_times_a_second(
    server: OscServer, client: Client, commands: queue.Queue[Command]
) -> None:
    client.send("/musicgen/subscribe")
    commands.get(timeout=1)
    for i in range(101):
        server.hear(events.TakeProgress(1, i / 100))
    heard = [client.hear()[1][1] for _ in range(2)]
    assert heard == [0.0, 1.0], "the first and the end, in a moment this short"


def test_a_taken_port_is_named_with_a_free_one(server: OscServer) -> None:
    with pytest.raises(PortInUse, match=f"{server.port}.*--osc-port"):
        OscServer(lambda command: None, port=server.port)


def test_generate_reaches_the_door(client: Client, commands: queue.Queue[Command]) -> None:
    client.send("/musicgen/generate", "funk", 7)
    assert commands.get(timeout=1) == Generate("funk", client.origin)
