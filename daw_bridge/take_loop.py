"""A take on its way to disk becomes a loop."""

from __future__ import annotations

import numpy as np

from daw_bridge.disk_messages import LoopReady
from daw_bridge.looping.loop_making import make_loop
from daw_bridge.partial_take import PartialTake
from daw_bridge.take_record import TakeRecord


def make_loop_of(record: TakeRecord, partial: PartialTake) -> LoopReady:
    """The loop of a take that is whole, with the tail that was made for it."""
    pcm = np.concatenate(list(partial.blocks()))
    beat = 60 / record.tempo
    made = make_loop(pcm, record.length, beat, partial.codes, record.lead)
    mended = (made.speed, made.shift) != (1.0, 0.0)
    return LoopReady(
        record.take,
        made.pcm,
        drift=round(made.drift.after(record.length) * 1000, 2),
        offset=round(made.drift.offset * 1000, 2),
        mended=int(mended) if made.drift.certain else -1,
    )
