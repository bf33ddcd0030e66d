"""The tree of takes as the session knows it, and the walks through it. Pure.

Undo goes from a take to the one that it came from: its parent, the take that it retries, or the
one that was current when it was asked for. Redo comes back the same way. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from core.errors import BadInput
from daw_bridge.take_record import TakeRecord


@dataclass(frozen=True, slots=True, eq=False)
class TakeTree:
    """records: by number, takes in flight included. current: 0 for none.

    undone: what redo comes back to, the next one last.
    """

    records: Mapping[int, TakeRecord] = field(default_factory=lambda: MappingProxyType({}))
    current: int = 0
    undone: tuple[int, ...] = ()

    @classmethod
    def of(cls, records: Iterable[TakeRecord], current: int) -> TakeTree:
        return cls(MappingProxyType({record.take: record for record in records}), current)

    # ------------------------------------------------------------------ growing

    def with_record(self, record: TakeRecord) -> TakeTree:
        """A take is there, or more is known of it."""
        return replace(self, records=MappingProxyType({**self.records, record.take: record}))

    def grown(self, record: TakeRecord) -> TakeTree:
        """A new take, which is current from now on."""
        return replace(self.with_record(record), current=record.take, undone=())

    def without(self, take: int) -> TakeTree:
        """Nothing came of a take."""
        left = MappingProxyType({n: r for n, r in self.records.items() if n != take})
        current = self.current
        if current == take:
            current = self.came_from(take) or 0
        return replace(self, records=left, current=current)

    # ------------------------------------------------------------------ walking

    def came_from(self, take: int) -> int | None:
        """The take that undo goes to from there."""
        record = self.records.get(take)
        origins = () if record is None else (record.before, record.parent)
        return next((n for n in origins if n is not None and n in self.records and n != take), None)

    def undo(self) -> TakeTree:
        """Raises BadInput at the first take."""
        before = self.came_from(self.current)
        if before is None:
            what = f"take {self.current} came from no other" if self.current else "there is no take"
            raise BadInput(f"nothing to undo: {what}")
        return replace(self, current=before, undone=(*self.undone, self.current))

    def redo(self) -> TakeTree:
        """To what was undone; after a restart, to the newest take that came from this one.

        Raises BadInput when there is none.
        """
        following, left = (self.undone[-1], self.undone[:-1]) if self.undone else (0, ())
        if following not in self.records:
            left = ()
            came = (n for n in self.records if self.came_from(n) == self.current)
            following = max(came, default=0)
        if not following:
            raise BadInput("nothing to redo: no take was undone")
        return replace(self, current=following, undone=left)

    def chosen(self, take: int) -> TakeTree:
        """Raises BadInput when there is no such take."""
        if take not in self.records:
            newest = max(self.records, default=0)
            hint = f"the newest is {newest}" if newest else "there is none yet"
            raise BadInput(f"no take {take}; {hint}")
        return replace(self, current=take, undone=())

    # ------------------------------------------------------------------ looking

    def is_continued(self, take: int, frame: int) -> bool:
        """Whether a take continues that one from that frame."""
        return any(r.parent == take and r.at == frame for r in self.records.values())

    def newest(self, count: int, below: int | None = None) -> tuple[TakeRecord, ...]:
        """At most `count` takes with numbers below `below`, oldest first."""
        numbers = sorted(n for n in self.records if below is None or n < below)
        return tuple(self.records[n] for n in numbers[-count:])
