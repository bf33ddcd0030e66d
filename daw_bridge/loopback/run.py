"""One measurement, step by step: what to send to the audio process and what its answers mean. Pure.

The train is played as a take is, at a moment that is known, and what came in around that moment
is captured. So the way is the one that music takes: our buffer, the drivers, whatever is between
them. In order: `begin`, `heard`, `captured`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.generation.messages import PcmBlock
from core.types import MODEL_RATE
from daw_bridge.audio.messages import BeginTake, Capture, Captured, TakeHeard
from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.examination import LATEST, Heard

STARTS_IN = 0.4  # seconds: enough for the blocks to be there
BEFORE = 0.5  # seconds that are heard before the train …
AFTER = LATEST  # … and after it, for a slow way
BLOCK = 16_000  # samples
SILENT_AT_MOST = 5.0  # seconds without an answer


@dataclass(frozen=True, slots=True)
class LoopbackRun:
    """number: of the question; its sound is take −number. starts: time.monotonic() at which the
    train sounds."""

    number: int
    epoch: int
    asked_at: float
    train: ChirpTrain = field(default=ChirpTrain())
    late: float = 0.0

    @property
    def take(self) -> int:
        return -self.number

    @property
    def starts(self) -> float:
        return self.asked_at + STARTS_IN + self.late

    @property
    def until(self) -> float:
        """time.monotonic() up to which it listens."""
        return self.starts + self.train.seconds + AFTER

    def begin(self) -> tuple[BeginTake, tuple[PcmBlock, ...]]:
        """The take, and its sound at 32 kHz."""
        pcm = self.train.sampled(MODEL_RATE)
        firsts = range(0, len(pcm), BLOCK)
        blocks = tuple(
            PcmBlock(self.take, self.epoch, first, pcm[first : first + BLOCK], first == firsts[-1])
            for first in firsts
        )
        return BeginTake(self.take, self.epoch, STARTS_IN, self.asked_at), blocks

    def heard(self, told: TakeHeard) -> tuple[LoopbackRun, Capture]:
        """It has begun; what to ask for now."""
        run = replace(self, late=told.late)
        seconds = BEFORE + run.train.seconds + AFTER
        return run, Capture(run.number, seconds, run.until)

    def captured(self, told: Captured) -> Heard:
        """What came back, with the moment of its first frame."""
        begins = self.until - len(told.pcm) / told.rate - self.starts
        return Heard(told.pcm, told.rate, begins)

    def overdue(self, now: float) -> bool:
        """An answer will not come any more."""
        return now > self.until + SILENT_AT_MOST
