"""Takes that are made beside the one that is heard, which goes first.

They come in groups that are drawn side by side (`core.generation.token_batch`). A group is worked
on while none of it waits for credit, so that its takes stay at one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.generation.audio_stream import AudioStream
from core.generation.messages import StartTake


@dataclass(slots=True, eq=False)
class Running:
    """A take in flight. busy: seconds spent on frames since tokens were last told."""

    request: StartTake
    stream: AudioStream
    credit: int | None = None
    busy: float = 0.0
    speed: float = 0.0

    @property
    def waits(self) -> bool:
        """Whether credit is lacking for another frame. The end of a take needs none."""
        made, wanted = self.stream.frames, self.request.frames
        return self.credit is not None and made >= self.credit and (wanted is None or made < wanted)


class Beside:
    """Oldest group first. Owned by the engine's thread."""

    def __init__(self) -> None:
        self._groups: list[list[Running]] = []

    def __iter__(self) -> Iterator[Running]:
        return iter([running for group in self._groups for running in group])

    def add(self, group: list[Running]) -> None:
        self._groups.append(group)

    def group_of(self, take: int) -> list[Running]:
        """The takes that are drawn with it, itself among them; none where it is not here."""
        found = (g for g in self._groups if any(one.request.take == take for one in g))
        return list(next(found, []))

    def due(self) -> list[Running]:
        """The takes that are to be drawn next; none while all of them wait."""
        ready = (g for g in self._groups if not any(one.waits for one in g))
        return list(next(ready, []))

    def remove(self, running: Running) -> None:
        for group in self._groups:
            if running in group:
                group.remove(running)
        self._groups = [group for group in self._groups if group]
