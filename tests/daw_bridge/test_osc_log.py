"""The log of OSC: what came and went, from whatever a network sends, within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from daw_bridge.osc_feedback import OscMessage
from daw_bridge.osc_log import LONGEST, OscLog

PEER = ("127.0.0.1", 9001)


def test_a_bundle_is_a_line_for_each_message() -> None:
    bundle = OscBundleBuilder(IMMEDIATELY)
    for address in ("/a", "/b"):
        bundle.add_content(OscMessageBuilder(address).build())  # pyright: ignore
    log = OscLog()
    log.note(bundle.build().dgram, PEER, received=True)
    assert [(line.number, line.text) for line in log.since(0)] == [(1, "/a"), (1, "/b")]


def test_only_what_is_new_is_told() -> None:
    log = OscLog(kept=3)
    for number in range(5):
        log.note(OscMessage("/n", (number,)).datagram(), PEER, received=False)
    assert [line.text for line in log.since(0)] == ["/n 2", "/n 3", "/n 4"]
    assert [line.number for line in log.since(4)] == [5]
    assert log.since(5) == []


def test_long_ones_are_cut_and_still_named() -> None:
    log = OscLog()
    log.note(OscMessage("/long", ("x" * 2 * LONGEST,)).datagram(), PEER, received=True)
    log.note(OscMessage("/text", ("y" * 200,)).datagram(), PEER, received=True)
    long, text = log.since(0)
    assert long.text.startswith("/long")
    assert "4096 bytes" in long.text
    assert text.text == '/text "' + "y" * 59 + '…"'


@given(st.binary(max_size=64) | st.binary(max_size=40).map(lambda b: b"#bundle\0" + b))
def test_whatever_comes_is_a_line_or_more(data: bytes) -> None:
    log = OscLog()
    log.note(data, PEER, received=True)
    assert all(isinstance(line.text, str) for line in log.since(0))
