"""A loop through the feeder, played by hand against a clock that wanders: what the ear gets.

`python -m tests.daw_bridge.audio.loop_stage [TAKE.wav BPM]` prints the table in docs/clocks.md.
TAKE.wav: four bars at that tempo and half a second more, as `daw-bridge generate` makes them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr

from core.generation.messages import PcmBlock
from daw_bridge.audio.feeder import Feeder
from daw_bridge.audio.messages import BeginTake, LoopGrid, PlayLoop
from daw_bridge.looping.loop_making import LoopMade
from tests.daw_bridge.audio.test_feeder import HandOutput

BLOCK = 512
TOLD_EVERY = 0.05  # seconds, as the session does
LEAD = 0.06  # seconds before its end at which a take goes over into its loop
LOOK = 0.02  # seconds around a bar line in which the loop's beginning is looked for


@dataclass(frozen=True)
class Rounds:
    """What was heard. Errors: seconds by which a round began after its bar line."""

    heard: np.ndarray
    errors: np.ndarray
    at_wraps: np.ndarray  # the largest step, sample to sample, around each wrap
    inside: np.ndarray  # the same in stretches as long, everywhere else
    hiss_at_wraps: np.ndarray  # the same of what is above 8 kHz, where a click shows
    hiss_inside: np.ndarray


def play_rounds(
    take: np.ndarray,
    made: LoopMade,
    seconds: float,
    bars: int,
    rounds: int,
    tempo: Callable[[float], float] = lambda now: 1.0,
    rate: int = 48_000,
    skew: float = 0.0,
    jitter: float = 0.0,
    latest: float = 0.0,
) -> Rounds:
    """tempo: the leader's, at a time, against the one the loop was made at. skew: share by which
    the device is faster than the clock. jitter: seconds by which the leader's lines are told
    wrong. latest: seconds by which the feeder is held up now and then."""
    draw = np.random.default_rng(0)
    output, events = HandOutput(rate, BLOCK, rate), []
    now, beat = 0.0, 0.0  # beat: in rounds, the leader's
    feeder = Feeder(output, events.append, 1.0, 0.25, lambda: now)
    feeder.poll()
    lines: list[float] = []  # when a round should begin
    told_at, begun = -1.0, False
    start = 1.0
    tick = BLOCK / rate / (1 + skew)
    while len(lines) < rounds + 1 or now < lines[-1] + 0.5:
        output.callback()
        after = now + tick
        pace = tempo(now) / seconds
        if now >= start or after > start:
            step = (after - max(now, start)) * pace
            if not lines:
                lines.append(start)
            if math.floor(beat + step) > math.floor(beat):
                lines.append(after - (beat + step - math.floor(beat + step)) / pace)
            beat += step
        now = after
        if not begun and now > 0.5:
            begun = True
            feeder.begin(BeginTake(1, 1, start - now, now))
            feeder.receive(PcmBlock(1, 1, 0, take, last=True))
            at = len(made.pcm) - round(LEAD * 32_000)
            feeder.loop(PlayLoop(1, 2, made.pcm, seconds, bars, follows=1, at=at))
        if begun and now - told_at >= TOLD_EVERY:
            told_at = now
            bar = seconds / tempo(now) / bars
            to_line = bar * (1 - (beat * bars) % 1.0) if lines else start - now
            line = now + to_line + draw.normal(0, jitter)
            feeder.loop(LoopGrid(1, seconds / tempo(now), line))
        late = draw.random() < latest
        if not late:
            feeder.poll()
    heard = np.concatenate(output.played)[:, 0]
    # A poll sees a callback just after it: the block that it took begins to sound then.
    frames = np.array(lines[1 : rounds + 1]) * rate * (1 + skew) - BLOCK
    return judged(heard, made.pcm[:, 0], frames, rate)


def judged(heard: np.ndarray, loop: np.ndarray, frames: np.ndarray, rate: int) -> Rounds:
    """frames: where each round should begin."""
    errors = np.array([_error(heard, loop, frame, rate) for frame in frames]) / rate
    begins = np.rint(frames + errors * rate).astype(int)
    reach = round(0.01 * rate)
    spectrum = np.fft.rfft(heard)
    spectrum[: round(8000 / rate * len(heard))] = 0
    hiss = np.fft.irfft(spectrum, len(heard))
    step, top = np.abs(np.diff(heard, prepend=0.0)), np.abs(hiss)
    span = range(begins[0] + 2 * reach, begins[-1] - 2 * reach, 2 * reach)
    others = [a for a in span if np.abs(begins - a).min() > 2 * reach]
    return Rounds(
        heard,
        errors,
        np.array([step[b - reach : b + reach].max() for b in begins]),
        np.array([step[a - reach : a + reach].max() for a in others]),
        np.array([top[b - reach : b + reach].max() for b in begins]),
        np.array([top[a - reach : a + reach].max() for a in others]),
    )


def _error(heard: np.ndarray, loop: np.ndarray, frame: float, rate: int) -> float:
    """Frames by which the loop's beginning lies after `frame`, by correlation, in parts of one."""
    lead, length = 0.1, 0.4  # seconds from before the wrap to after it: also what leads there
    pattern = np.roll(loop, round(lead * 32_000))[: round(length * 32_000)]
    pattern = soxr.resample(pattern, 32_000, rate, quality="VHQ")
    first = round(frame - (lead + LOOK) * rate)
    place = heard[first : first + len(pattern) + round(2 * LOOK * rate)]
    size = 1 << (len(place) + len(pattern)).bit_length()
    product = np.fft.rfft(place, size) * np.conj(np.fft.rfft(pattern, size))
    found = np.fft.irfft(product, size)[: len(place) - len(pattern) + 1]
    best = min(max(int(found.argmax()), 1), len(found) - 2)
    before, here, after = found[best - 1 : best + 2]
    best += 0.5 * (before - after) / (before - 2 * here + after)
    return first + best + lead * rate - frame


def _row(name: str, rounds: Rounds) -> str:
    worst, mean = np.abs(rounds.errors).max() * 1e3, np.abs(rounds.errors).mean() * 1e3
    step = rounds.at_wraps.max() / np.percentile(rounds.inside, 99)
    hiss = rounds.hiss_at_wraps.max() / np.percentile(rounds.hiss_inside, 99)
    return f"| {name} | {len(rounds.errors)} | {mean:.2f} | {worst:.2f} | {step:.2f} | {hiss:.2f} |"


CLOCKS: dict[str, dict] = {
    "steady": {},
    "device 100 ppm fast": {"skew": 100e-6},
    "nudged 1 % up and down every 10 s": {"tempo": lambda t: 1 + 0.01 * (int(t / 10) % 2)},
    "wandering 0.3 % within 20 s": {"tempo": lambda t: 1 + 0.003 * math.sin(t * math.pi / 10)},
    "lines told 1 ms wrong, device 100 ppm slow": {"jitter": 0.001, "skew": -100e-6},
    "feeder held up in one poll of five": {"latest": 0.2, "skew": 100e-6},
}


def main() -> None:
    import soundfile

    from daw_bridge.looping.loop_making import make_loop
    from daw_bridge.looping.tail import tail_frames
    from tests.daw_bridge.looping.test_beat_drift import drums

    beat = 60 / (float(sys.argv[2]) if len(sys.argv) > 2 else 112.5)
    seconds = 16 * beat
    take = drums(beat, seconds + tail_frames(seconds) / 50)
    if len(sys.argv) > 2:
        take = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)[0]
    made = make_loop(take, seconds, beat)
    print("| clock | wraps | mean ms | worst ms | step | above 8 kHz |")  # noqa: T201
    for name, how in CLOCKS.items():
        print(_row(name, play_rounds(take, made, seconds, 4, 50, **how)))  # noqa: T201


if __name__ == "__main__":
    main()
