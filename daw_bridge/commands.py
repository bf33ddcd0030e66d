"""Everything a person, a DAW or a clock can ask for: a closed union of frozen dataclasses.

OSC, MIDI and the GUI only enqueue these; the controller's thread applies them in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from core.generation.params import STYLE_SECONDS


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, so that the answer finds its way back. `client` is (host, port) for OSC."""

    source: str = "gui"  # 'osc' | 'midi' | 'gui' | 'cli'
    client: tuple[str, int] | None = None
    address: str = ""  # the OSC address, echoed in replies
    request: int | None = None  # the caller's request number, echoed


class ClockSource(Enum):
    """Clocks that can lead, in the order in which they do."""

    LINK = "link"
    MIDI = "midi"
    JACK = "jack"
    OSC = "osc"
    INTERNAL = "internal"


# ---------------------------------------------------------------- music


PROMPT_SLOTS = 8  # prompts that are blended
NEGATIVE_SLOT = 0  # what to keep away from


@dataclass(frozen=True, slots=True)
class SetPrompt:
    """The prompt: slot 1."""

    text: str
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class SetPromptSlot:
    """A text, its weight in the blend, or both (None: as it is); an empty text empties it."""

    slot: int
    text: str | None = None
    weight: float | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class SetNegative:
    """What to keep away from; empty: nothing."""

    text: str
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Generate:
    """A new take, of the current prompt unless one is given."""

    prompt: str | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class ContinueFile:
    path: str
    prompt: str | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class ContinueInput:
    """Continue the last bars of the rolling capture."""

    prompt: str | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class ContinueTake:
    """Continue (at None) or branch (at `at` seconds) a take from its tokens (None: the current)."""

    take: int | None = None
    at: float | None = None
    prompt: str | None = None
    origin: Origin = field(default=Origin())


MOST_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class MakeAlternatives:
    """So many takes that could take the place of what sounds, from a bar line on."""

    count: int = 2
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Swap:
    """At the next bar, an alternative in place of what sounds. number: 1 is the first one, and
    the last one is what sounded when they were asked for; None: the next one round."""

    number: int | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Retry:
    """The current take once more, with another seed."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Undo:
    """The take that the current one came from is current again."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Redo:
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class ChooseTake:
    """The next continue and retry go from this take."""

    take: int
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop at the next bar (at once while no clock rolls)."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence at once."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Record:
    on: bool
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class KeepTake:
    """Mark a take as one to keep, or no longer (None: the take in flight or the last one)."""

    take: int | None = None
    origin: Origin = field(default=Origin())
    on: bool = True


@dataclass(frozen=True, slots=True)
class PlayTake:
    """Play a take of the library from `at` seconds into it. It is then the current one."""

    take: int
    at: float = 0.0
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class RenameTake:
    """What people call it; its files keep their names, as projects of DAWs may use them."""

    take: int
    name: str
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class DeleteTake:
    """Move a take's files aside, where RestoreTake finds them."""

    take: int
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class RestoreTake:
    """Bring a deleted take back (None: the one that was deleted last)."""

    take: int | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class RecallPreset:
    """By name, or by number (MIDI program, from 0, in the order of the preset files)."""

    preset: str | int
    origin: Origin = field(default=Origin())


# ---------------------------------------------------------------- settings


@dataclass(frozen=True, slots=True)
class SetParameter:
    """A value of the parameter table, already checked against its range."""

    name: str
    value: float
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class TapTempo:
    """One tap of the tempo button: two or more in time set the internal tempo."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class LearnController:
    """The next MIDI control change that moves is mapped to this parameter."""

    name: str
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class MapController:
    """MIDI control change `controller` sets this parameter; None unmaps it."""

    name: str
    controller: int | None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class MeasureLoopback:
    """Play a test signal and hear what comes back of it at the input: latency, drift, dropouts."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class UseModel:
    model: str
    origin: Origin = field(default=Origin())


FROM_INPUT = "input"  # in place of the path of a melody: the last bars that came in


@dataclass(frozen=True, slots=True)
class SetMelody:
    """The sound file whose melody a melody model follows, or FROM_INPUT; an empty path: none."""

    path: str
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class SetStyle:
    """The sound file whose style a style model follows, or FROM_INPUT; an empty path: none.

    seconds: of its middle that are heard, 1.5 to 4.5.
    """

    path: str
    seconds: float = STYLE_SECONDS
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class UseAdapter:
    """Load a LoRA adapter, by name or path, or change its weight; 0 unloads it."""

    adapter: str
    weight: float = 1.0
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class UseOutput:
    device: str | None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class UseInput:
    device: str | None
    origin: Origin = field(default=Origin())


# ---------------------------------------------------------------- questions


@dataclass(frozen=True, slots=True)
class AskStatus:
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskParameter:
    name: str
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskPrompt:
    slot: int = 1
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskCurrent:
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskTakes:
    """The newest `count` takes, of those with numbers below `below`."""

    count: int = 50
    below: int | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskTree:
    """All takes at once, and where the clock is: for whoever shows them."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskControllers:
    """Which MIDI controller sets each parameter."""

    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskMelody:
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskStyle:
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class AskAdapters:
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Ping:
    payload: tuple[object, ...] = ()
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Events to `port` of the sender's host (None: the sender's own) for `seconds`."""

    port: int | None = None
    seconds: float = 600.0
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    port: int | None = None
    origin: Origin = field(default=Origin())


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that could not be understood: it is answered, never swallowed."""

    code: str
    text: str
    origin: Origin = field(default=Origin())


# ---------------------------------------------------------------- clocks


@dataclass(frozen=True, slots=True)
class ClockTempo:
    """A clock's smoothed tempo."""

    source: ClockSource
    bpm: float


@dataclass(frozen=True, slots=True)
class ClockPosition:
    """Where a clock is: `beat` quarter notes since its start, at time.monotonic() `at`."""

    source: ClockSource
    beat: float
    at: float


@dataclass(frozen=True, slots=True)
class ClockRolling:
    """A clock started (or continued) or stopped, at time.monotonic() `at`."""

    source: ClockSource
    rolling: bool
    at: float


@dataclass(frozen=True, slots=True)
class ClockLost:
    """No tick came for a while: free-wheel at the last tempo and say so."""

    source: ClockSource


@dataclass(frozen=True, slots=True)
class ClockGone:
    """A clock was switched off: it is forgotten."""

    source: ClockSource


@dataclass(frozen=True, slots=True)
class LinkPeers:
    """How many other programs are in the Link session."""

    count: int


PromptCommand = SetPrompt | SetPromptSlot | SetNegative | AskPrompt

Command = (
    SetPrompt
    | SetPromptSlot
    | SetNegative
    | Generate
    | ContinueFile
    | ContinueInput
    | ContinueTake
    | MakeAlternatives
    | Swap
    | Retry
    | Undo
    | Redo
    | ChooseTake
    | Stop
    | Panic
    | Record
    | KeepTake
    | PlayTake
    | RenameTake
    | DeleteTake
    | RestoreTake
    | RecallPreset
    | SetParameter
    | TapTempo
    | LearnController
    | MapController
    | MeasureLoopback
    | UseModel
    | SetMelody
    | SetStyle
    | UseAdapter
    | UseOutput
    | UseInput
    | AskStatus
    | AskParameter
    | AskPrompt
    | AskControllers
    | AskMelody
    | AskStyle
    | AskAdapters
    | AskCurrent
    | AskTakes
    | AskTree
    | Ping
    | Subscribe
    | Unsubscribe
    | Refused
    | ClockTempo
    | ClockPosition
    | ClockRolling
    | ClockLost
    | ClockGone
    | LinkPeers
)
