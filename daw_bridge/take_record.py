"""What is known of a take: enough to make it again. Its sidecar and its WAV keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from core.generation.params import BarGrid
from core.types import MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.take_timeline import TakeChange


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """A LoRA adapter that a take was made with."""

    name: str
    weight: float
    digest: str  # of its file
    licence: str = ""
    frame: int = 0  # the first new frame it had this weight at; weight 0: unloaded there


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """A take of one's own folder, whole or in flight.

    One of whole bars ends inside its last frame, and the one that continues it begins there.
    Samples are at 32 kHz.
    """

    take: int
    prompts: tuple[tuple[int, str], ...] = ((0, ""),)  # (new frame it took over at, text)
    seed: int = 0
    temperature: float = 1.0
    top_k: int = 250
    guidance: float = 3.0
    changes: tuple[TakeChange, ...] = ()  # the timeline in full, from frame 0 on, in order
    tempo: float = 120.0
    bars: int = 0
    beats: int = 4
    model: str = ""
    digest: str = ""
    licence: str = ""
    adapters: tuple[AdapterUse, ...] = ()  # in the order of their frames
    parent: int | None = None  # the take it continues
    at: int | None = None  # … from which frame on
    lead: int = 0  # samples before that frame with which its sound begins
    length: float = 0.0  # seconds that were asked for; 0: as many as its frames have
    before: int | None = None  # the take that undo goes back to: its parent, or what it replaces
    source: str = ""  # the clip it continues: a path, or 'input'
    bar_frames: float = 0.0  # frames from one bar line to the next; 0: nobody knows
    bar_first: float = 0.0  # … and a line among them, counted from its first frame
    level: float = 1.0  # what the sound of its tokens is multiplied with
    loop: bool = False  # played round and round; its sound is then one round, closed
    drift: float = 0.0  # of a loop: milliseconds its beats had strayed at its end, as generated
    uid: str = ""  # names it for good, in whatever folder it is; 32 hex digits
    parent_uid: str = ""
    created: str = ""  # ISO 8601, UTC
    frames: int = 0
    complete: bool = False  # all that was asked for was made
    kept: bool = False
    path: str = ""  # of the WAV, once written
    name: str = ""  # that a person gave it

    @property
    def prompt(self) -> str:
        return self.prompts[-1][1] if self.prompts else ""

    @property
    def samples(self) -> int:
        """Samples of its sound, as of the frames that are made."""
        made = self.lead + self.frames * SAMPLES_PER_FRAME
        return min(made, round(self.length * MODEL_RATE)) if self.length else made

    @property
    def seconds(self) -> float:
        return self.samples / MODEL_RATE

    @property
    def left_over(self) -> int:
        """Samples from its end to the end of its last frame."""
        return self.lead + self.frames * SAMPLES_PER_FRAME - self.samples

    @property
    def bar_grid(self) -> BarGrid | None:
        """Where its bar lines fall, counted from its first frame; None: nobody knows."""
        return BarGrid(self.bar_frames, self.bar_first) if self.bar_frames >= 1 else None

    @classmethod
    def of(cls, table: Mapping[str, Any], **changes: Any) -> TakeRecord:
        """From a sidecar's table; keys that are not ours are left out.

        Raises KeyError, TypeError, ValueError or AttributeError for one that is not ours.
        """
        names = {f.name for f in fields(cls)}
        values = {name: value for name, value in table.items() if name in names}
        values["prompts"] = tuple((int(frame), str(text)) for frame, text in values["prompts"])
        values["changes"] = tuple(TakeChange.of(one) for one in values.get("changes", ()))
        values["adapters"] = tuple(AdapterUse(**use) for use in values.get("adapters", ()))
        return cls(**{**values, **changes})
