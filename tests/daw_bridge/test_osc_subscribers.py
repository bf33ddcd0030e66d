"""Subscriptions by a clock of the test's own: they renew, expire and have a bound."""

from __future__ import annotations

import pytest
from pythonosc.osc_message import OscMessage

from daw_bridge import events
from daw_bridge.commands import Command, Origin, Refused, Subscribe, Unsubscribe
from daw_bridge.osc_feedback import MOST_OF_ONE_HOST, MOST_SUBSCRIBERS, OscFeedback


class Desk:
    """Feedback whose datagrams are kept and whose time stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[str, tuple[str, int]]] = []
        self.feedback = OscFeedback(self._send, lambda: self.now)

    def _send(self, datagram: bytes, client: tuple[str, int]) -> None:
        self.sent.append((OscMessage(datagram).address, client))

    def subscribe(self, host: str, port: int = 9000, seconds: float = 10.0) -> Command:
        return self.feedback.note(Subscribe(port, seconds, origin(host)))

    def told(self) -> list[tuple[str, int]]:
        """Who hears of a finished take now."""
        self.sent.clear()
        self.feedback.hear(events.TakeSaved(1, "take.wav", 1.0))
        return [client for _, client in self.sent]


def origin(host: str) -> Origin:
    return Origin("osc", (host, 5000), "/musicgen/subscribe", 3)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_subscription_expires_and_is_renewed_by_asking_again(desk: Desk) -> None:
    desk.subscribe("10.0.0.1")
    desk.now = 9.0
    assert desk.told() == [("10.0.0.1", 9000)]
    desk.subscribe("10.0.0.1")
    desk.now = 18.9
    assert desk.told() == [("10.0.0.1", 9000)], "renewed at 9 s, so until 19 s"
    desk.now = 19.0
    assert desk.told() == []


def test_a_renewal_can_shorten(desk: Desk) -> None:
    desk.subscribe("10.0.0.1", seconds=600)
    desk.subscribe("10.0.0.1", seconds=1)
    desk.now = 2.0
    assert desk.told() == []


def test_made_up_senders_cannot_grow_it(desk: Desk) -> None:
    answers = [desk.subscribe(f"10.0.{i // 250}.{i % 250}", seconds=100) for i in range(5000)]
    assert len(desk.told()) == MOST_SUBSCRIBERS
    refused = [a for a in answers if isinstance(a, Refused)]
    assert len(refused) == 5000 - MOST_SUBSCRIBERS
    assert refused[0].code == "too_many_subscribers"
    assert "100 s" in refused[0].text, "says when there is room again"
    assert refused[0].origin.request == 3
    first = desk.subscribe("10.0.0.0", seconds=200)
    assert isinstance(first, Subscribe), "who is in can renew"
    desk.now = 150.0
    assert desk.told() == [("10.0.0.0", 9000)]
    assert isinstance(desk.subscribe("10.9.9.9"), Subscribe), "there is room again"


def test_one_host_cannot_take_every_place(desk: Desk) -> None:
    for port in range(9000, 9100):
        desk.subscribe("10.0.0.1", port)
    assert len(desk.told()) == MOST_OF_ONE_HOST
    assert isinstance(desk.subscribe("10.0.0.2"), Subscribe)
    assert ("10.0.0.2", 9000) in desk.told()


def test_unsubscribing_makes_room(desk: Desk) -> None:
    for port in range(9000, 9000 + MOST_OF_ONE_HOST):
        desk.subscribe("10.0.0.1", port)
    desk.feedback.note(Unsubscribe(9003, origin("10.0.0.1")))
    assert isinstance(desk.subscribe("10.0.0.1", 9500), Subscribe)


def test_a_refusal_is_told_to_the_one_who_asked(desk: Desk) -> None:
    desk.subscribe("10.0.0.9")
    problem = events.Problem("too_many_subscribers", "there are 64 already", origin("10.0.0.1"))
    desk.feedback.hear(problem)
    assert desk.sent == [("/musicgen/error", ("10.0.0.1", 5000))]
