"""A loop as a voice's source: it never ends, and is read at whatever speed keeps it on the bar.

The loop's place is a function of the frame alone, laid down in pieces of constant speed; so what
was rendered ahead can be rendered again. `follow` adds a piece: it turns the speed a little, so
that the loop comes back onto the grid of bar lines within `SETTLE` seconds, which nobody hears.
Where the clock itself jumped, the loop jumps after it, cross-faded. The same frame may take over
another sound of the loop: the one that was stretched to a new tempo.

Between samples it is read through a windowed sinc (J. O. Smith, "Digital audio resampling").
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from daw_bridge.audio.messages import LoopGrid
from daw_bridge.audio.source import fit_channels

SETTLE = 1.0  # seconds in which most of an error is taken back
VARISPEED = 0.005  # share of speed that this may take: 9 cents
JUMP = 0.040  # seconds beside the grid from which on the loop leaps
LEAP_FADE = 0.010
TAPS = 32  # samples that make one between them
PHASES = 2048  # places between two samples
ENDLESS = 2**62  # frames


@dataclass(frozen=True, slots=True, eq=False)
class LoopSound:
    """One sound of a loop: float32 [samples, channels], of any number of samples."""

    samples: int
    windows: NDArray[np.float32]  # [samples, channels, TAPS]: what is around each sample

    @classmethod
    def of(cls, pcm: NDArray[np.float32], channels: int) -> LoopSound:
        """Wrapped round, so that a read needs no edge."""
        fitted = pcm if pcm.shape[1] == 1 else fit_channels(pcm, channels)
        finite = np.nan_to_num(fitted, nan=0.0, posinf=0.0, neginf=0.0)
        around = np.arange(-(TAPS // 2) + 1, len(finite) + TAPS // 2)
        return cls(len(finite), sliding_window_view(finite[around % len(finite)], TAPS, axis=0))

    def read(self, phase: float, pace: float, count: int) -> NDArray[np.float32]:
        """[count, channels] from `phase` (0 … 1 of the loop), `pace` of it a frame."""
        places = (phase + pace * np.arange(count)) % 1.0 * self.samples
        fine = np.rint(places * PHASES).astype(np.int64)
        windows = self.windows[(fine // PHASES) % self.samples]
        return np.einsum("nct,nt->nc", windows, _kernels()[fine % PHASES])


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """From `frame` on: `phase` there, `pace` a frame, of `sound`. leap: it does not go on from
    the piece before, and is cross-faded with it."""

    frame: int
    phase: float
    pace: float
    sound: LoopSound
    leap: bool = False

    def at(self, frame: int) -> float:
        """The phase at `frame`, not yet wrapped."""
        return self.phase + (frame - self.frame) * self.pace


class LoopedSource:
    """In place of a `TakeSource`. Feeder thread only; frames count from the voice's start.

    pcm: the loop [samples, channels]. seconds: how long one round lasts. bars: in it.
    phase: that of frame 0. first: the take's sample at the loop's beginning.
    """

    def __init__(
        self,
        pcm: NDArray[np.float32],
        seconds: float,
        bars: int,
        rate: int,
        channels: int,
        phase: float = 0.0,
        first: int = 0,
    ) -> None:
        self.bars = bars
        self.grid: LoopGrid | None = None  # as last told
        self.tail, self.complete = ENDLESS, False
        self.base: int | None = 0
        self.received = first + len(pcm)  # as in the take: the sample past its last one
        self._first, self._samples = first, len(pcm)
        self._rate, self._channels = rate, channels
        self._seconds = seconds
        self._heard = 0
        self._pieces = [Piece(0, phase, 1 / (seconds * rate), LoopSound.of(pcm, channels))]

    # ------------------------------------------------------------------ what a voice asks

    def read(self, frame: int, count: int) -> NDArray[np.float32]:
        """A new array [count, channels]."""
        out = np.empty((count, self._channels), np.float32)
        for index, piece in enumerate(self._pieces):
            later = self._pieces[index + 1 :]
            end = min(frame + count, later[0].frame if later else ENDLESS)
            start = max(frame, piece.frame)
            if start < end:
                before = self._pieces[index - 1] if piece.leap and index else None
                out[start - frame : end - frame] = self._sound(piece, before, start, end)
        return out

    def _sound(
        self, piece: Piece, before: Piece | None, start: int, end: int
    ) -> NDArray[np.float32]:
        audio = piece.sound.read(piece.at(start), piece.pace, end - start)
        fade = max(1, round(LEAP_FADE * self._rate))
        fading = min(end, piece.frame + fade) - start
        if before is not None and fading > 0:
            old = before.sound.read(before.at(start), before.pace, fading)
            rise = ((np.arange(start, start + fading) - piece.frame + 0.5) / fade)[:, None]
            audio[:fading] = (rise * audio[:fading] + (1 - rise) * old).astype(np.float32)
        return fit_channels(audio, self._channels)

    def forget(self, before: int) -> None:
        """Frames before `before` were heard and will not be read again."""
        self._heard = max(self._heard, before)
        fade = round(LEAP_FADE * self._rate)
        while len(self._pieces) > 1 and self._pieces[1].frame + fade <= before:
            self._pieces.pop(0)

    def sample_at(self, frame: int) -> int:
        """Where in the take (samples at 32 kHz) `frame` is."""
        return self._first + min(int(self.phase_at(frame) * self._samples), self._samples - 1)

    def frame_at(self, sample: int) -> int:
        """The next frame, of those not yet heard, at which the loop comes by that sample."""
        piece = self._piece(self._heard)
        ahead = ((sample - self._first) / self._samples - piece.at(self._heard)) % 1.0
        return self._heard + round(ahead / piece.pace)

    # ------------------------------------------------------------------ the clock

    def phase_at(self, frame: int) -> float:
        """0 … 1 of the loop."""
        return self._piece(frame).at(frame) % 1.0

    def error(self, frame: int, to_line: float, seconds: float) -> float:
        """Seconds by which the loop is behind the grid at `frame`; negative: ahead.

        to_line: seconds from `frame` to some bar line. seconds: of a round, at today's tempo.
        """
        bar = seconds / self.bars
        behind = (-to_line / bar - self.phase_at(frame) * self.bars + 0.5) % 1.0 - 0.5
        return behind * bar

    def follow(self, frame: int, to_line: float | None, seconds: float, jump: float = JUMP) -> bool:
        """From `frame` on keep to the grid. to_line: as for `error`; None: no clock rolls, so
        only its tempo counts. jump: seconds beside the grid from which on it leaps. Whether the
        speed changed so much that it is worth rendering again what was rendered after `frame`."""
        old = self._piece(frame)
        phase, pace, leap = old.at(frame), 1 / (seconds * self._rate), False
        if to_line is not None:
            error = self.error(frame, to_line, seconds)
            if abs(error) > jump:
                phase, leap = phase + error / seconds, True
            else:
                pace *= 1 + min(max(error / SETTLE, -VARISPEED), VARISPEED)
        self._seconds = seconds
        changed = abs(pace / old.pace - 1)
        if not leap and changed < 1e-7:
            return False
        self._lay(replace(old, frame=frame, phase=phase % 1.0, pace=pace, leap=leap))
        return leap or changed > VARISPEED / 10

    def take_over(self, frame: int, pcm: NDArray[np.float32]) -> None:
        """From `frame` on another sound of the same loop, at the same place."""
        old = self._piece(frame)
        sound = LoopSound.of(pcm, self._channels)
        self._lay(replace(old, frame=frame, phase=old.at(frame) % 1.0, sound=sound, leap=True))

    def finish(self, frame: int) -> int:
        """End at the first end of a round from `frame` on; that frame."""
        piece = self._piece(frame)
        left = (1.0 - piece.at(frame) % 1.0) / piece.pace
        self.tail, self.complete = frame + math.ceil(left), True
        return self.tail

    @property
    def seconds(self) -> float:
        """Of one round, as last told."""
        return self._seconds

    def _piece(self, frame: int) -> Piece:
        return next((p for p in reversed(self._pieces) if p.frame <= frame), self._pieces[0])

    def _lay(self, piece: Piece) -> None:
        """What was laid down from the piece's frame on is void."""
        self._pieces = [p for p in self._pieces if p.frame < piece.frame]
        if not self._pieces:
            piece = replace(piece, leap=False)
        self._pieces.append(piece)


@cache
def _kernels() -> NDArray[np.float32]:
    """[PHASES, TAPS]: a Kaiser-windowed sinc for each place between two samples."""
    shift = np.arange(PHASES)[:, None] / PHASES
    reach = np.arange(-(TAPS // 2) + 1, TAPS // 2 + 1)[None, :] - shift
    window = np.i0(9.0 * np.sqrt(np.maximum(0, 1 - (reach / (TAPS / 2)) ** 2))) / np.i0(9.0)
    kernel = np.sinc(reach) * window
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
