"""How long a take is, and where in another one it begins: to the sample. Pure.

Tokens come in frames of 20 ms, bars do not. So a take of whole bars has the frames that cover it
and ends inside the last one; what continues it has all those frames as its context, and its sound
begins before its own first frame (`lead`), with the sample after the other's last.
"""

from __future__ import annotations

from core.types import MODEL_RATE, SAMPLES_PER_FRAME, Frames, frames_covering
from daw_bridge.take_record import TakeRecord

LONGEST = 1e6  # seconds into a take that are told from later ones

# Samples of its context's sound with which a take begins that follows one that still sounds: as
# much as a cross-fade needs that ends before the codec's look-ahead makes the two differ.
PRE_ROLL = 5 * SAMPLES_PER_FRAME


def pre_roll(lead: int) -> int:
    """The same for a take with a lead; whole frames, so that both fall on the same samples."""
    return PRE_ROLL + lead // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME


def frames_for(seconds: float, lead: int = 0) -> Frames:
    """Frames of a take that lasts so long, `lead` samples of it before its first frame."""
    return frames_covering(max(1, round(seconds * MODEL_RATE) - lead))


def point_in(record: TakeRecord | None, seconds: float) -> tuple[int, int]:
    """A moment of a take: the frame up to which its tokens are the context of what begins there,
    and how many samples before that frame it begins."""
    sample = round(min(seconds, LONGEST) * MODEL_RATE) - (record.lead if record else 0)
    frame = max(1, frames_covering(sample))
    return frame, frame * SAMPLES_PER_FRAME - sample


def second_of(parent: TakeRecord | None, child: TakeRecord) -> float:
    """The second of `parent` at which a take that continues it begins."""
    if child.at is None:
        return 0.0
    sample = child.at * SAMPLES_PER_FRAME - child.lead + (parent.lead if parent else 0)
    return max(0, sample) / MODEL_RATE


def rest_of(record: TakeRecord, frame: int) -> float:
    """Seconds from that frame of a take to its end; 0 where it has no length of its own."""
    if not record.length:
        return 0.0
    return record.length - (record.lead + frame * SAMPLES_PER_FRAME) / MODEL_RATE
