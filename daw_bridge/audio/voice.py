"""One take on its way to the ear: where it starts, fades, starves and ends. Pure.

All methods: feeder thread only. Frames are absolute output frames unless called *take
frames*, which count the take's own audio at the device's rate.

A voice can be rendered again from any frame that was not yet heard (`rewind`). That makes
the hard cases simple: the end of what has arrived is always rendered as a fade to silence;
when more audio arrives before the fade is heard, the fade is rendered away.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daw_bridge.audio.envelope import Envelope
from daw_bridge.audio.looped_source import LoopedSource
from daw_bridge.audio.source import TakeSource

AUDIBLE = 1e-4  # linear
FADE_IN = 0.002  # seconds: no click, and the attack of a drum survives
FADE_DIP = 0.005  # at the end of what has arrived
REFILL = 0.1  # after a dip go on only with so much audio, lest it stutters


@dataclass(slots=True)
class Span:
    """`count` output frames from `out` on took the take's frames from `take` on."""

    out: int
    take: int
    count: int
    held: bool = False  # starved: the take stood still at `take`


class Voice:
    def __init__(
        self,
        take: int,
        epoch: int,
        due: float | None,
        rate: int,
        channels: int,
        first: int = 0,
        length: float | None = None,
    ) -> None:
        self.take = take
        self.epoch = epoch
        self.due = due  # time.monotonic() asked for; None: as soon as audio is there
        self.stop_due: float | None = None
        self.follows: int | None = None  # the epoch whose sound this one replaces …
        self.follows_at = 0  # … from that sample (32 kHz) on
        self.sample = 0  # … with this sample of its own
        self.first, self.length = first, length
        self.source: TakeSource | LoopedSource = TakeSource(rate, channels, first, length)
        self.start: int | None = None  # frame of the first sample
        self.asked: int | None = None  # frame that was asked for
        self.begun = 0.0  # time.monotonic() at which the start was fixed
        self.end: int | None = None  # one past the last frame, once known
        self.onset: int | None = None  # first frame above AUDIBLE
        self.released = False  # ended from outside, fading out
        self.underruns = 0
        self._dip_counted = False
        self._dip: int | None = None  # where the fade at the end of the audio starts
        self._dip_end = 0  # … and ends
        self._dip_tail = 0  # take frames that had arrived then
        self._shape = Envelope(0.0)  # fade-in and release
        self._dips = Envelope(1.0)
        self._spans: deque[Span] = deque()
        self._skipped = 0  # take frames at the start that came too late
        self._rate = rate
        self._fade = max(1, round(FADE_DIP * rate))

    # ------------------------------------------------------------------ what it is up to

    @property
    def can_start(self) -> bool:
        """There is enough audio for a start that does not dip at once."""
        return self.start is None and self.holds(0)

    def holds(self, skip: int) -> bool:
        """There is enough audio for a start that leaves out the first `skip` take frames."""
        return self.source.complete or self.source.tail >= skip + 2 * self._fade

    @property
    def begins_with(self) -> int:
        """The take frame to start with where no other voice is followed."""
        return max(0, self.source.frame_at(self.first))

    def place_in(self, old: Voice) -> int:
        """The take frame of the voice that it follows at which its own take frame 0 belongs."""
        base = self.source.base if isinstance(self.source, TakeSource) else 0
        return old.source.frame_at((base or 0) - self.sample + self.follows_at)

    def limit_after(self, old: Voice) -> int | None:
        """The take frame at which it ends, counted from where that one says that it begins: so
        takes and their parts add up to the frame."""
        place = self.place_in(old)
        if old.take == self.take:
            limit = old.source.limit if isinstance(old.source, TakeSource) else None
            return None if limit is None else limit - place
        if self.length is None:
            return None
        first = old.source.frame_at(self.first - self.sample + self.follows_at)
        return first - place + round(self.length * self._rate)

    @property
    def completed(self) -> bool:
        """It is heard (or will be) to its own end."""
        return self.end is not None and not self.released

    def take_frame_at(self, frame: int) -> int:
        """Take frames that come before output frame `frame`, as far as rendered."""
        reached = self._skipped
        for span in self._spans:
            if span.out >= frame:
                break
            reached = span.take + (0 if span.held else min(span.count, frame - span.out))
        return reached

    def frame_of(self, take_frame: int) -> int | None:
        """The output frame at which a take frame sounds; None while it stands still before it."""
        if self.start is None:
            return None
        if not self._spans:
            return self.start + take_frame - self._skipped
        for span in self._spans:
            if not span.held and take_frame < span.take + span.count:
                return span.out + take_frame - span.take
        last = self._spans[-1]
        return None if last.held else last.out + take_frame - last.take

    def samples_at(self, frame: int) -> int:
        """The take's position (samples at 32 kHz) when `frame` comes next."""
        return self.source.sample_at(self.take_frame_at(frame))

    # ------------------------------------------------------------------ commands

    def begin_at(
        self, frame: int, fade_in: int | None = None, skip: int = 0, limit: int | None = None
    ) -> None:
        """The first sample, or the one after `skip` take frames, sounds at `frame`.

        limit: the take frame at which it ends, where that is other than its source thinks.
        """
        self._skipped = skip
        if limit is not None and isinstance(self.source, TakeSource):
            self.source.limit = limit
        if fade_in is None:  # a very short take is still heard
            fade_in = min(round(FADE_IN * self._rate), max(1, self.source.tail // 4))
        self.start = frame
        self._shape.ramp(frame, 1.0, fade_in)

    def release_at(self, frame: int, fade: int) -> bool:
        """Fade out from `frame` within `fade` frames. False: it ends earlier anyway."""
        if self.end is not None and self.end <= frame + (fade if self.released else 0):
            return False
        self._shape.ramp(frame, 0.0, fade)
        self.released = True
        self.end = frame + max(1, fade)
        return True

    def rewind(self, frame: int) -> None:
        """Frames from `frame` on will be rendered again."""
        while self._spans and self._spans[-1].out >= frame:
            self._spans.pop()
        if self._spans:
            last = self._spans[-1]
            last.count = min(last.count, frame - last.out)
        if self.onset is not None and self.onset >= frame:
            self.onset = None
        if self._dip is not None and self._dip >= frame:
            self._recover(self._dip)

    def refill_from(self, safe: int) -> int | None:
        """After new audio: the frame to render again from (≥ `safe`), None if all is well.

        Call `rewind` for that frame, then `refilled`.
        """
        if self._dip is None or self.released:
            return None
        if self._dip < safe and not self.source.complete:
            position = self.take_frame_at(safe)
            if self.source.tail - position < round(REFILL * self._rate):
                return None  # the dip is being heard: let some audio gather first
        return max(self._dip, safe)

    def refilled(self, frame: int) -> None:
        """Rewound to `frame`: if the dip before it was heard, come back from it."""
        if self._dip is None:
            return
        if self.source.tail > self._dip_tail:
            self._count_dip()
            self._recover(frame)
        elif self.source.complete:  # the end was announced after all of it was rendered
            self.end = self._dip_end

    def heard(self, consumed: int, excused: bool = False) -> None:
        """The device took all frames before `consumed`. Counts a dip that was heard.

        excused: another take is about to follow, so that no audio is no fault.
        """
        unfinished = not self.source.complete and not self.released and not excused
        if self._dip is not None and unfinished and consumed >= self._dip_end:
            self._count_dip()
        while len(self._spans) > 1 and self._spans[1].out <= consumed:
            self._spans.popleft()
        self._shape.forget(consumed)
        self._dips.forget(consumed)
        if self._spans:
            self.source.forget(self.take_frame_at(consumed))

    # ------------------------------------------------------------------ rendering

    def mix_into(self, out: NDArray[np.float32], at: int) -> None:
        """Add this voice's frames `at` … to `out` [n, channels], in order of frames."""
        if self.start is None:
            return
        cursor, stop = max(at, self.start), at + len(out)
        position = self.take_frame_at(cursor)
        while cursor < stop and (self.end is None or cursor < self.end):
            room = (stop if self.end is None else min(stop, self.end)) - cursor
            left = self.source.tail - position
            edge = max(self.source.tail - self._fade, self.source.tail // 2)
            if self._dip is None and not self.released:
                if position >= edge:
                    self._dip = cursor
                    self._dip_end, self._dip_tail = cursor + left, self.source.tail
                    self._dips.ramp(cursor, 0.0, left)
                    if self.source.complete:
                        self.end = cursor + left
                    continue
                left = edge - position
            count = min(left, room) if left > 0 else room
            span = Span(cursor, position, count, held=left <= 0)
            if not span.held:
                self._add(out[cursor - at : cursor - at + count], span)
                position += count
            self._note(span)
            cursor += count

    def _add(self, out: NDArray[np.float32], span: Span) -> None:
        audio = self.source.read(span.take, span.count)
        for envelope in (self._shape, self._dips):
            gain = envelope.values(span.out, span.count)
            if not (isinstance(gain, float) and gain == 1.0):
                audio *= gain
        out += audio
        if self.onset is None:
            loud = np.abs(audio).max(axis=1) > AUDIBLE
            first = int(loud.argmax())
            if loud[first]:
                self.onset = span.out + first

    def _note(self, span: Span) -> None:
        last = self._spans[-1] if self._spans else None
        if last and last.held == span.held and last.out + last.count == span.out:
            last.count += span.count
        else:
            self._spans.append(span)

    def _recover(self, frame: int) -> None:
        """From `frame` on the dip is undone: the gain goes back to 1 from where it is."""
        depth = 1.0 - self._dips.value(frame)
        self._dips.ramp(frame, 1.0, round(depth * self._fade))
        self._dip = None
        self._dip_counted = False
        if not self.released:
            self.end = None

    def _count_dip(self) -> None:
        if not self._dip_counted:
            self._dip_counted = True
            self.underruns += 1
