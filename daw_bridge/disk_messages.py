"""Slow work that the session asks of the disk thread, and what comes back: files, mostly.

It is done in the order in which it is asked for: a take is opened before it grows, and grows
before it is closed. Each outcome returns to the session as an input.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.generation.messages import Codes, Pcm, PcmBlock, TakeTokens
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.examination import Heard
from daw_bridge.loopback.report import LoopbackReport
from daw_bridge.take_record import TakeRecord


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


DiskRequest = (
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
