"""A Link session as a clock: only with peers, start and stop only where they are shared."""

from __future__ import annotations

from daw_bridge.commands import (
    ClockGone,
    ClockLost,
    ClockPosition,
    ClockRolling,
    ClockSource,
    ClockTempo,
    LinkPeers,
)
from daw_bridge.link_session import LinkReading, LinkSession

LINK = ClockSource.LINK


def test_a_session_alone_is_no_clock() -> None:
    session = LinkSession()
    assert session.heard(LinkReading(0, 120, False, 3.0, 1.0)) == []
    assert session.heard(LinkReading(0, 99, True, 3.0, 1.0)) == []
    assert not session.has_peers


def test_with_a_peer_it_rolls_and_then_says_little() -> None:
    session = LinkSession()
    assert session.heard(LinkReading(1, 120, False, 3.0, 10.0)) == [
        LinkPeers(1), ClockTempo(LINK, 120), ClockPosition(LINK, 3.0, 10.0),
        ClockRolling(LINK, True, 10.0),
    ]  # fmt: skip
    for i in range(1, 30):
        assert session.heard(LinkReading(1, 120, False, 3.0 + i * 0.1, 10 + i * 0.05)) == []
    assert session.heard(LinkReading(2, 120, False, 6.0, 11.5)) == [LinkPeers(2)]
    assert session.heard(LinkReading(2, 120, False, 7.01, 12.0)) == [
        ClockPosition(LINK, 7.01, 12.0)
    ], "somebody moved the beat"


def test_a_new_tempo_comes_with_its_place() -> None:
    session = LinkSession()
    session.heard(LinkReading(1, 120, False, 0.0, 10.0))
    assert session.heard(LinkReading(1, 90, False, 0.1, 10.05)) == [
        ClockTempo(LINK, 90), ClockPosition(LINK, 0.1, 10.05),
    ]  # fmt: skip


def test_shared_starts_and_stops_are_followed() -> None:
    session = LinkSession()
    session.heard(LinkReading(1, 120, False, 0.0, 10.0))
    assert session.heard(LinkReading(1, 120, True, 0.1, 10.05)) == [], "it rolled already"
    stopped = session.heard(LinkReading(1, 120, False, 0.2, 10.1))
    assert stopped[-1] == ClockRolling(LINK, False, 10.1)
    assert session.heard(LinkReading(1, 120, False, 0.3, 10.15)) == []
    started = session.heard(LinkReading(1, 120, True, 0.4, 10.2))
    assert started == [ClockPosition(LINK, 0.4, 10.2), ClockRolling(LINK, True, 10.2)]


def test_the_last_peer_leaves_and_another_one_comes() -> None:
    session = LinkSession()
    session.heard(LinkReading(1, 120, True, 0.0, 10.0))
    session.heard(LinkReading(1, 120, False, 0.1, 10.1))
    assert session.heard(LinkReading(0, 120, False, 1.0, 10.5)) == [LinkPeers(0), ClockLost(LINK)]
    assert session.heard(LinkReading(0, 120, False, 1.1, 10.55)) == []
    again = session.heard(LinkReading(1, 120, False, 2.0, 11.0))
    assert again[-1] == ClockRolling(LINK, True, 11.0), "this one shares no starts"


def test_switched_off_it_is_gone_not_lost() -> None:
    session = LinkSession()
    assert session.left() == []
    session.heard(LinkReading(1, 120, False, 0.0, 10.0))
    assert session.left() == [LinkPeers(0), ClockGone(LINK)]
    assert session.left() == []
