"""What the application and the engine process say to each other. Torch-free and picklable.

One duplex pipe joins the two: requests go in, events come out, `PcmBlock`s among them. The
application keeps a take's audio and hands each block on to the audio process: so either
child can die and be started again without the other knowing, and nothing is lost. (The
feeder's ring and the credits hide any hiccup of the application.) Codes travel as numpy
arrays [codebooks, frames], with the delay undone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.generation.params import BarGrid, Prompt, SamplingParams, Steering

Codes = NDArray[np.int64]  # [codebooks, frames], delay undone
Pcm = NDArray[np.float32]  # [samples, channels], 32 kHz


# ---------------------------------------------------------------- application → engine


@dataclass(frozen=True, slots=True, eq=False)
class LoadModel:
    """Load a checkpoint: a folder, a hub id, or 'starter'."""

    model: str
    device: str = "auto"  # auto | cpu | cuda | mps
    dtype: str = "auto"  # auto | float32 | bfloat16 | float16 | int8 | int4


@dataclass(frozen=True, slots=True, eq=False)
class StartTake:
    """Generate a take, which goes first; the one that did ends.

    At most one source of context: `codes` or `clip`.

    frames: new frames wanted; None means until stopped.
    codes: tokens to continue from [codebooks, frames].
    clip: audio to continue [samples, channels] float32 at `clip_rate`; the engine encodes it.
    epoch: stamped on every PcmBlock of this take.
    lead: samples of the context's own sound that come first: the take's PCM begins with sample
        -lead, which follows the context's sample before it. At most what the context has.
    done, first_sample: of a take that goes on after the engine died. The last `done` frames of
        `codes` are the take's own (they count in `frames`, in `Credit` and in every number the
        engine tells), and its PCM before `first_sample` was delivered already (None: none was).
    changes: what holds from later frames on in place of prompt and sampling, as a timeline that
        was recorded; frames below 0 are the context's, which is read as it was written.
    bars: where bar lines fall, counted from the take's first frame; None: nobody knows.
    skip: frames that are drawn after a clip and not heard, as if they were the clip's: what
        would have come until the take begins.
    level: what the sound of `codes` is multiplied with; that of a clip is found, and told.
    """

    take: int
    epoch: int
    prompt: Prompt
    sampling: SamplingParams
    frames: int | None = None
    codes: Codes | None = None
    clip: Pcm | None = None
    clip_rate: int = 32_000
    lead: int = 0
    done: int = 0
    first_sample: int | None = None
    changes: tuple[Steering, ...] = ()
    bars: BarGrid | None = None
    skip: int = 0
    level: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class StartBeside:
    """Generate takes beside the one that goes first, which they do not end.

    takes: on one context, with one prompt and end, and a seed each: they are drawn side by side.
    Each is told of, credited, changed and cancelled by its number, as any other.
    """

    takes: tuple[StartTake, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Prefer:
    """This take goes first from now on, and what did goes on beside it.

    Takes beside are worked on while the one that goes first is out of credit.
    """

    take: int


@dataclass(frozen=True, slots=True, eq=False)
class ChangePrompt:
    """The take's prompt from a frame on, in place of any change that was still to come.

    frame: frames from there on that are drawn already are dropped and drawn anew: those that
        can still be kept from the ear. None: from the first frame that is not finished.
    epoch: of the sound that takes the place of sound that was sent.
    Answered with `TakeSteered`, unless the take ends before that frame.
    """

    take: int
    prompt: Prompt
    frame: int | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ChangeSampling:
    """How the take is drawn from a frame on; as `ChangePrompt`."""

    take: int
    sampling: SamplingParams
    frame: int | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class UseAdapter:
    """Load a LoRA adapter beside the model or change its weight, from the next step on.

    adapter: a name in the user's `adapters` folder, or a path. weight: 0 … 2; 0 unloads it.
    Answered with `AdaptersLoaded`. Loading another model unloads all.
    """

    adapter: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class HearMelody:
    """Find the melody of a clip [samples, channels] at `rate`. Answered with `MelodyHeard`."""

    token: int
    clip: Pcm
    rate: int


@dataclass(frozen=True, slots=True, eq=False)
class HearStyle:
    """Find the style of a clip [samples, channels] at `rate`: of `seconds` in its middle. Answered
    with `StyleHeard`."""

    token: int
    clip: Pcm
    rate: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Credit:
    """Absolute: the engine may have produced at most `frames` frames of this take.

    Until the first one comes nothing holds the engine back.
    """

    take: int
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class CancelTake:
    """Stop within one step; a `TakeDone` with the tokens so far follows."""

    take: int


@dataclass(frozen=True, slots=True, eq=False)
class Quit:
    pass


EngineRequest = (
    LoadModel
    | StartTake
    | StartBeside
    | Prefer
    | ChangePrompt
    | ChangeSampling
    | UseAdapter
    | HearMelody
    | HearStyle
    | Credit
    | CancelTake
    | Quit
)

# ---------------------------------------------------------------- engine → application


@dataclass(frozen=True, slots=True, eq=False)
class ModelLoading:
    model: str
    fraction: float  # 0 … 1
    what: str  # a word a person reads: "reading weights"


@dataclass(frozen=True, slots=True, eq=False)
class ModelLoaded:
    model: str  # as asked
    name: str  # for people
    device: str
    dtype: str
    codebooks: int
    channels: int
    licence: str
    digest: str  # sha256 (hex, 16 characters) that names the weights in takes
    window_frames: int  # frames one pass may span before the context is re-primed
    fewer_bits: str = ""  # a dtype that is faster on this machine; '': this is the fastest
    hears_melody: bool = False
    hears_style: bool = False
    smaller: str = ""  # a smaller model that is on this machine; '': there is none
    why: str = ""  # the dtype was chosen, one line; '': it was asked for


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """A LoRA adapter beside the model."""

    name: str  # as asked
    weight: float
    digest: str  # sha256 (hex, 16 characters) that names the file in takes
    licence: str = ""
    trigger: str = ""  # the word that its captions had in common


@dataclass(frozen=True, slots=True, eq=False)
class AdaptersLoaded:
    """What is beside the model now: the answer to `UseAdapter`, and told when all were unloaded.

    asked: the request's adapter, '' where none was asked for. problem: why it was refused, one
    line; '' when it was not. takes: those in flight, each with its first new frame that was not
    finished yet when the change came.
    """

    adapters: tuple[LoadedAdapter, ...]
    asked: str = ""
    problem: str = ""
    takes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MelodyHeard:
    """melody: as `Prompt` has it. problem: why there is none, one line; '' where there is."""

    token: int
    melody: str
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StyleHeard:
    """style: as `Prompt` has it. took: seconds. problem: as of `MelodyHeard`."""

    token: int
    style: str
    took: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TakeStarted:
    take: int
    epoch: int
    context_frames: int  # frames of context the take continues from
    context: Codes | None = None  # … themselves, where the engine made them from a clip
    adapters: tuple[LoadedAdapter, ...] = ()
    level: float = 1.0  # what the take's sound is multiplied with, to be as loud as its clip


@dataclass(frozen=True, slots=True, eq=False)
class TakeSteered:
    """From `frame` on the take has this prompt and sampling: the answer to a change.

    Tokens from `frame` and PCM from `first_sample` on that came before are void; what follows
    takes their place, frame for frame. Its blocks carry `epoch`: another one than before where
    sound that was sent is void.
    """

    take: int
    epoch: int
    frame: int
    first_sample: int
    prompt: Prompt
    sampling: SamplingParams


@dataclass(frozen=True, slots=True, eq=False)
class TakeTokens:
    """New tokens since the last such event: they survive a crash of the engine."""

    take: int
    first_frame: int  # counted from the first new frame of the take
    codes: Codes
    wanted: int | None  # frames wanted, None when endless
    steps_per_second: float  # evened out
    busy: float = 0.0  # seconds of work that these took; 0: not told


@dataclass(frozen=True, slots=True, eq=False)
class TakeDone:
    """The take is complete (or cancelled: `cancelled`). All its PCM was sent before this."""

    take: int
    frames: int
    cancelled: bool


DEVICE_FAULT = 3  # exit status of an engine whose device is lost for good
NOTICE = "engine"  # the code of a problem that ended nothing: a process or a device was lost


@dataclass(frozen=True, slots=True, eq=False)
class EngineProblem:
    """One clear line. `take` is None when no take is concerned; one that is named has ended."""

    take: int | None
    code: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class PcmBlock:
    """Audio of a take, in order, for the application and the audio process.

    `last` marks its end (pcm may then be empty).
    first_sample counts from the first sample of the take's first new frame, 32 kHz; what comes
    before that, of a take with a lead, is below 0.
    """

    take: int
    epoch: int
    first_sample: int
    pcm: Pcm
    last: bool = False

    def from_sample(self, sample: int) -> PcmBlock:
        """The block without what comes before `sample`; empty where all of it does."""
        skip = min(max(0, sample - self.first_sample), len(self.pcm))
        if not skip:
            return self
        return replace(self, first_sample=self.first_sample + skip, pcm=self.pcm[skip:])


EngineEvent = (
    ModelLoading
    | ModelLoaded
    | AdaptersLoaded
    | MelodyHeard
    | StyleHeard
    | TakeStarted
    | TakeSteered
    | TakeTokens
    | TakeDone
    | EngineProblem
    | PcmBlock
)
