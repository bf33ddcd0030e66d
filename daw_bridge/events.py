"""Everything the program tells the outside: a closed union of frozen dataclasses.

The controller emits them; OSC feedback and the GUI each translate them for their side.
Events with an `origin` are answers to that caller as well as news for subscribers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daw_bridge.commands import Origin
from daw_bridge.loopback.report import LoopbackReport
from daw_bridge.take_record import TakeRecord


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot of everything a status line shows; also the answer to /musicgen/status."""

    state: str = "starting"  # starting | loading | idle | scheduled | generating | playing | error
    model: str = ""
    model_progress: float = 0.0  # 0 … 1 while loading
    device: str = ""  # compute device
    dtype: str = ""
    dtype_why: str = ""  # it was chosen, one line; '': it was asked for
    licence: str = ""
    hears_melody: bool = False  # the model follows one
    hears_style: bool = False
    adapters: str = ""  # beside the model, as "name weight, …"
    output: str = ""
    output_rate: int = 0
    input: str = ""
    recording: bool = False
    headroom: float = 0.0  # generated seconds per second; 0 while unknown
    latency: str = "normal"  # how far it had to go for lack of headroom: see LatencyChanged
    in_hand: float = 0.12  # seconds of sound in hand when a take starts or a change is due
    starts_in: float = 0.0  # seconds until enough of the take is made to begin; 0: it is
    buffered: float = 0.0  # seconds of audio ahead of the ear
    underruns: int = 0
    tempo: float = 120.0
    clock: str = "internal"
    clocks: str = ""  # of other programs, in the order they lead: "link 120.0 rolling, …"
    link_peers: int = 0  # other programs in the Link session
    rolling: bool = False
    prompt: str = ""
    take: int = 0  # the take in flight or the last one; 0: none yet
    progress: float = 0.0  # of the take in flight, 0 … 1
    problem: str = ""  # the last problem's one line, until something succeeds
    oscquery: int = 0  # the HTTP port that describes the OSC addresses; 0: none
    sounding: int = 0  # the take that is heard; 0: none


@dataclass(frozen=True, slots=True)
class StatusChanged:
    status: Status
    origin: Origin | None = None  # set when it answers a question


@dataclass(frozen=True, slots=True)
class Accepted:
    """The command was understood and is under way. `take` is 0 where none is concerned."""

    take: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The take will sound on `bar` of the leading clock, in `seconds`; `slipped` bars late."""

    take: int
    bar: int
    seconds: float
    slipped: int = 0


@dataclass(frozen=True, slots=True)
class Filling:
    """The model is slower than the ear: in about so many seconds enough of the take is made to
    play it without a gap."""

    take: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LatencyChanged:
    """Headroom has shrunk or come back. step: 'normal', 'more look-ahead', 'guidance off' or
    'lighter model' (which is only offered). worse: it is a step down. text: one line of why."""

    step: str
    worse: bool
    text: str


@dataclass(frozen=True, slots=True)
class FirstAudio:
    """Milliseconds from the command to the take's first non-silent sample at the device."""

    take: int
    milliseconds: float
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class TakeProgress:
    take: int
    fraction: float  # 0 … 1; for endless takes the seconds generated, negated


@dataclass(frozen=True, slots=True, eq=False)
class TakeWaveform:
    """Peaks of new audio: float32 [n, 2] minimum and maximum, 50 a second, from `first`."""

    take: int
    first: int
    peaks: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TakeSaved:
    """The take is on disk, whole."""

    take: int
    path: str
    seconds: float
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class CurrentTake:
    """The take that the next continue and retry go from; 0: none."""

    take: int
    origin: Origin | None = None  # who moved it, or who asked
    answer: bool = False  # nothing changed: it answers a question


@dataclass(frozen=True, slots=True)
class AlternativesReady:
    """Takes that a swap can bring in from now on, in the order of their numbers for it; the last
    is the one that sounded when they were asked for. None: there are none any more."""

    takes: tuple[int, ...]
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class LoopMade:
    """A take has become a loop. drift, offset: milliseconds by which its beats had strayed at its
    end, and lay behind the grid from the start. mended: 1 brought onto the grid, 0 left as they
    are, -1 no beat was found."""

    take: int
    drift: float
    offset: float
    mended: int


@dataclass(frozen=True, slots=True)
class TakeTold:
    """One take of the tree, for who asked. parent: 0 for none; at, seconds: in seconds."""

    take: int
    parent: int
    at: float
    seconds: float
    kept: bool
    seed: int
    prompt: str
    path: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class TakesTold:
    """That was `count` of `total` takes."""

    count: int
    total: int
    current: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class TreeChanged:
    """Takes that are new or changed, and those that are gone; whole: these are all there are."""

    changed: tuple[TakeRecord, ...] = ()
    gone: tuple[int, ...] = ()
    current: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Playhead:
    """What is heard: so many seconds into a take, about ten a second."""

    take: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TakeDeleted:
    """A take was moved aside; RestoreTake brings it back."""

    take: int
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class ClockTold:
    """Where the leading clock is: `beat` quarter notes at time.monotonic() `at`. Told when it can
    no longer be reckoned from what was told before."""

    beat: float
    at: float
    tempo: float
    rolling: bool
    beats: int  # quarter notes in a bar

    def beat_at(self, now: float) -> float:
        return self.beat + (now - self.at) * self.tempo / 60 if self.rolling else self.beat


@dataclass(frozen=True, slots=True)
class ParameterChanged:
    name: str
    value: float
    origin: Origin | None = None  # who set it, or who asked
    answer: bool = False  # nothing changed: it answers a question


@dataclass(frozen=True, slots=True)
class PromptChanged:
    """slot: 1 is the prompt, 0 the negative one."""

    text: str
    origin: Origin | None = None  # who set it, or who asked
    answer: bool = False  # nothing changed: it answers a question
    slot: int = 1
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AdaptersChanged:
    """The LoRA adapters beside the model: names and weights, in the order they were loaded."""

    adapters: tuple[tuple[str, float], ...]
    origin: Origin | None = None  # who asked
    answer: bool = False  # nothing changed: it answers a question


@dataclass(frozen=True, slots=True)
class MelodyChanged:
    """The sound file whose melody is followed, or commands.FROM_INPUT; an empty path: none.
    seconds: of melody."""

    path: str
    seconds: float
    origin: Origin | None = None  # who set it, or who asked
    answer: bool = False  # nothing changed: it answers a question


@dataclass(frozen=True, slots=True)
class StyleChanged:
    """The sound file whose style is followed, or commands.FROM_INPUT; an empty path: none.
    seconds: of it that were heard. took: seconds that hearing them took."""

    path: str
    seconds: float
    took: float = 0.0
    origin: Origin | None = None  # who set it, or who asked
    answer: bool = False  # nothing changed: it answers a question


@dataclass(frozen=True, slots=True)
class ControllerMapped:
    """MIDI control change `controller` sets `name` (None: none does). `learning`: waiting
    for the control that is to be mapped."""

    name: str
    controller: int | None
    learning: bool = False
    origin: Origin | None = None  # who asked
    answer: bool = False  # nothing changed: it answers a question


@dataclass(frozen=True, slots=True)
class LoopbackMeasured:
    """What the loopback doctor found. advice: what to do about it. buffer: the value of that
    parameter to try next, None: it is right as it is."""

    report: LoopbackReport
    advice: str
    buffer: int | None = None
    origin: Origin | None = None  # who asked


@dataclass(frozen=True, slots=True)
class MeterLevels:
    """Linear peaks a channel, about 20 a second."""

    output: tuple[float, ...]
    input: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pong:
    payload: tuple[object, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Problem:
    """One clear line: what went wrong and what to do."""

    code: str
    text: str
    origin: Origin = field(default=Origin())


Event = (
    StatusChanged
    | Accepted
    | Scheduled
    | Filling
    | LatencyChanged
    | FirstAudio
    | TakeProgress
    | TakeWaveform
    | TakeSaved
    | CurrentTake
    | AlternativesReady
    | LoopMade
    | TakeTold
    | TakesTold
    | TreeChanged
    | Playhead
    | TakeDeleted
    | ClockTold
    | ParameterChanged
    | PromptChanged
    | AdaptersChanged
    | MelodyChanged
    | StyleChanged
    | ControllerMapped
    | LoopbackMeasured
    | MeterLevels
    | Pong
    | Problem
)
