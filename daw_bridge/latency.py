"""How much latency is bought, and what for: steps down while headroom shrinks, and back up. Pure.

    normal → more look-ahead → guidance off → lighter model (which is only offered)

`advance` gives the next state for a reading of the take that plays. It goes down at once, and as
far as it must; up one step at a time, after `hold` seconds in which all was well by a margin. A
step that had to be taken back soon after makes the hold twice as long, so it never flutters.
The musician may pin it: `low` stays at normal, `safe` never goes above more look-ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum

from core.types import FRAME_RATE

STEADY = 0.95  # share of the speed that a take which plays is counted on to keep
PATIENCE = 5.0  # seconds before it would run dry in which something must be done
TIGHT, ROOMY = 1.1, 1.35  # speeds below which more is kept in hand, and above which less will do
ROUGH, SMOOTH = 0.25, 0.12  # seconds of a hitch, as those
SPARE = 1.15  # times as fast as needed, before a step is taken back
SETTLE = 3.0  # seconds until a step shows what it brought
HOLD, LONGEST_HOLD = 10.0, 160.0  # seconds in which all was well, before a step is taken back
RELAPSE = 60.0  # seconds within which going down again counts as too soon
FORGOTTEN = 30.0  # seconds without a take, after which the machine is a new one
UNGUIDED_GAIN = 1.6  # times as fast without guidance, until it was measured
LEAST_GAIN, MOST_GAIN = 1.1, 2.2
IN_HAND = 0.12  # seconds of sound in hand when new sound is due, at the least
DEEPER = 0.5  # … with more look-ahead
SAFE = 1.5  # … where the musician wants it safe
DEEPEST = 4.0
HITCH = 1.25  # of the worst hitch, that is kept in hand
AHEAD, FAR_AHEAD = 10 * FRAME_RATE, 20 * FRAME_RATE  # frames an endless take runs ahead


class Mode(IntEnum):
    """As the parameter `latency` has it."""

    LOW = 0
    AUTO = 1
    SAFE = 2


class Step(IntEnum):
    NORMAL = 0
    LOOK_AHEAD = 1
    UNGUIDED = 2
    LIGHTER = 3

    @property
    def word(self) -> str:
        return ("normal", "more look-ahead", "guidance off", "lighter model")[self]


@dataclass(frozen=True, slots=True)
class Reading:
    """Of the take that is made and heard.

    speed: seconds of sound made a second, as things are. hitch: seconds, `Headroom.worst`.
    buffered: seconds made ahead of the ear. left: seconds yet to be made; inf: endless.
    dropouts: that the engine is to blame for, ever. guided: guidance was asked for, and can go.
    """

    at: float
    speed: float
    hitch: float = 0.0
    buffered: float = 0.0
    left: float = math.inf
    dropouts: int = 0
    guided: bool = True


@dataclass(frozen=True, slots=True)
class Latency:
    """Where the program stands, and what it remembers of how it came there."""

    step: Step = Step.NORMAL
    since: float = -math.inf  # time.monotonic() of the last change
    well_since: float = math.inf  # all was well from then on
    up_at: float = -math.inf  # a step was last taken back
    hold: float = HOLD
    speed_before: float = 0.0  # with guidance, when it was turned off; 0: the gain is known
    gain: float = UNGUIDED_GAIN
    hitch: float = 0.0
    dropouts: int = 0
    read_at: float = -math.inf

    @property
    def unguided(self) -> bool:
        return self.step >= Step.UNGUIDED

    def in_hand(self, mode: Mode) -> float:
        """Seconds of sound in hand when a take starts, or a change is due."""
        if mode is Mode.LOW:
            return IN_HAND
        least = SAFE if mode is Mode.SAFE else DEEPER if self.step else IN_HAND
        return min(max(least, HITCH * self.hitch), DEEPEST)

    def run_ahead(self, mode: Mode) -> int:
        """Frames that an endless take may be made ahead of the ear: its credit."""
        return FAR_AHEAD if self.step or mode is Mode.SAFE else AHEAD

    def opened(self, now: float, speed: float, mode: Mode, *, endless: bool) -> Latency:
        """A take is asked for. What was long ago says nothing of today, but for an endless take
        that is known to be too slow with guidance: it begins without. speed: as last measured."""
        with_guidance = speed / self.gain if self.unguided else speed
        slow = endless and mode is not Mode.LOW and 0 < STEADY * with_guidance < 1
        step = self.step if now - self.read_at < FORGOTTEN else Step.NORMAL
        step = max(step, Step.UNGUIDED) if slow else step
        if step is self.step:
            return self
        return replace(self, step=step, since=now, well_since=math.inf, speed_before=0.0)


def dry_in(reading: Reading, speed: float) -> float:
    """Seconds until the ear catches up with what is made at that speed; inf: it will not."""
    spare = max(0.0, reading.buffered - reading.hitch)
    if speed <= 0:
        return spare
    if speed >= 1 or reading.left * (1 - speed) <= speed * spare:  # or made before it comes to it
        return math.inf
    return spare / (1 - speed)


def advance(latency: Latency, reading: Reading, mode: Mode = Mode.AUTO) -> Latency:
    """The state after a reading."""
    now = reading.at
    floor = Step.LOOK_AHEAD if mode is Mode.SAFE else Step.NORMAL
    before = _measured(latency, reading)
    wanted = Step.NORMAL if mode is Mode.LOW else max(floor, needed(before, reading))
    well = mode is Mode.LOW or (before.step > floor and may_return(before, reading))
    known = replace(before, dropouts=reading.dropouts)
    if wanted > known.step:
        return _down(known, wanted, reading)
    if mode is Mode.LOW and known.step:
        return replace(known, step=Step.NORMAL, since=now, well_since=math.inf)
    if not well:
        long_ago = known.step is floor and now - known.since > 4 * known.hold
        return replace(known, well_since=math.inf, hold=HOLD if long_ago else known.hold)
    since = min(known.well_since, now)
    if not known.step or now - max(since, known.since) < known.hold:
        return replace(known, well_since=since)
    return replace(
        known,
        step=Step(known.step - 1),
        since=now,
        well_since=math.inf,
        up_at=now,
        speed_before=0.0,
    )


def _down(known: Latency, wanted: Step, reading: Reading) -> Latency:
    now, hold, before = reading.at, known.hold, known.speed_before
    if now - known.up_at < RELAPSE:
        hold = min(LONGEST_HOLD, 2 * hold)
    if known.step < Step.UNGUIDED <= wanted and reading.guided:
        before = reading.speed
    return replace(
        known, step=wanted, since=now, well_since=math.inf, hold=hold, speed_before=before
    )


def needed(latency: Latency, reading: Reading) -> Step:
    """The step that things as they are ask for; never less than where it is."""
    step, speed = latency.step, STEADY * reading.speed
    if reading.speed > 0 and dry_in(reading, speed) < PATIENCE:
        if latency.unguided or not reading.guided:
            settled = reading.at - latency.since >= SETTLE or step < Step.UNGUIDED
            return Step.LIGHTER if settled else step
        return Step.UNGUIDED
    dropped = reading.dropouts > latency.dropouts
    tight = 0 < reading.speed < TIGHT and reading.left > 0
    if tight or reading.hitch > ROUGH or dropped:
        return max(step, Step.LOOK_AHEAD)
    return step


def may_return(latency: Latency, reading: Reading) -> bool:
    """Whether the step before would do, by a margin."""
    if reading.dropouts > latency.dropouts or reading.speed <= 0:
        return False
    if latency.step is Step.LOOK_AHEAD:
        return reading.speed >= ROOMY and reading.hitch <= SMOOTH
    guided = reading.guided and latency.step is Step.UNGUIDED
    speed = reading.speed / latency.gain if guided else reading.speed
    return math.isinf(dry_in(reading, STEADY * speed / SPARE))


def _measured(latency: Latency, reading: Reading) -> Latency:
    """What is known after a reading, whatever is done about it."""
    gain, before = latency.gain, latency.speed_before
    settled = latency.unguided and before > 0 and reading.at - latency.since >= SETTLE
    if settled and reading.speed > 0:
        gain = min(max(LEAST_GAIN, reading.speed / before), MOST_GAIN)
        before = 0.0
    return replace(latency, gain=gain, speed_before=before, hitch=reading.hitch, read_at=reading.at)
