"""How long a run is, from the two settings that say so."""

from __future__ import annotations

from typing import NamedTuple

STEPS = 20_000  # where the file gives neither steps nor minutes


class RunLength(NamedTuple):
    """`steps` alone: the learning rate depends on the step alone, so that a run which was
    interrupted gives the same weights. `minutes` alone: the rate follows the clock, all sessions
    together. Both: the rate follows the steps, and each session pauses after the minutes.
    """

    steps: int | None  # that the schedule counts to; None where the clock leads
    minutes: float | None  # of the whole run, where the clock leads
    session_minutes: float | None  # after which a session pauses, where the steps lead

    @classmethod
    def of(cls, steps: int | None, minutes: float | None) -> RunLength:
        """From the settings of these names."""
        if steps is None:
            return cls(STEPS if minutes is None else None, minutes, None)
        return cls(steps, None, minutes)
