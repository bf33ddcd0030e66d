"""MusicGen's delay pattern: codebook k lags `delays[k]` steps behind the first.

Step s carries frame `s - 1 - delays[k]` of codebook k, and the special token where that
frame does not exist. Step 0 is all special, so F frames take steps 1 … F + max(delays).
Delays are 0,1,2,3 in mono and 0,0,1,1,2,2,3,3 in stereo (`ModelConfig.delays`).

K codebooks, F frames. `interleave` and `undo` work on whole sequences (training, tests);
`DelayedCodes` is the incremental form that generation uses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import BadInput

UNKNOWN = -1


def interleave(codes: Tensor, delays: Sequence[int], special: int) -> Tensor:
    """codes [...,K,F] → [...,K,1+F+max(delays)] as the model reads them, step 0 included."""
    *lead, books, frames = codes.shape
    delayed = codes.new_full((*lead, books, 1 + frames + max(delays)), special)
    for book, delay in enumerate(delays):
        delayed[..., book, 1 + delay : 1 + delay + frames] = codes[..., book, :]
    return delayed


def undo(delayed: Tensor, delays: Sequence[int]) -> Tensor:
    """The inverse of `interleave`: [...,K,1+F+max(delays)] → [...,K,F]."""
    frames = delayed.shape[-1] - 1 - max(delays)
    if frames < 0:
        raise ValueError(f"{delayed.shape[-1]} steps are too few for delays {tuple(delays)}")
    rows = [delayed[..., book, 1 + delay : 1 + delay + frames] for book, delay in enumerate(delays)]
    return torch.stack(rows, dim=-2)


def checked_codes(
    context: Tensor | NDArray[np.int64] | None, books: int, entries: int
) -> NDArray[np.int64] | None:
    """A context as host numpy int64 [K,F0], None when there is none. Raises BadInput where a model
    of so many codebooks with so many entries cannot read it."""
    if context is None:
        return None
    codes = context.cpu().numpy() if isinstance(context, Tensor) else np.asarray(context)
    if codes.ndim != 2 or codes.shape[0] != books:
        raise BadInput(
            f"context codes have shape {list(codes.shape)}; this model wants [{books}, frames]"
        )
    if codes.shape[1] == 0:
        return None
    if codes.min() < 0 or codes.max() >= entries:
        raise BadInput(f"context codes must be 0 to {entries - 1}; they are from another codec")
    return codes.astype(np.int64)


class DelayedCodes:
    """Codes that become known step by step. Lives on the host; owned by one generation.

    Known codes are never overwritten: beside a context's last frames the first codebook
    is drawn anew while the delayed ones still carry the context, exactly as transformers
    forces a prompt's tokens. That makes continuing from tokens exact.
    """

    def __init__(
        self,
        delays: Sequence[int],
        special: int,
        context: NDArray[np.int64] | None = None,
        end: int | None = None,
    ) -> None:
        """context: [K,F0] known from the start. end: frames there will ever be, or endless."""
        books = len(delays)
        self.special, self.end = special, end
        self.context_frames = 0 if context is None else context.shape[1]
        self._lag = np.asarray(delays, dtype=np.int64) + 1
        self._books = np.arange(books)
        room = max(512, self.context_frames + 64 if end is None else end)
        self._codes = np.full((books, room), UNKNOWN, dtype=np.int64)
        if context is not None:
            self._codes[:, : self.context_frames] = context

    @property
    def last_lag(self) -> int:
        """Steps after which the frame with number 0 is complete."""
        return int(self._lag[-1])

    def column(self, step: int, first: int = 0) -> NDArray[np.int64]:
        """What the model reads at `step` [K]; frames before `first` count as not there."""
        self._reserve(step)
        frames = step - self._lag
        there = frames >= first
        if self.end is not None:
            there &= frames < self.end
        codes = self._codes[self._books, np.where(there, frames, 0)]
        return np.where(there, codes, self.special)

    def columns(self, first: int, stop: int, start: int | None = None) -> NDArray[np.int64]:
        """Steps `first` … `stop - 1` [K,stop-first], with `first` all special; of these those from
        `start` on."""
        steps = range(first if start is None else start, stop)
        return np.stack([self.column(step, first) for step in steps], axis=1)

    def write(self, step: int, tokens: NDArray[np.int64]) -> None:
        """Keep what was drawn for `step` [K], where that code exists and is not known yet."""
        frames = step - self._lag
        self._reserve(step)
        there = frames >= 0
        if self.end is not None:
            there &= frames < self.end
        books, frames, tokens = self._books[there], frames[there], tokens[there]
        old = self._codes[books, frames]
        self._codes[books, frames] = np.where(old == UNKNOWN, tokens, old)

    def forget(self, frames: int) -> None:
        """Everything from frame `frames` on is unknown again."""
        self.context_frames = min(self.context_frames, frames)
        self._codes[:, frames:] = UNKNOWN

    def forget_drawn(self, step: int) -> None:
        """What steps from `step` on have drawn is unknown again."""
        for book, lag in enumerate(self._lag):
            self._codes[book, max(step - lag, self.context_frames) :] = UNKNOWN

    def frames(self, first: int, stop: int) -> NDArray[np.int64]:
        """A copy of frames `first` … `stop - 1` [K,stop-first], the delay undone."""
        return self._codes[:, first:stop].copy()

    def _reserve(self, frames: int) -> None:
        room = self._codes.shape[1]
        if frames > room:
            more = np.full((len(self._books), max(frames, room)), UNKNOWN, dtype=np.int64)
            self._codes = np.concatenate((self._codes, more), axis=1)
