"""How much is generated past a loop's end."""

from __future__ import annotations

from core.types import FRAME_RATE

TAIL = 0.5  # seconds, among which the crossing is chosen …
TAIL_SHARE = 0.03  # … and so much of the loop's length, lest music that is slow ends before
LONGEST_TAIL = 1.5


def tail_frames(length: float) -> int:
    """Frames to generate past the end of a loop of `length` seconds."""
    return round(min(TAIL + TAIL_SHARE * length, LONGEST_TAIL) * FRAME_RATE)
