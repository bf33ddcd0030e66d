"""The tokens that a take grew from: its own, those of the takes it continues, and of a clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from core.errors import BadInput
from core.generation.messages import Codes
from core.types import FRAME_RATE, SAMPLES_PER_FRAME
from daw_bridge.partial_take import PartialTake
from daw_bridge.take_chunks import Tokens
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_writing import context_codes, own_codes

LONGEST = 3_600 * FRAME_RATE  # frames of tokens that a take is continued from


class Lineage:
    """Walks up the tree. growing: takes in flight, which stand before those on disk."""

    def __init__(
        self, growing: Mapping[int, PartialTake], on_disk: Callable[[int], TakeRecord | None]
    ) -> None:
        self._growing, self._on_disk = growing, on_disk

    def codes_until(
        self, take: int, frame: int | None, limit: int = LONGEST
    ) -> tuple[Codes, TakeRecord, int]:
        """The last `limit` frames of tokens up to `frame` of a take (None: its end), with what
        it continues; its record; and the frame.

        Raises BadInput when there are none, and for a frame past the end.
        """
        record = self._record(take)
        codes, most = self._own(record)
        end = most if frame is None else frame
        if end > most:
            seconds = f"{replace(record, frames=most).seconds:g}"
            raise BadInput(f"take {take} is {seconds} s long; branch at {seconds} or before")
        before = self.before(record, codes.shape[0], max(0, limit - end))
        if before.shape[1] + end == 0:
            raise BadInput(f"take {take} has no tokens yet; wait until some of it is made")
        every = np.concatenate((before, codes[:, :end]), axis=1)
        return every[:, -limit:].astype(np.int64), record, end

    def codes_before(self, take: int) -> tuple[Codes, TakeRecord]:
        """The tokens that a take continues (which may be none), and its record: all that is
        needed to make it again. Raises BadInput."""
        record = self._record(take)
        codes, _ = self._own(record)
        return self.before(record, codes.shape[0]).astype(np.int64), record

    def before(self, record: TakeRecord, codebooks: int, limit: int = LONGEST) -> Tokens:
        """At most the last `limit` frames before a take: of the takes it continues, and of the
        clip that the first of them continues. int16 [codebooks, frames]."""
        parts: list[Tokens] = [np.zeros((codebooks, 0), np.int16)]
        have, seen = 0, {record.take}
        while have < limit:
            parent = self._find(record.parent)
            own = self._tokens(parent) if parent and parent.take not in seen else None
            if parent is None or own is None or own.shape[0] != codebooks:
                clip = self._context(record)
                if clip is not None and clip.shape[0] == codebooks:
                    parts.insert(0, clip)
                break
            parts.insert(0, own[:, : record.at])
            have += parts[0].shape[1]
            seen.add(parent.take)  # a damaged folder could hold a circle
            record = parent
        every = np.concatenate(parts, axis=1)
        return every[:, every.shape[1] - min(limit, every.shape[1]) :]

    # ------------------------------------------------------------------ one take

    def _own(self, record: TakeRecord) -> tuple[Tokens, int]:
        """A take's own tokens, and how many frames of them are heard. Raises BadInput."""
        codes, partial = self._tokens(record), self._growing.get(record.take)
        if codes is None:
            raise BadInput(f"the tokens of take {record.take} are missing or broken")
        heard = record.frames
        if partial:
            heard = max(0, partial.samples - record.lead) // SAMPLES_PER_FRAME
        return codes, min(heard or codes.shape[1], codes.shape[1])

    def _tokens(self, record: TakeRecord) -> Tokens | None:
        partial = self._growing.get(record.take)
        return partial.codes if partial else own_codes(record)

    def _context(self, record: TakeRecord) -> Tokens | None:
        partial = self._growing.get(record.take)
        return partial.context if partial else context_codes(record)

    def _find(self, take: int | None) -> TakeRecord | None:
        if take is None:
            return None
        partial = self._growing.get(take)
        return partial.record if partial else self._on_disk(take)

    def _record(self, take: int) -> TakeRecord:
        record = self._find(take)
        if record is None:
            raise BadInput(f"there is no take {take} in the folder of takes")
        return record
