"""Prompt → tokens → PCM: a token stream and a streaming decoder, a frame at a time.

    while not stream.ended:
        block = stream.step()       # draws one frame; now and then there is sound
        if block is not None: ...
    stream.rewind(frames)           # what comes after them is drawn, and sounds, anew

The first block is as small as the decoder's look-ahead lets it be, so that sound begins early;
later ones are larger, because a frame is cheaper to decode in company.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core.codec.soft_clip import soft_clip
from core.codec.streaming_decoder import DecoderState, StreamingDecoder
from core.generation.messages import Codes, Pcm
from core.generation.params import Prompt, SamplingParams
from core.generation.reading import PromptKeys
from core.generation.seam import SEAM_SAMPLES
from core.model.language_model import LanguageModel
from core.types import SAMPLES_PER_FRAME

# New frames to a block. Five frames give the first 25 ms of sound (3.75 are look-ahead).
FIRST_BLOCKS = (5, 2, 3, 4, 6, 8)
LATER_BLOCKS = 10  # 0.2 s

# Frames rendered before the first that is wanted, of which the convolutions see 4, and frames
# before those that the recurrent layer hears alone: its memory is long (measured on the
# starter: cut to 3.5 s it is off by 1e-3), and rendering is most of the work.
WARM_FRAMES = 12
HEARD_FRAMES = 400

COPIES_KEPT = 128  # decoder states to go back to: 25 s, farther than an endless take runs ahead


def frames_ahead(decoder: StreamingDecoder) -> int:
    """Frames after a frame that its last sample depends on: 4 of the 32 kHz codec."""
    return -(-decoder.lookahead_samples // SAMPLES_PER_FRAME)


class FrameSource(Protocol):
    """What is needed of `core.generation.token_stream.TokenStream`."""

    @property
    def prompt(self) -> Prompt: ...

    @property
    def sampling(self) -> SamplingParams: ...

    def next_frame(self) -> Tensor | None: ...

    def codes(self) -> Codes: ...

    def rewind(self, frames: int) -> None: ...

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None: ...

    def change_prompt(self, prompt: Prompt) -> None: ...

    def change_sampling(self, sampling: SamplingParams) -> None: ...

    def forget_text(self) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class SoundBlock:
    """float32 [samples, channels], 32 kHz, from the take's sample `first_sample` on.

    Peaks are bent below full scale (`soft_clip`).
    """

    first_sample: int
    pcm: Pcm
    last: bool


class AudioStream:
    """One take's sound. Used by one thread; nothing runs between calls.

    tokens: gives the new frames.
    context: codes [codebooks, frames] the take continues from, without which it starts fresh.
        They are rendered and dropped, so that the first new sample follows the clip's last one.
    wanted: frames of a take with an open end: `tokens` gives `frames_ahead` more, which are
        heard by the decoder alone, so that the last samples are those of music that goes on.
    level: what its sound is multiplied with (`core.generation.clip_context`).
    done, first_sample: the last `done` frames of `context` belong to the take itself, whose
        sound is wanted from `first_sample` on (a take that was interrupted; None: from its start).
    lead: samples of the context's end that its sound starts with, as `messages.StartTake` says.
    """

    def __init__(
        self,
        tokens: FrameSource,
        decoder: StreamingDecoder,
        context: Codes | None = None,
        done: int = 0,
        first_sample: int | None = None,
        wanted: int | None = None,
        lead: int = 0,
        level: float = 1.0,
    ) -> None:
        self.tokens = tokens
        self.context = np.zeros((0, 0), np.int64) if context is None else context
        self.frames = done  # of the take: done before and drawn here
        before = self.context.shape[1] - done
        self.first = -min(lead, before * SAMPLES_PER_FRAME)  # sample that the take starts with
        self.samples = self.first if first_sample is None else first_sample  # of the next block
        self.ended = False
        self._wanted, self.level = wanted, level
        self._done, self._decoder = done, decoder
        self._copies: deque[tuple[int, DecoderState]]  # by frames decoded, before each block
        self._sizes: Iterator[int] = chain(FIRST_BLOCKS, repeat(LATER_BLOCKS))
        self._due = next(self._sizes)
        self._new = 0  # of the pending frames
        self._untold: list[Tensor] = []
        self._seam = np.zeros((0, decoder.channels), np.float32)
        self._begun = self.samples
        self._start_decoder(self.context, self.samples)

    def _start_decoder(self, codes: Codes, sample: int) -> None:
        """A decoder that has heard the end of `codes`, the take's own `done` among them, and
        gives the samples of the take from `sample` on."""
        before = self.context.shape[1] - self._done  # frames before the take's first
        warm = max(0, before + sample // SAMPLES_PER_FRAME - WARM_FRAMES)
        self._state, self._copies = self._decoder.start(), deque(maxlen=COPIES_KEPT)
        heard = torch.tensor(codes[:, max(0, warm - HEARD_FRAMES) : warm])
        past = self._decoder.listen(self._state, heard) if heard.shape[1] else 0
        # the take's sample that the decoder's first one is, and the frames it has got
        self._origin = (warm - heard.shape[1] + past - before) * SAMPLES_PER_FRAME
        self._decoded = warm - before
        self._skip = sample - self._origin  # rendered samples to be dropped
        self._pending = [torch.tensor(codes[:, warm:])] if codes.size else []

    @property
    def seam(self) -> Pcm:
        """The codec's rendering of the last 40 ms before the first new sample.

        There once the first block is; for `core.generation.seam.join_clip`.
        """
        return self._seam

    def step(self) -> SoundBlock | None:
        """Draw one frame. Returns the sound that is due, which may be none yet."""
        frame = self.tokens.next_frame()
        if frame is None:
            return self._decode(last=True)
        if self._wanted is None or self.frames < self._wanted:
            self.frames += 1
            self._untold.append(frame)
        self._pending.append(frame.unsqueeze(1))
        self._new += 1
        if self._new < self._due:
            return None
        self._due = next(self._sizes)
        return self._decode(last=False)

    def hand_over(self) -> SoundBlock | None:
        """What can be heard of the frames drawn so far, for when no more come for a while."""
        return self._decode(last=False) if self._new else None

    def cut(self) -> SoundBlock:
        """End here, for a take that is cancelled: an empty last block."""
        self.ended = True
        return SoundBlock(self.samples, np.zeros((0, self._decoder.channels), np.float32), True)

    def rewind(self, frames: int) -> int:
        """Keep the take's first `frames` frames; those after them are drawn anew by `step`.

        Returns the sample from which on there will be other sound than was given so far:
        `samples` as it was, where all that was given stays valid.
        """
        frames = max(self._done - self.context.shape[1], min(frames, self.frames))
        drawn = self._done + self.tokens.codes().shape[1]
        told = self.frames - len(self._untold)
        del self._untold[max(0, frames - told) :]
        self.tokens.rewind(frames - self._done)
        if frames < self._done:
            self.context = self.context[:, : frames - self._done]
            self._done = frames
        self.frames, self.ended = frames, False
        if frames >= self._decoded:
            self._new = max(0, self._new - (drawn - frames))
        else:
            self._take_back_sound(frames)
        before = self.context.shape[1] - self._done
        left = self._all_codes()[:, before + self._decoded :]
        self._pending = [torch.tensor(left)] if left.shape[1] else []
        return self.samples

    def move(self, decoder: StreamingDecoder) -> None:
        """Decode on another device from here on. No sample is lost or given twice."""
        self._decoder = decoder
        self._start_decoder(self._all_codes(), self.samples)

    def _take_back_sound(self, frames: int) -> None:
        """The decoder goes back to before frame `frames`."""
        certain = frames * SAMPLES_PER_FRAME - self._decoder.lookahead_samples
        self.samples = max(self.first, min(self.samples, certain))
        while self._copies and self._copies[-1][0] > frames:
            self._copies.pop()
        if self._copies:
            self._decoded, self._state = self._copies.pop()
            self._skip = self.samples - self._origin - self._state.samples
        else:
            self._start_decoder(self._all_codes(), self.samples)
        self._sizes, self._new = chain(FIRST_BLOCKS, repeat(LATER_BLOCKS)), 0
        self._due = next(self._sizes)

    def _all_codes(self) -> Codes:
        """The context's, then those drawn so far."""
        own = self.tokens.codes()
        return np.concatenate((self.context, own), axis=1) if self.context.size else own

    def untold_codes(self) -> Codes | None:
        """The new frames [codebooks, n] since this was last called; None if there are none."""
        if not self._untold:
            return None
        codes = torch.stack(self._untold, dim=1).numpy()
        self._untold = []
        return codes

    def _decode(self, last: bool) -> SoundBlock | None:
        """Decode what is pending. None if nothing becomes audible, unless it is the end."""
        if self._pending:
            codes = torch.cat(self._pending, dim=1)
        else:
            codes = torch.zeros(self._decoder.channels, 0, dtype=torch.int64)
        self._pending, self._new = [], 0
        self._copies.append((self._decoded, self._decoder.copy(self._state)))
        self._decoded += codes.shape[1]
        closes = last and self._wanted is None
        decoded = self._decoder.decode_to_host(self._state, codes, closes)
        pcm = soft_clip(decoded if self.level == 1 else np.float32(self.level) * decoded)
        if self._skip:
            dropped, pcm = pcm[: self._skip], pcm[self._skip :]
            self._skip -= len(dropped)
            if self.samples == self._begun:
                self._seam = np.concatenate((self._seam, dropped))[-SEAM_SAMPLES:]
        if self._wanted is not None:
            pcm = pcm[: max(0, self._wanted * SAMPLES_PER_FRAME - self.samples)]
        self.ended = last
        if not len(pcm) and not last:
            return None
        block = SoundBlock(self.samples, pcm, last)
        self.samples += len(pcm)
        return block
