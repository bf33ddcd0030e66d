"""The engine's takes in flight: opened, drawn, steered, ended, and what is told of them.

One take goes first, the one that is heard; others are worked on while it waits for credit.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from core.generation.audio_stream import SoundBlock
from core.generation.beside import Beside, Running
from core.generation.engine_model import EngineModel
from core.generation.engine_pipe import EnginePipe
from core.generation.generator import Generator
from core.generation.messages import (
    ChangePrompt,
    ChangeSampling,
    PcmBlock,
    StartBeside,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeSteered,
    TakeTokens,
)
from core.generation.params import Prompt, SamplingParams

_SPEED_MEMORY = 0.7  # share of the old figure in the running steps per second


class EngineTakes:
    """Used by the engine's thread."""

    def __init__(self, pipe: EnginePipe, model: EngineModel) -> None:
        self._pipe, self._model = pipe, model
        self._first: Running | None = None
        self._beside = Beside()
        self.stepped = 0.0  # seconds of the last step

    # ------------------------------------------------------------------ which there are

    def all(self) -> list[Running]:
        return [*([] if self._first is None else [self._first]), *self._beside]

    def due(self) -> list[Running]:
        """Those to draw a frame of."""
        if self._first is not None and not self._first.waits:
            return [self._first]
        return self._beside.due()

    def find(self, take: int | None) -> Running | None:
        return next((one for one in self.all() if one.request.take == take), None)

    def drawn_with(self, take: Running) -> list[Running]:
        """Those that a step of this one is a step of, itself among them."""
        return self._beside.group_of(take.request.take) or [take]

    # ------------------------------------------------------------------ begin and end

    def start(self, request: StartTake) -> None:
        """It goes first; the one that did ends."""
        if self._first is not None:
            self.cancel(self._first)
        self._first = _opened(request, self._model.generator)
        self._tell_start(self._first)

    def start_beside(self, request: StartBeside) -> None:
        """The takes of one request are drawn side by side."""
        group = [_opened(one, self._model.generator) for one in request.takes]
        self._model.generator.side_by_side([one.stream for one in group])
        self._beside.add(group)
        for one in group:
            self._tell_start(one)

    def prefer(self, take: Running) -> None:
        """It goes first from now on; what did goes on beside it."""
        if take is self._first:
            return
        self._model.generator.set_apart(take.stream)
        self._beside.remove(take)
        if self._first is not None:
            self._beside.add([self._first])
        self._first = take

    def cancel(self, take: Running) -> None:
        self._end(take)
        self._tell(take, take.stream.cut())
        self._pipe.emit(TakeDone(take.request.take, take.stream.frames, cancelled=True))

    def cancel_all(self) -> None:
        for take in self.all():
            self.cancel(take)

    def drop(self, takes: Sequence[int | None]) -> None:
        """These have failed."""
        for number in takes:
            found = self.find(number)
            if found is not None and found is self._first:
                self._first = None
            elif found is not None:
                self._beside.remove(found)

    def _end(self, take: Running) -> None:
        """It needs no more work."""
        if take is self._first:
            self._first = None
        else:
            self._beside.remove(take)
            self._model.generator.set_apart(take.stream)

    # ------------------------------------------------------------------ between and in steps

    def steer(
        self,
        take: Running,
        request: ChangePrompt | ChangeSampling,
        prompt: Prompt,
        sampling: SamplingParams,
    ) -> None:
        """What comes from a frame on is drawn anew, also where it was sent already."""
        stream, wanted = take.stream, take.request.frames
        asked = stream.frames if request.frame is None else request.frame
        if wanted is not None and asked >= wanted:
            return  # the take is over by then
        sent = stream.samples
        first_sample = stream.rewind(asked)
        stream.tokens.change_prompt(prompt)
        stream.tokens.change_sampling(sampling)
        if first_sample < sent:
            take.request = replace(take.request, epoch=request.epoch)
        self._pipe.emit(
            TakeSteered(
                take.request.take, take.request.epoch, stream.frames, first_sample, prompt, sampling
            )
        )

    def step(self, take: Running) -> None:
        """Draw a frame; tell what can be heard of it."""
        begun = time.perf_counter()
        block = take.stream.step()
        self.stepped = time.perf_counter() - begun
        take.busy += self.stepped
        if block is not None:
            self._tell(take, block)
        if take.stream.ended:
            self._end(take)
            self._pipe.emit(TakeDone(take.request.take, take.stream.frames, cancelled=False))

    def pause(self, take: Running) -> None:
        """Out of credit: what was drawn is heard before the loop sleeps."""
        block = take.stream.hand_over()
        if block is not None:
            self._tell(take, block)

    # ------------------------------------------------------------------ what is told

    def _tell_start(self, take: Running) -> None:
        request, stream = take.request, take.stream
        context = stream.context.shape[1] - request.done
        encoded = stream.context if request.clip is not None else None
        adapters = self._model.generator.adapters.loaded
        self._pipe.emit(
            TakeStarted(request.take, request.epoch, context, encoded, adapters, stream.level)
        )

    def _tell(self, take: Running, block: SoundBlock) -> None:
        """Tokens first: sound that was delivered can then always be gone on from."""
        request, stream = take.request, take.stream
        codes = stream.untold_codes()
        if codes is not None:
            count, busy = codes.shape[1], take.busy
            now = count / max(busy, 1e-6)
            share = _SPEED_MEMORY if take.speed else 0.0
            take.speed, take.busy = share * take.speed + (1 - share) * now, 0.0
            first = stream.frames - count
            self._pipe.emit(
                TakeTokens(request.take, first, codes, request.frames, take.speed, busy)
            )
        self._pipe.emit(
            PcmBlock(request.take, request.epoch, block.first_sample, block.pcm, block.last)
        )


def _opened(request: StartTake, generator: Generator) -> Running:
    stream = generator.open(
        request.prompt,
        request.sampling,
        request.frames,
        request.codes,
        request.clip,
        request.clip_rate,
        request.done,
        request.first_sample,
        open_end=True,
        changes=request.changes,
        bars=request.bars,
        level=request.level,
        skip=request.skip,
        lead=request.lead,
    )
    return Running(request, stream)
