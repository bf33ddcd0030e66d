"""Slow work that the session asks for and what comes back: files, mostly. Frozen, torch-free.

The controller hands effects to one disk thread, in order, so that a take is opened before
it grows, and grows before it is closed. Each outcome returns to the session as an input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from core.generation.messages import Codes, Pcm, PcmBlock, TakeTokens
from core.generation.params import BarGrid
from core.types import MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.examination import Heard
from daw_bridge.loopback.report import LoopbackReport
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
    """What a take's sidecar says: all that is needed to make it again.

    A take of whole bars ends inside its last frame, and the one that continues it begins there.
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


# ---------------------------------------------------------------- session → disk


@dataclass(frozen=True, slots=True, eq=False)
class OpenTake:
    record: TakeRecord


@dataclass(frozen=True, slots=True, eq=False)
class KeepPcm:
    block: PcmBlock


@dataclass(frozen=True, slots=True, eq=False)
class KeepTokens:
    tokens: TakeTokens


@dataclass(frozen=True, slots=True)
class CutTake:
    """What the take in flight has from that frame and sample on was taken back."""

    take: int
    frames: int
    samples: int


@dataclass(frozen=True, slots=True, eq=False)
class KeepContext:
    """The tokens of the clip that a take continues, as the engine encoded it."""

    take: int
    codes: Codes


@dataclass(frozen=True, slots=True, eq=False)
class CloseTake:
    """The take will not grow any more: write it whole. Nothing was made: forget it."""

    record: TakeRecord


@dataclass(frozen=True, slots=True)
class MarkTake:
    take: int
    kept: bool = True


@dataclass(frozen=True, slots=True)
class NameTake:
    take: int
    name: str


@dataclass(frozen=True, slots=True)
class DiscardTake:
    """Move a take's files aside."""

    take: int


@dataclass(frozen=True, slots=True)
class ReclaimTake:
    """Bring a take's files back (None: those moved aside last)."""

    take: int | None = None


@dataclass(frozen=True, slots=True)
class ReadSound:
    """At most `count` samples of a take's WAV, from its sample `first` on."""

    token: int
    take: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class ReadClip:
    """Read at most the last `seconds` of a sound file. from_start: the first ones, to be listened
    to and not to be continued."""

    token: int
    path: str
    seconds: float
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class RecallTake:
    """The tokens of a take up to `frame` (None: its end), and of those that it continues.

    lead: samples before that frame at which the continuation is to begin.
    """

    token: int
    take: int
    frame: int | None
    lead: int = 0


@dataclass(frozen=True, slots=True)
class RecallRecipe:
    """A take's record, and the tokens that it continues: to make it again."""

    token: int
    take: int


@dataclass(frozen=True, slots=True)
class AdoptTake:
    """Take a WAV that is a take of another folder into this one as number `take`, and recall
    it."""

    token: int
    path: str
    take: int


@dataclass(frozen=True, slots=True)
class NoteTake:
    """What has changed about a take in flight, for the case that the program is killed."""

    record: TakeRecord


@dataclass(frozen=True, slots=True)
class KeepCurrent:
    """Remember which take is current."""

    take: int


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """Settings that changed, by name, to be remembered for the next start."""

    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class StretchLoop:
    """A loop [samples, channels] played in another number of samples."""

    take: int
    pcm: Pcm
    samples: int


@dataclass(frozen=True, slots=True, eq=False)
class ExamineLoopback:
    """What came back of a test signal; the rest as `loopback.examination.examine` takes it."""

    token: int
    heard: Heard
    train: ChirpTrain
    reported: float
    underruns: int
    buffer: int


DiskEffect = (
    OpenTake
    | KeepPcm
    | KeepTokens
    | CutTake
    | KeepContext
    | CloseTake
    | MarkTake
    | NameTake
    | DiscardTake
    | ReclaimTake
    | ReadSound
    | ReadClip
    | RecallTake
    | RecallRecipe
    | AdoptTake
    | NoteTake
    | KeepCurrent
    | KeepSettings
    | StretchLoop
    | ExamineLoopback
)


@dataclass(frozen=True, slots=True, eq=False)
class PlayBlock:
    """Hand a block to the audio process (its BeginTake went before)."""

    block: PcmBlock


# ---------------------------------------------------------------- disk → session


@dataclass(frozen=True, slots=True)
class TakeWritten:
    record: TakeRecord  # with its path


@dataclass(frozen=True, slots=True)
class TakeDiscarded:
    take: int


@dataclass(frozen=True, slots=True)
class TakeReclaimed:
    record: TakeRecord


@dataclass(frozen=True, slots=True, eq=False)
class SoundRead:
    """Of a take's WAV, which has `whole` samples, those from `first` on."""

    token: int
    take: int
    first: int
    pcm: Pcm
    whole: int


@dataclass(frozen=True, slots=True)
class DiskProblem:
    """Something could not be read or written. `token`: the question it answers."""

    code: str
    text: str
    token: int | None = None
    take: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ClipRead:
    token: int
    pcm: Pcm
    rate: int
    path: str
    note: str = ""  # why it is no take although it says so, one line


@dataclass(frozen=True, slots=True, eq=False)
class TakeRecalled:
    token: int
    record: TakeRecord
    codes: Codes
    frame: int  # of the take, from which on it is continued
    at_end: bool = False  # nothing of it comes after that
    lead: int = 0  # samples before `frame` at which the continuation begins


@dataclass(frozen=True, slots=True)
class TakeFound:
    """The file is a take of another folder."""

    token: int
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class RecipeRecalled:
    token: int
    record: TakeRecord
    codes: Codes  # that the take continues; none: it began fresh


@dataclass(frozen=True, slots=True, eq=False)
class LoopReady:
    """A take's loop: one round [samples, channels], 32 kHz, whose end meets its beginning.

    drift, offset: milliseconds by which its beats had strayed at its end, and lay late from the
    start. mended: 1 where they were brought onto the grid, 0 where they were there or near,
    -1 where no beat was found to tell by.
    """

    take: int
    pcm: Pcm
    drift: float
    offset: float
    mended: int


@dataclass(frozen=True, slots=True, eq=False)
class LoopStretched:
    take: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class LoopbackExamined:
    token: int
    report: LoopbackReport


DiskOutcome = (
    TakeWritten
    | TakeDiscarded
    | TakeReclaimed
    | SoundRead
    | DiskProblem
    | ClipRead
    | TakeRecalled
    | TakeFound
    | RecipeRecalled
    | LoopReady
    | LoopStretched
    | LoopbackExamined
)


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes: sent about twenty times a second."""
