"""A take from its request until it is both written and heard, and what it continues."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.generation.messages import Codes, Pcm, PcmBlock
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.types import MODEL_RATE
from daw_bridge.commands import Origin
from daw_bridge.take_record import TakeRecord


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
