"""Turns requests and blocks into sound in an `Output`. All methods: feeder thread only.

The ring is kept full, with silence where nothing plays, so the callback never runs dry and
a pause of the feeder up to the ring's length is not heard. A start, stop, change or new
gain takes effect at the *safe* frame, the nearest one the callback cannot reach before it
is written: two blocks and a few milliseconds ahead. From there on the ring is rendered
again. So a full ring costs no latency.

A planned start or stop is fixed `COMMIT` before it is due: late, so that an xrun just
before does not shift it, and early enough for a feeder that is held up.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from core.generation.messages import PcmBlock
from daw_bridge.audio.clock import StreamClock
from daw_bridge.audio.loop_keeper import LoopKeeper
from daw_bridge.audio.messages import (
    AudioEvent,
    BeginTake,
    EndTake,
    FinishLoop,
    LoopGrid,
    Played,
    PlayLoop,
    SetGain,
    TakeEnded,
    TakeHeard,
)
from daw_bridge.audio.output import Output
from daw_bridge.audio.renderer import Renderer
from daw_bridge.audio.source import TakeSource
from daw_bridge.audio.voice import REFILL, Voice

CROSS_FADE = 0.010  # seconds
SETTLE = 0.010  # of sound before a cross-fade: the resampler begins as if out of silence
STOP_FADE = 0.010
PANIC_FADE = 0.005
GAIN_RAMP = 0.020
HEADWAY = 0.004  # for the feeder itself between looking at the cursor and writing
COMMIT = 0.060  # planned starts and stops are fixed so late, as the clock may still slip
PLAYED_EVERY = 0.1
MEMORY = 2.0  # seconds a large step of the callback is remembered

Emit = Callable[[AudioEvent], None]


class Feeder:
    """`buffer_seconds` of audio are kept ahead in `output`'s ring."""

    def __init__(
        self,
        output: Output,
        emit: Emit,
        gain: float = 1.0,
        buffer_seconds: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._output = output
        self._emit = emit
        self._now = clock
        self._renderer = Renderer(output.ring, gain)
        self._stream = StreamClock(output.rate, output.latency)
        self._loops = LoopKeeper(self._renderer, self._stream, output.rate, self._safe)
        self._depth = min(round(buffer_seconds * output.rate), output.ring.capacity // 2)
        self._steps: deque[tuple[float, int]] = deque()
        self._consumed = 0
        self._heard_takes: set[int] = set()
        self._played_at = 0.0
        self._peaks = np.zeros(output.ring.channels, np.float32)
        self.underruns = 0

    # ------------------------------------------------------------------ requests

    def begin(self, request: BeginTake) -> None:
        now = self._now()
        due = (request.sent_at or now) + request.start_in if request.start_in > 0 else None
        known = next((v for v in self._voices if v.epoch == request.epoch), None)
        if known is not None:  # the clock was corrected; what is fixed already stays
            if known.start is None and known.follows is None:
                known.due = due
            return
        followed, at = self._followed(request)
        for other in [v for v in self._voices if v.start is None and v is not followed]:
            if (other.due or 0.0) >= (due or 0.0):  # it would only have been heard for a moment
                self._drop(other)
        rate, channels = self._output.rate, self._output.ring.channels
        voice = Voice(
            request.take, request.epoch, due, rate, channels, request.first, request.length
        )
        if followed is not None:
            voice.follows, voice.follows_at = followed.epoch, at
            voice.sample = request.at if request.sample is None else request.sample
            if followed.take == voice.take:
                voice.stop_due = followed.stop_due
        self._voices.append(voice)

    def _followed(self, request: BeginTake) -> tuple[Voice | None, int]:
        """The voice whose place is taken, and from which of its samples on. One that was void
        before it was heard is passed over."""
        by_epoch = {voice.epoch: voice for voice in self._voices}
        epoch, at = request.follows, request.at
        while epoch in by_epoch:
            voice = by_epoch[epoch]
            if voice.start is not None or voice.follows is None or voice.sample < at:
                return voice, at
            epoch, at = voice.follows, at - voice.sample + voice.follows_at
        return None, 0

    def receive(self, block: PcmBlock) -> None:
        """Blocks of an epoch that plays or is about to; all others are stale."""
        for voice in self._voices:
            source = voice.source
            fits = voice.epoch == block.epoch and not voice.released
            if fits and isinstance(source, TakeSource):
                source.receive(block)
                frame = voice.refill_from(self._safe())
                if frame is not None:
                    self._renderer.rewind(frame)
                    voice.refilled(frame)

    def loop(self, request: PlayLoop | LoopGrid | FinishLoop) -> None:
        """A loop begins, where what it follows comes by, or is told of the bar lines, or ends."""
        if isinstance(request, PlayLoop):
            self._loops.play(request)
        elif isinstance(request, LoopGrid):
            self._loops.grid(request)
        else:
            self._loops.finish(request)

    def end(self, request: EndTake) -> None:
        # A voice that has yet to take over is heard as the one that sounds in its place.
        own = [v for v in self._voices if v.take == request.take]
        before = {v.follows for v in own if v.start is None}
        for voice in [v for v in self._voices if v in own or v.epoch in before]:
            due = (request.sent_at or self._now()) + request.stop_in
            if request.stop_in <= 0 or (voice.start is None and (voice.due or 0.0) >= due):
                self._stop(voice, self._safe(), STOP_FADE)
            else:
                voice.stop_due = due

    def silence(self) -> None:
        frame = self._safe()
        for voice in list(self._voices):
            self._stop(voice, frame, PANIC_FADE)

    def set_gain(self, request: SetGain) -> None:
        frame = self._safe()
        self._renderer.gain.ramp(frame, request.gain, self._frames(GAIN_RAMP))
        self._renderer.rewind(frame)

    # ------------------------------------------------------------------ the beat

    def poll(self) -> None:
        """Some 250 times a second: see what was played, start what is due, fill the ring."""
        now = self._now()
        dry = self._output.poll(now)
        consumed = self._output.consumed
        self._measure(now, consumed, dry)
        self._follow(now, consumed)
        for voice in list(self._voices):
            self._stop_due(voice)
            self._start_due(voice)
        self._renderer.render(self._output.consumed + self._depth)
        self._output.publish(now)

    def report(self) -> None:
        """Tell at once how far the take is, as before the process ends."""
        playing = [v for v in self._voices if v.start is not None and v.start < self._consumed]
        if not playing:
            return
        voice = playing[-1]
        at = voice.samples_at(self._consumed)
        buffered = (voice.source.received - at) / 32_000
        self._emit(Played(voice.take, voice.epoch, at, buffered, self.underruns))

    def abandon(self) -> None:
        """The output is gone for good: all takes end where they are."""
        for voice in list(self._voices):
            self._finish(voice, completed=False)

    def levels(self) -> tuple[float, ...]:
        """Peaks a channel of what was played since the last call."""
        peaks = tuple(float(peak) for peak in self._peaks)
        self._peaks[:] = 0.0
        return peaks

    @property
    def busy(self) -> bool:
        """Something plays or waits for its moment."""
        return bool(self._voices)

    @property
    def consumed(self) -> int:
        """Frames played, as of the last poll."""
        return self._consumed

    # ------------------------------------------------------------------ inside

    @property
    def _voices(self) -> list[Voice]:
        return self._renderer.voices

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self._output.rate))

    def _safe(self) -> int:
        """The first frame that may still be written before the callback takes it."""
        block = self._output.block
        step = max((count for _, count in self._steps), default=0)
        step = min(step, 4 * block, self._depth // 2)  # more is the feeder's own delay
        ahead = max(2 * block, step) + self._frames(HEADWAY)
        return min(self._output.consumed + ahead, max(self._renderer.cursor, self._consumed))

    def _measure(self, now: float, consumed: int, dry: bool) -> None:
        step = consumed - self._consumed
        if dry:
            self._stream.reset()
            # A voice that starved counts for itself; here the feeder came too late.
            if any(v.start is not None and v.start < consumed for v in self._voices):
                self.underruns += 1
        elif step:
            self._stream.observe(now, consumed, self._output.block)
        if step:
            reach = min(step, self._output.ring.capacity // 2)
            played = self._output.ring.read(consumed - reach, reach)
            np.maximum(self._peaks, np.abs(played).max(axis=0), out=self._peaks)
            self._steps.append((now, step))
        while self._steps and self._steps[0][0] < now - MEMORY:
            self._steps.popleft()
        self._consumed = consumed

    def _follow(self, now: float, consumed: int) -> None:
        """Tell what was heard and what has ended."""
        self._renderer.gain.forget(consumed)
        newest = self._voices[-1] if self._voices else None
        for voice in list(self._voices):
            before = voice.underruns
            voice.heard(consumed, excused=voice is not newest)
            self.underruns += voice.underruns - before
            if voice.onset is not None and voice.onset < consumed and self._stream.ready:
                self._tell_heard(voice, voice.onset)
            if voice.end is not None and voice.start is not None and voice.end <= consumed:
                self._finish(voice, voice.completed)
        if now - self._played_at >= PLAYED_EVERY:
            self._played_at = now
            self.report()

    def _tell_heard(self, voice: Voice, onset: int) -> None:
        if voice.take in self._heard_takes:
            return
        self._heard_takes.add(voice.take)
        late = 0.0
        if voice.asked is not None and voice.start is not None:
            late = max(0.0, (voice.start - voice.asked) / self._output.rate)
        at = max(self._stream.time_of(onset), voice.begun)  # just after an xrun the clock is early
        self._emit(TakeHeard(voice.take, at, late))

    def _start_due(self, voice: Voice) -> None:
        if not voice.can_start or voice not in self._voices:
            return
        target, skip, limit = self._safe(), voice.begins_with, None
        old = next((other for other in self._voices if other.epoch == voice.follows), None)
        if old is not None and not old.released:
            if old.start is None:
                return
            lead_in = self._lead_in(voice)
            due = old.frame_of(voice.place_in(old) + lead_in)
            if due is not None:  # else it ran dry before: the gap ends here
                # Two cross-fades at once would add up to less than one.
                fading = [v.end for v in self._voices if v.released and v.end is not None]
                target = max(target, due, *fading)
                skip, limit = lead_in + target - due, voice.limit_after(old)
            if target > self._safe() + self._frames(COMMIT):
                return
            late = due is not None and target > due
            left = old.source.tail - old.take_frame_at(target)
            # One that comes too late would starve at once: better some more of the old sound.
            spare = self._frames(REFILL) if late and left > self._frames(COMMIT) else 0
            if not voice.holds(skip + spare):
                return
        elif voice.due is not None:
            if not self._stream.ready:
                return
            voice.asked = self._stream.frame_at(voice.due)
            target = max(target, voice.asked)
            if target > self._safe() + self._frames(COMMIT):
                return
        index = self._voices.index(voice)
        fade_in = None
        for other in self._voices[:index]:
            if other.end is None or other.end > target:
                fade_in = self._frames(CROSS_FADE) if other.start is not None else fade_in
                self._stop(other, target, CROSS_FADE)
        voice.begin_at(target, fade_in, skip, limit)
        self._loops.started(voice)
        voice.begun = self._now()
        self._renderer.rewind(target)

    def _lead_in(self, voice: Voice) -> int:
        """Its first frame that a cross-fade may use, where it begins before the sample at which it
        is to take over: the sooner, the more alike the two sound."""
        settled = self._frames(SETTLE)
        enough = voice.source.frame_at(voice.sample) >= settled + self._frames(CROSS_FADE)
        return settled if enough else 0

    def _stop_due(self, voice: Voice) -> None:
        if voice.stop_due is None or not self._stream.ready:
            return
        frame = max(self._stream.frame_at(voice.stop_due), self._safe())
        if frame <= self._safe() + self._frames(COMMIT):
            voice.stop_due = None
            self._stop(voice, frame, STOP_FADE)

    def _stop(self, voice: Voice, frame: int, fade: float) -> None:
        if voice.start is None or voice.start >= frame:
            self._renderer.rewind(min(frame, voice.start or frame))
            self._drop(voice)
        elif voice.release_at(frame, self._frames(fade)):
            self._renderer.rewind(frame)

    def _drop(self, voice: Voice) -> None:
        """It was not heard at all."""
        self._finish(voice, completed=False)

    def _finish(self, voice: Voice, completed: bool) -> None:
        self._voices.remove(voice)
        if any(other.take == voice.take for other in self._voices):
            return  # the take goes on under another epoch
        self._heard_takes.discard(voice.take)
        samples = voice.source.received if completed else voice.samples_at(self._consumed)
        self._emit(TakeEnded(voice.take, samples, completed))
