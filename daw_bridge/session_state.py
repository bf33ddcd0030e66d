"""What the session knows: frozen values that `session.apply` turns into other such values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from core.generation.messages import Codes, LoadedAdapter, ModelLoaded
from core.types import FRAME_RATE, seconds_of_bars
from daw_bridge.commands import ContinueTake, Origin
from daw_bridge.events import ClockTold, Status
from daw_bridge.headroom import Headroom
from daw_bridge.latency import Latency, Mode
from daw_bridge.loopback.run import LoopbackRun
from daw_bridge.parameters import PARAMETERS
from daw_bridge.presets import Preset
from daw_bridge.session_flight import Context, Flight, Recipe
from daw_bridge.take_tree import TakeTree
from daw_bridge.transport import Transport

WINDOW_SECONDS = 30.0  # of context, where no model has said how much it can use


class Wish(Enum):
    """What a question to the disk or the input was asked for."""

    FILE = "file"
    INPUT = "input"
    TAKE = "take"
    BRANCH = "branch"  # of a take that is made and still sounds: it changes on its way
    ALTERNATIVES = "alternatives"  # to what sounds
    RECORDING = "recording"
    MELODY = "melody"  # or style, that a model is to follow, in a file
    TUNE = "tune"  # the same, in what came in
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
    path: str = ""  # of a melody or a style
    style: float = 0.0  # seconds of style that are wanted; 0: the melody is
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
    style: str = ""  # the same of a style, with all its codebooks …
    style_path: str = ""
    style_seconds: float = 0.0
    style_digest: str = ""  # … and the model that heard it: others have other codebooks
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
    reacted_at: float = -math.inf  # when that was last measured
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
