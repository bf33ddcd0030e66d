"""JACK transport → what a clock says. Pure. It is a clock while a timebase master gives a tempo."""

from __future__ import annotations

from daw_bridge.commands import (
    ClockLost,
    ClockPosition,
    ClockRolling,
    ClockSource,
    ClockTempo,
    Command,
)
from daw_bridge.jack_messages import JackPosition
from daw_bridge.transport import FASTEST, SLOWEST

FAR = 0.001  # seconds that a position may be off before it is told again; ticks are coarse
REMIND = 2.0  # … and it is told again after so many anyway
FROZEN = 0.3  # … without a step while it rolls: the master has left, and JACK shows its last word

SOURCE = ClockSource.JACK


class JackTransport:
    """Feed it readings; each call returns what there is to say."""

    def __init__(self) -> None:
        self._told: JackPosition | None = None
        self._rolled = False
        self._stepped = (0.0, 0.0)  # the newest beat, and since when

    def heard(self, new: JackPosition) -> list[Command]:
        if not (self._rolled and new.rolling) or new.beat != self._stepped[0]:
            self._stepped = (new.beat, new.at)
        self._rolled = new.rolling
        if new.bpm is None or new.at - self._stepped[1] > FROZEN:
            return self.gone()
        bpm = min(FASTEST, max(SLOWEST, new.bpm))
        told, said = self._told, list[Command]()
        if told is None or told.bpm != bpm:
            said.append(ClockTempo(SOURCE, bpm))
        if told is None or said or told.rolling != new.rolling or self._moved(told, new):
            said.append(ClockPosition(SOURCE, new.beat, new.at))
            self._told = JackPosition(new.rolling, bpm, new.beat, new.at)
        if told is None or told.rolling != new.rolling:
            said.append(ClockRolling(SOURCE, new.rolling, new.at))
        return said

    def gone(self) -> list[Command]:
        """No timebase master any more, or no server."""
        if self._told is None:
            return []
        self._told = None
        return [ClockLost(SOURCE)]

    @staticmethod
    def _moved(told: JackPosition, new: JackPosition) -> bool:
        assert told.bpm is not None
        passed = new.at - told.at
        due = told.beat + (passed * told.bpm / 60 if told.rolling else 0)
        far = abs(new.beat - due) * 60 / told.bpm > FAR
        return far or (told.rolling and passed > REMIND)
