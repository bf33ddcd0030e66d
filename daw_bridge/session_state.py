"""What the session knows: frozen values that `session.apply` turns into other such values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from core.generation.messages import (
    Codes,
    LoadedAdapter,
    ModelLoaded,
    Pcm,
    PcmBlock,
)
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.types import FRAME_RATE, MODEL_RATE, seconds_of_bars
from daw_bridge.commands import ContinueTake, Origin
from daw_bridge.events import ClockTold, Status
from daw_bridge.headroom import Headroom
from daw_bridge.latency import Latency, Mode
from daw_bridge.loopback.run import LoopbackRun
from daw_bridge.parameters import PARAMETERS
from daw_bridge.presets import Preset
from daw_bridge.session_io import SessionOutput
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_tree import TakeTree
from daw_bridge.transport import Transport

WINDOW_SECONDS = 30.0  # of context, where no model has said how much it can use


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a take continues: nothing, a clip, or another take's tokens."""

    clip: Pcm | None = None
    clip_rate: int = 32_000
    source: str = ""
    codes: Codes | None = None
    parent: int | None = None
    at: int | None = None
    lead: int = 0  # samples before frame `at` with which the take's sound begins
    seed: int | None = None  # with which it goes on as it would have
    past: tuple[Steering, ...] = ()  # what held while its tokens were made
    branched: Flight | None = None  # the take that sounds, whose place this one takes
    bars: BarGrid | None = None  # of a clip, counted from the take's first frame
    skip: int = 0  # frames that are made after a clip and not heard
    begin: float | None = None  # the bar line it was planned for


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """All that Retry needs to ask for the same again."""

    record: TakeRecord
    context: Context
    frames: int | None


@dataclass(frozen=True, slots=True, eq=False)
class LoopState:
    """A take's loop, made: one round as it was made, and how many samples the one heard has."""

    pcm: Pcm
    sounds: int
    begun: bool = False  # the audio process has it
    stretching: bool = False  # to another tempo, right now


@dataclass(frozen=True, slots=True)
class Replay:
    """A take that is played from its file, a piece at a time. Samples of the WAV."""

    read: int  # … that are here
    asked: bool = False  # the next piece is on its way


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """A take from its request until it is both written and heard."""

    take: int
    epoch: int
    origin: Origin
    asked_at: float
    record: TakeRecord
    sampling: SamplingParams
    wanted: int | None  # frames
    prompt: Prompt = field(default=Prompt())  # as last asked for, as `sampling` is
    told_tempo: float = 0.0  # in the prompt; 0: none
    guidance_due: float | None = None  # that it is to have again when there is time for it
    unheard: float = 0.0  # seconds that the engine needs for frames before its first
    steered_at: float | None = None  # when a change was asked for whose sound is yet to come
    steer_due: bool = False  # a change is held back …
    next_steer: float = 0.0  # … until then
    # when it is to start: None is as soon as it can
    start_at: float | None = None
    follows: tuple[int, int] | None = None  # epoch and sample (32 kHz) whose place it takes
    every: int = 0  # … on every n-th bar; 0: exactly then
    slipped: int = 0
    # how far the engine is
    generated: int = 0  # frames
    received: int = 0  # samples
    credit: int = 0
    cancelled: bool = False
    engine_done: bool = False
    last_sent: bool = False
    # how far the ear is
    held: tuple[PcmBlock, ...] = ()  # audio that waits for the start
    ready_at: float | None = None
    fills: float = 0.0  # seconds until enough of it is made to begin; 0: it is, or nobody knows
    fill_told: tuple[float, float] | None = None  # … as told: when, and for when
    begun: bool = False
    heard: bool = False
    played: int = 0  # samples
    played_at: float = 0.0
    buffered: float = 0.0
    muted: bool = False  # superseded or silenced: its audio goes to disk alone
    audio_done: bool = False
    stop_at: float | None = None
    loop: LoopState | None = None
    replay: Replay | None = None
    finishes: bool = False  # it was to be a loop, and is to end with this round
    # beside what sounds
    offset: int = 0  # samples from the bar that its bar lines are counted from to its first one
    kept: tuple[PcmBlock, ...] = ()  # its audio from the ear on
    aside: bool = False  # an alternative: silent, but it may be wanted
    sounds_until: int = 0  # its sample, where another one takes its place

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self.engine_done and (self.audio_done or self.muted) and not self.aside

    @property
    def sounding(self) -> bool:
        return self.begun and not self.audio_done and not self.muted

    def heard_by(self, now: float) -> float:
        """Seconds of it that the ear has heard; needs to have been told of some."""
        return self.played / MODEL_RATE + now - self.played_at


class Wish(Enum):
    """What a question to the disk or the input was asked for."""

    FILE = "file"
    INPUT = "input"
    TAKE = "take"
    BRANCH = "branch"  # of a take that is made and still sounds: it changes on its way
    ALTERNATIVES = "alternatives"  # to what sounds
    RECORDING = "recording"
    MELODY = "melody"  # that a melody model is to follow
    RETRY = "retry"
    PLAY = "play"


@dataclass(frozen=True, slots=True)
class InputPlan:
    """Which of the input's bars are continued, and when.

    ends, starts: time.monotonic() of the bar lines where they end and where the take starts.
    skip: frames between the two that are made and not heard.
    """

    ends: float
    starts: float
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """A continuation that waits for its clip or tokens."""

    wish: Wish
    origin: Origin
    prompt: str | None
    asked_at: float
    plan: InputPlan | None = None
    path: str = ""  # of a melody
    take: int = 0  # that is to be played …
    at: int = 0  # … from that sample on


@dataclass(frozen=True, slots=True)
class PlannedSwap:
    """A take that is to take the place of what sounds on a bar line."""

    take: int
    origin: Origin
    at: float  # time.monotonic() at which that is heard
    slipped: int = 0  # bars


@dataclass(frozen=True, slots=True, eq=False)
class Alternatives:
    """Takes that keep in step with what sounds, so that they can be swapped for it.

    Places are samples (32 kHz) counted from the bar that their bar lines are counted from.
    """

    origin: Origin
    parent: int  # the take that they branch from …
    count: int
    at: int | None = None  # … at that frame of it, once it is heard
    ear: tuple[int, float] = (0, 0.0)  # the place that was handed to the device when
    token: int | None = None  # of the question for their context
    context: Codes | None = None
    ring: tuple[int, ...] = ()  # in the order of swaps; the last one is the parent's
    told: bool = False
    swap: PlannedSwap | None = None
    turning: int | None = None  # a take that was swapped in and has yet to be heard


@dataclass(frozen=True, slots=True)
class LoopbackState:
    """A measurement under way. underruns: as they were counted before it."""

    run: LoopbackRun
    origin: Origin
    underruns: int


@dataclass(frozen=True, slots=True)
class ModelState:
    asked: str = ""
    progress: float = 0.0
    what: str = ""
    loaded: ModelLoaded | None = None
    failed: str = ""  # why the last load failed
    origin: Origin | None = None  # who asked for it while the program ran


def _defaults() -> Mapping[str, float]:
    return MappingProxyType({name: p.default for name, p in PARAMETERS.items()})


@dataclass(frozen=True, slots=True, eq=False)
class SessionState:
    prompt: str = ""  # slot 1
    prompt_weight: float = 1.0
    slots: Mapping[int, tuple[str, float]] = field(default_factory=lambda: MappingProxyType({}))
    negative: str = ""
    melody: str = ""  # as Prompt has it …
    melody_path: str = ""  # … and the file that it was heard in
    values: Mapping[str, float] = field(default_factory=_defaults)
    controllers: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    presets: tuple[Preset, ...] = ()
    transport: Transport = field(default_factory=Transport)
    link_peers: int = 0  # other programs in the Link session
    model: ModelState = field(default_factory=ModelState)
    compute: str = "auto"  # the device asked for: auto | cpu | cuda | mps
    dtype: str = "auto"
    adapters: tuple[LoadedAdapter, ...] = ()
    adapter_askers: tuple[tuple[str, Origin], ...] = ()  # oldest first; not yet answered
    entropy: int = 0  # where drawn seeds come from
    # sound
    output: str = ""
    output_rate: int = 0
    latency: float = 0.05
    output_wanted: str | None = None
    input: str = ""
    input_wanted: str | None = None
    input_latency: float = 0.0
    openers: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}))  # by side
    recording_since: float | None = None
    recorded: Context | None = None
    underruns: int = 0
    loopback: LoopbackState | None = None
    # takes
    next_take: int = 1
    next_epoch: int = 1
    next_token: int = 1
    flights: tuple[Flight, ...] = ()  # oldest first; the last one is the current take
    pending: Mapping[int, Pending] = field(default_factory=lambda: MappingProxyType({}))
    askers: Mapping[int, Origin] = field(default_factory=lambda: MappingProxyType({}))
    recipe: Recipe | None = None  # of the current take; None: it is on disk alone, if anywhere
    tree: TakeTree = field(default_factory=TakeTree)
    alternatives: Alternatives | None = None
    next_up: ContinueTake | None = None  # as soon as the take that it continues is whole
    last_take: int = 0
    last_fraction: float = 0.0
    speed: float = 0.0  # generated seconds a second; 0 while unknown
    headroom: Headroom = field(default_factory=Headroom)
    tuning: Latency = field(default_factory=Latency)
    starved: int = 0  # dropouts that came of an engine that was too slow
    reaction: float = 0.0  # seconds from a change to its first sound, as measured; 0: not yet
    ready_after: float = 1.0  # seconds from a request to its first block, as last measured
    oscquery: int = 0  # the HTTP port that describes the addresses; 0: none
    problem: str = ""
    device_problem: str = ""  # the problem that ends when a device is open again
    shown: Status = field(default_factory=Status)  # the status last told
    shown_at: float = -1.0
    clock_shown: ClockTold | None = None

    @property
    def current(self) -> Flight | None:
        return self.flights[-1] if self.flights else None

    @property
    def mode(self) -> Mode:
        """How the musician wants latency to be chosen."""
        return Mode(int(self.values["latency"]))

    @property
    def in_hand(self) -> float:
        """Seconds of sound in hand when a take starts, or a change is due."""
        return self.tuning.in_hand(self.mode)

    @property
    def run_ahead(self) -> int:
        """Frames that an endless take may be made ahead of the ear."""
        return self.tuning.run_ahead(self.mode)

    @property
    def window_frames(self) -> int:
        loaded = self.model.loaded
        return loaded.window_frames if loaded else round(WINDOW_SECONDS * FRAME_RATE)

    @property
    def beats(self) -> int:
        return int(self.values["beats"])

    @property
    def bar_seconds(self) -> float:
        return seconds_of_bars(1, self.beats, self.transport.tempo)

    @property
    def window_seconds(self) -> float:
        return self.window_frames / FRAME_RATE

    def flight(self, take: int) -> Flight | None:
        return next((f for f in self.flights if f.take == take), None)


class Turn:
    """One call of `apply` while it is under way: the state so far, and what is to be sent."""

    def __init__(self, state: SessionState, now: float) -> None:
        self.state = state
        self.now = now
        self.out: list[SessionOutput] = []

    def send(self, *outputs: SessionOutput) -> None:
        self.out.extend(outputs)

    def change(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]

    def change_flight(self, take: int, **changes: object) -> Flight:
        """Replace what is known of a take; a take that is over is let go."""
        changed: Flight | None = None
        kept: list[Flight] = []
        for flight in self.state.flights:
            if flight.take == take:
                changed = flight = replace(flight, **changes)  # type: ignore[arg-type]
            if not flight.over:
                kept.append(flight)
        assert changed is not None, f"take {take} is not in flight"
        self.change(flights=tuple(kept))
        return changed

    def draw_seed(self) -> int:
        """The next drawn seed (splitmix64, cut to what one OSC integer holds)."""
        entropy = (self.state.entropy + 0x9E3779B97F4A7C15) % 2**64
        mixed = (entropy ^ (entropy >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        self.change(entropy=entropy)
        return (mixed ^ (mixed >> 31)) % 2**31

    def new_token(self, pending: Pending) -> int:
        token = self.state.next_token
        waiting = MappingProxyType({**self.state.pending, token: pending})
        self.change(next_token=token + 1, pending=waiting)
        return token

    def asked_to_open(self, kind: str, origin: Origin | None) -> Origin | None:
        """Note who asked for an 'output' or 'input'; who did before, if not yet answered."""
        openers = dict(self.state.openers)
        before = openers.pop(kind, None)
        if origin is not None:
            openers[kind] = origin
        self.change(openers=MappingProxyType(openers))
        return before

    def take_pending(self, token: int | None) -> Pending | None:
        """What was asked with `token`, once."""
        if token is None or token not in self.state.pending:
            return None
        waiting = dict(self.state.pending)
        pending = waiting.pop(token)
        self.change(pending=MappingProxyType(waiting))
        return pending
