"""Readings of an Ableton Link session → what a clock says. Pure.

A session without peers is nobody's clock. Peers that share start and stop are followed in it;
a session where nobody ever does rolls for as long as there are peers.
"""

from __future__ import annotations

from dataclasses import dataclass

from daw_bridge.commands import (
    ClockGone,
    ClockLost,
    ClockPosition,
    ClockRolling,
    ClockSource,
    ClockTempo,
    Command,
    LinkPeers,
)

FAR = 0.0005  # seconds that a position may be off before it is told again
REMIND = 2.0  # … and it is told again after so many anyway
HARDLY = 0.001  # bpm: the wire rounds to whole microseconds a beat

SOURCE = ClockSource.LINK


@dataclass(frozen=True, slots=True)
class LinkReading:
    """The session at time.monotonic() `at`. beat: quarter notes, whole multiples of the
    quantum on everybody's bar line. playing: what peers that share start and stop say."""

    peers: int
    tempo: float
    playing: bool
    beat: float
    at: float


class LinkSession:
    """Feed it readings; each call returns what there is to say."""

    def __init__(self) -> None:
        self._peers = 0
        self._told: LinkReading | None = None
        self._rolling: bool | None = None
        self._starts_are_shared = False

    @property
    def has_peers(self) -> bool:
        return self._peers > 0

    def heard(self, new: LinkReading) -> list[Command]:
        said: list[Command] = []
        if new.peers != self._peers:
            said.append(LinkPeers(new.peers))
        self._peers = new.peers
        if not new.peers:
            if self._told is not None:
                said.append(ClockLost(SOURCE))
            self._forget()
            return said
        self._starts_are_shared = self._starts_are_shared or new.playing
        rolling = new.playing or not self._starts_are_shared
        told = self._told
        faster = told is None or abs(told.tempo - new.tempo) >= HARDLY
        if faster:
            said.append(ClockTempo(SOURCE, new.tempo))
        if told is None or faster or rolling is not self._rolling or self._moved(told, new):
            said.append(ClockPosition(SOURCE, new.beat, new.at))
            self._told = new
        if rolling is not self._rolling:
            said.append(ClockRolling(SOURCE, rolling, new.at))
        self._rolling = rolling
        return said

    def left(self) -> list[Command]:
        """Link was switched off here."""
        said: list[Command] = [LinkPeers(0), ClockGone(SOURCE)] if self._peers else []
        self._peers = 0
        self._forget()
        return said

    def _forget(self) -> None:
        self._told, self._rolling, self._starts_are_shared = None, None, False

    def _moved(self, told: LinkReading, new: LinkReading) -> bool:
        passed = new.at - told.at
        due = told.beat + passed * told.tempo / 60
        return abs(new.beat - due) * 60 / new.tempo > FAR or passed > REMIND
