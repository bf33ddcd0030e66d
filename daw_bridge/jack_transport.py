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

SLOWEST, FASTEST = 20.0, 400.0
FAR = 0.001  # seconds that a position may be off before it is told again; ticks are coarse
REMIND = 2.0  # … and it is told again after so many anyway

SOURCE = ClockSource.JACK


class JackTransport:
    """Feed it readings; each call returns what there is to say."""

    def __init__(self) -> None:
        self._told: JackPosition | None = None

    def heard(self, new: JackPosition) -> list[Command]:
        if new.bpm is None:
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
