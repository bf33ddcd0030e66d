"""What the application and the audio process say to each other. Picklable, free of PortAudio.

`core.generation.messages.PcmBlock`s (32 kHz) go down the same pipe as the requests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]  # [samples, channels]


# ---------------------------------------------------------------- application → audio


@dataclass(frozen=True, slots=True)
class OpenOutput:
    """Play through the named device: None is the default, 'wav:PATH' a file, 'none' nothing.

    Names match as sounddevice's do: index, exact name, or a part of it that fits one device.
    'none' and 'wav:' keep time with a clock of their own, so takes run without hardware.
    """

    device: str | None = None
    block_frames: int = 0  # 0: the device's own choice
    buffer_seconds: float = 0.25  # audio kept in the ring ahead of the callback
    resume: bool = False  # go on with a 'wav:' file that is there (set after a restart)
    search: bool = False  # the device was lost: see that it is back before loading PortAudio


@dataclass(frozen=True, slots=True)
class OpenInput:
    """Capture from the named device into the rolling buffer; None: the default; 'none': close."""

    device: str | None = None
    keep_seconds: float = 90.0


@dataclass(frozen=True, slots=True)
class BeginTake:
    """Blocks of `epoch` follow. A take that still plays is cross-faded out (~10 ms).

    start_in: seconds from now until its first sample sounds, as exactly as the device can
    (output latency included); 0 is as soon as the first block is there. With start_in > 0
    and audio late, playing starts when it is there and `TakeHeard.late` says by how much.
    Sent again for the same epoch it moves a start that is yet to come.
    follows: the epoch of the same take, or of another one, whose sound this takes the place of:
    sample `sample` of this one (None: `at`) sounds where sample `at` of that one would have. That
    one goes on until there is audio; what comes late is left out, so that the beat stays where it
    was. Blocks that begin well before `sample` render what that one plays there, and the two are
    cross-faded as early as that: of equal signals nothing is heard.
    first, length: the take's first sample, which sounds at `start_in` where nothing is followed
    (what comes before it is left out), and how many seconds it lasts from there: it ends to the
    nearest frame of the device. None: where its blocks end.
    """

    take: int
    epoch: int
    start_in: float = 0.0
    sent_at: float = 0.0  # time.monotonic() of the sender; start_in counts from here
    follows: int | None = None
    at: int = 0
    sample: int | None = None
    first: int = 0
    length: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlayLoop:
    """Play a loop of `take` round and round: sample `at` of `pcm` where that sample of the take
    (under epoch `follows`) would have been; it goes on until it is ended or replaced.

    first: the take's sample that the first one of `pcm` is.
    pcm: one round [samples, channels] at 32 kHz, whose end is followed by its beginning.
    seconds: how long a round lasts. bars: in it. A second one for the same epoch is the same
    loop in another sound, as at another tempo, and takes over where the first one is.
    """

    take: int
    epoch: int
    pcm: Pcm
    seconds: float
    bars: int
    follows: int | None = None
    at: int = 0
    first: int = 0


@dataclass(frozen=True, slots=True)
class LoopGrid:
    """Where bar lines lie now; sent some 20 times a second while a loop of `take` plays.

    seconds: of a round at today's tempo. line: time.monotonic() at which a bar line sounds;
    None: no clock rolls, so only the tempo counts.
    """

    take: int
    seconds: float
    line: float | None = None


@dataclass(frozen=True, slots=True)
class FinishLoop:
    """Play the round to its end, and stop there."""

    take: int


@dataclass(frozen=True, slots=True)
class EndTake:
    """Fade out (~10 ms) in `stop_in` seconds from `sent_at` and drop the rest of the take."""

    take: int
    stop_in: float = 0.0
    sent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Panic: silence at once (a 5 ms ramp), everything pending dropped."""


@dataclass(frozen=True, slots=True)
class SetGain:
    gain: float  # linear, ramped over 20 ms


@dataclass(frozen=True, slots=True)
class Capture:
    """Answer with the last `seconds` of the rolling capture as `Captured(token)`.

    until: time.monotonic() at which they end, as it was heard at the input; 0 is now. The
        answer waits for a moment that is yet to come.
    """

    token: int
    seconds: float
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Quit:
    pass


AudioRequest = (
    OpenOutput
    | OpenInput
    | BeginTake
    | PlayLoop
    | LoopGrid
    | FinishLoop
    | EndTake
    | Silence
    | SetGain
    | Capture
    | Quit
)

# ---------------------------------------------------------------- audio → application


@dataclass(frozen=True, slots=True)
class OutputOpened:
    device: str
    rate: int
    channels: int
    latency: float  # seconds, as PortAudio reports it


@dataclass(frozen=True, slots=True)
class InputOpened:
    device: str
    rate: int
    channels: int
    latency: float = 0.0  # seconds from the ear to the callback; below 0 where it hears ahead


@dataclass(frozen=True, slots=True)
class DeviceLost:
    """An output or input could not be opened or went away; `text` says what to do."""

    kind: str  # 'output' | 'input'
    text: str
    retrying: bool


@dataclass(frozen=True, slots=True)
class TakeHeard:
    """The first non-silent sample of the take was handed to the device."""

    take: int
    at: float  # time.monotonic() at which it sounds (latency included)
    late: float = 0.0  # seconds after the time asked for


@dataclass(frozen=True, slots=True)
class Played:
    """Sent about ten times a second while a take plays. Credits derive from it."""

    take: int
    epoch: int
    samples: int  # of the take at 32 kHz, handed to the device so far
    buffered: float  # seconds received and not yet played
    underruns: int  # since the process started


@dataclass(frozen=True, slots=True)
class TakeEnded:
    """The take's last sample was played, or the take was ended or replaced."""

    take: int
    samples: int
    completed: bool  # heard to its end


@dataclass(frozen=True, slots=True)
class Levels:
    """Peaks since the last such event, linear, a value a channel; about 20 a second."""

    output: tuple[float, ...]
    input: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    token: int
    pcm: Pcm
    rate: int


@dataclass(frozen=True, slots=True)
class AudioProblem:
    code: str
    text: str


AudioEvent = (
    OutputOpened
    | InputOpened
    | DeviceLost
    | TakeHeard
    | Played
    | TakeEnded
    | Levels
    | Captured
    | AudioProblem
)
