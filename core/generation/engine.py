"""The engine's loop: requests between steps, one take at a time, one line for every problem.

While a take runs, each turn answers what lies in the pipe and then draws one frame, so that a
cancelled take ends within a step. Out of credit, or idle, the loop sleeps in the pipe's read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, assert_never

import torch

from core.errors import BadAdapter, DawBridgeError
from core.generation.audio_stream import AudioStream, SoundBlock
from core.generation.engine_pipe import EnginePipe, PipeClosed
from core.generation.generator import Generator, resolve_device
from core.generation.messages import (
    AdaptersLoaded,
    CancelTake,
    ChangePrompt,
    ChangeSampling,
    Credit,
    EngineProblem,
    EngineRequest,
    LoadModel,
    ModelLoaded,
    ModelLoading,
    PcmBlock,
    Quit,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeSteered,
    TakeTokens,
    UseAdapter,
)
from core.generation.params import Prompt, SamplingParams
from core.model.checkpoint import check_checkpoint
from core.model.location import Progress

log = logging.getLogger(__name__)

Loader = Callable[[str, str, str, Progress], Generator]

OUT_OF_MEMORY = "out of memory"
_SPEED_MEMORY = 0.7  # share of the old figure in the running steps per second


@dataclass(slots=True)
class Running:
    """The take in flight. busy: seconds spent on frames since tokens were last told."""

    request: StartTake
    stream: AudioStream
    credit: int | None = None
    busy: float = 0.0
    speed: float = 0.0

    @property
    def waits(self) -> bool:
        """Whether credit is lacking for another frame. The end of a take needs none."""
        made, wanted = self.stream.frames, self.request.frames
        return self.credit is not None and made >= self.credit and (wanted is None or made < wanted)


class Engine:
    """Owns the model and the take in flight. `run` is called once, by one thread."""

    def __init__(self, connection: Connection, load: Loader = Generator.load) -> None:
        self._pipe = EnginePipe(connection)
        self._load = load
        self._generator: Generator | None = None
        self._loaded_as: LoadModel | None = None
        self._take: Running | None = None
        self._quit = False

    def run(self) -> None:
        """Until `Quit`, or until the application closes its end of the pipe."""
        try:
            while not self._quit:
                self._turn()
        except PipeClosed:
            log.info("the application closed the pipe")

    # ------------------------------------------------------------------ the loop

    def _turn(self) -> None:
        take = self._take
        if take is not None and take.waits:
            self._guarded(self._pause, take)
        busy = self._take is not None and not self._take.waits
        while not self._quit and self._pipe.pending(0 if busy else None):
            self._guarded(self._answer, self._pipe.receive())
            busy = True  # look for more, but do not sleep before the next step
        if self._take is not None and not self._take.waits and not self._quit:
            self._guarded(self._step, self._take)

    def _guarded(self, work: Callable[[Any], None], subject: object) -> None:
        """Do it; whatever goes wrong becomes one `EngineProblem` and ends the take it concerns."""
        take = self._concerned(subject)
        try:
            work(subject)
        except PipeClosed:
            raise
        except DawBridgeError as problem:
            self._report(take, problem.code, _one_line(problem))
        except (MemoryError, torch.OutOfMemoryError):
            self._report_memory(take)
        except Exception as problem:
            if "CUDA error" in str(problem):
                # The device's context is lost for good: only a new process can go on, and the
                # application starts one and gives it the take's tokens.
                log.exception("device fault")
                raise SystemExit(3) from problem
            if "memory" in str(problem) and "alloc" in str(problem):  # torch's on a CPU
                self._report_memory(take)
            else:
                log.exception("unexpected")
                text = f"{type(problem).__name__}: {_one_line(problem)}"
                self._report(take, "failure", f"the engine failed ({text}); try again")

    def _answer(self, request: EngineRequest) -> None:
        take = self._take
        match request:
            case LoadModel():
                self._load_model(request)
            case StartTake():
                self._start(request)
            case UseAdapter():
                self._use_adapter(request)
            case Quit():
                self._quit = True
            case _ if take is None or take.request.take != request.take:
                pass  # of a take that ended while the request was on its way
            case ChangePrompt(_, prompt):
                self._steer(take, request, prompt, take.stream.tokens.sampling)
            case ChangeSampling(_, sampling):
                self._steer(take, request, take.stream.tokens.prompt, sampling)
            case Credit(_, frames):
                take.credit = frames
            case CancelTake():
                self._cancel(take)
            case _:
                assert_never(request)

    # ------------------------------------------------------------------ the model

    def _load_model(self, request: LoadModel) -> None:
        same = self._loaded_as
        wanted = (request.model, request.device, request.dtype)
        if same is None or wanted != (same.model, same.device, same.dtype):
            self._pipe.emit(ModelLoading(request.model, 0.0, "starting"))

            def report(fraction: float, what: str) -> None:
                self._pipe.emit(ModelLoading(request.model, 0.9 * fraction, what))

            try:
                resolve_device(request.device, request.dtype)
                check_checkpoint(request.model, report)
            except DawBridgeError as problem:  # the model before, and its take, go on
                self._report(None, problem.code, _one_line(problem))
                self._tell_model()
                return
            self._end_take()
            self._generator = self._loaded_as = None  # two models may not fit in memory
            generator = self._load(request.model, request.device, request.dtype, report)
            self._pipe.emit(ModelLoading(request.model, 0.9, "warming up"))
            threads = generator.warm_up()
            log.info("%s ready with %d threads", request.model, threads)
            self._generator, self._loaded_as = generator, request
            self._pipe.emit(AdaptersLoaded(()))  # those of the model before are gone with it
        else:
            self._end_take()
        self._tell_model()

    def _end_take(self) -> None:
        if self._take is not None:
            self._cancel(self._take)

    def _tell_model(self) -> None:
        """Which model is in memory, if one is."""
        if self._generator is None or self._loaded_as is None:
            return
        loaded = self._generator.loaded
        self._pipe.emit(
            ModelLoaded(
                model=self._loaded_as.model,
                name=loaded.name,
                device=str(loaded.device),
                dtype=str(loaded.dtype).removeprefix("torch."),
                codebooks=loaded.config.codebooks,
                channels=loaded.config.audio_channels,
                licence=loaded.licence,
                digest=loaded.digest,
                window_frames=loaded.window_frames,
            )
        )

    def _use_adapter(self, request: UseAdapter) -> None:
        """Between two steps, so that the next one uses it. Whatever is wrong, the take goes on."""
        if self._generator is None:
            self._pipe.emit(
                AdaptersLoaded((), request.adapter, "no model is loaded; load one first")
            )
            return
        take, rack, problem = self._take, self._generator.adapters, ""
        try:
            stale = rack.use(request.adapter, request.weight)
            if stale and take is not None:
                take.stream.tokens.forget_text()
        except (BadAdapter, OSError) as refused:
            problem = _one_line(refused)
        except (MemoryError, torch.OutOfMemoryError):
            problem = f"the adapter does not fit: {OUT_OF_MEMORY}; close other programs"
        where = (None, 0) if take is None else (take.request.take, take.stream.frames)
        self._pipe.emit(AdaptersLoaded(rack.loaded, request.adapter, problem, *where))

    # ------------------------------------------------------------------ the take

    def _start(self, request: StartTake) -> None:
        if self._take is not None:
            self._cancel(self._take)
        if self._generator is None:
            raise _NoModel("no model is loaded; load one first")
        stream = self._generator.open(
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
        self._take = Running(request, stream)
        context = stream.context.shape[1] - request.done
        encoded = stream.context if request.clip is not None else None
        adapters = self._generator.adapters.loaded
        self._pipe.emit(
            TakeStarted(request.take, request.epoch, context, encoded, adapters, stream.level)
        )

    def _steer(
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

    def _step(self, take: Running) -> None:
        begun = time.perf_counter()
        block = take.stream.step()
        take.busy += time.perf_counter() - begun
        if block is not None:
            self._tell(take, block)
        if take.stream.ended:
            self._take = None
            self._pipe.emit(TakeDone(take.request.take, take.stream.frames, cancelled=False))

    def _pause(self, take: Running) -> None:
        """Out of credit: what was drawn is heard before the loop sleeps."""
        block = take.stream.hand_over()
        if block is not None:
            self._tell(take, block)

    def _cancel(self, take: Running) -> None:
        self._take = None
        self._tell(take, take.stream.cut())
        self._pipe.emit(TakeDone(take.request.take, take.stream.frames, cancelled=True))

    def _tell(self, take: Running, block: SoundBlock) -> None:
        """Tokens first: sound that was delivered can then always be gone on from."""
        request, stream = take.request, take.stream
        codes = stream.untold_codes()
        if codes is not None:
            count = codes.shape[1]
            now = count / max(take.busy, 1e-6)
            share = _SPEED_MEMORY if take.speed else 0.0
            take.speed, take.busy = share * take.speed + (1 - share) * now, 0.0
            first = stream.frames - count
            self._pipe.emit(TakeTokens(request.take, first, codes, request.frames, take.speed))
        self._pipe.emit(
            PcmBlock(request.take, request.epoch, block.first_sample, block.pcm, block.last)
        )

    # ------------------------------------------------------------------ what went wrong

    def _concerned(self, subject: object) -> int | None:
        """The take that a request or a step belongs to."""
        if isinstance(subject, Running):
            return subject.request.take
        return None if isinstance(subject, LoadModel) else getattr(subject, "take", None)

    def _report(self, take: int | None, code: str, text: str) -> None:
        if self._take is not None and self._take.request.take == take:
            self._take = None
        self._pipe.emit(EngineProblem(take, code, text))

    def _report_memory(self, take: int | None) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        what = "the model" if take is None else "the take"
        text = f"{what} does not fit: {OUT_OF_MEMORY}; close other programs or use a smaller model"
        self._report(take, "out_of_memory", text)


class _NoModel(DawBridgeError):
    code = "no_model"


def _one_line(problem: BaseException) -> str:
    """A message as one line of at most 300 characters."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= 300 else text[:299] + "…"
