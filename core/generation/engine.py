"""The engine's loop: requests between steps, one line for every problem.

While a take runs, each turn answers what lies in the pipe and then draws one frame, so that a
cancelled take ends within a step. Takes beside it are worked on while it is out of credit.
Where all are, or none is there, the loop sleeps in the pipe's read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, assert_never

import torch

from core.errors import BadAdapter, BadClip, DawBridgeError
from core.generation.audio_stream import SoundBlock
from core.generation.beside import Beside, Running
from core.generation.engine_pipe import EnginePipe, PipeClosed
from core.generation.generator import Generator, resolve_device
from core.generation.messages import (
    DEVICE_FAULT,
    NOTICE,
    AdaptersLoaded,
    CancelTake,
    ChangePrompt,
    ChangeSampling,
    Credit,
    EngineProblem,
    EngineRequest,
    HearMelody,
    LoadModel,
    MelodyHeard,
    ModelLoaded,
    ModelLoading,
    PcmBlock,
    Prefer,
    Quit,
    StartBeside,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeSteered,
    TakeTokens,
    UseAdapter,
)
from core.generation.params import Prompt, SamplingParams
from core.model.checkpoint import check_checkpoint
from core.model.lighter import fewer_bits, smaller_model
from core.model.location import Progress
from core.model.melody import get_ready, melody_of

log = logging.getLogger(__name__)

Loader = Callable[[str, str, str, Progress], Generator]

OUT_OF_MEMORY = "out of memory"
_SPEED_MEMORY = 0.7  # share of the old figure in the running steps per second


class Engine:
    """Owns the model and the takes in flight. `run` is called once, by one thread."""

    def __init__(self, connection: Connection, load: Loader = Generator.load) -> None:
        self._pipe = EnginePipe(connection)
        self._load = load
        self._generator: Generator | None = None
        self._loaded_as: LoadModel | None = None
        self._take: Running | None = None  # that goes first
        self._beside = Beside()
        self._falls_back_to: LoadModel | None = None  # where the one to come cannot be loaded
        self._stepped = 0.0  # seconds of the last step
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
        for take in self._all():
            if take.waits:
                self._guarded(self._pause, take)
        busy = bool(self._due())
        while not self._quit and self._pipe.pending(0 if busy else None):
            self._guarded(self._answer, self._pipe.receive())
            if self._falls_back_to is not None:  # what was asked for could not be loaded
                before, self._falls_back_to = self._falls_back_to, None
                self._guarded(self._load_model, before)
            busy = True  # look for more, but do not sleep before the next step
        if not self._quit:
            spent = 0.0
            for take in self._due():
                if self._find(take.request.take) is take:  # no other of its group has failed
                    take.busy += spent  # the model's step for all of them is in the first one's
                    self._guarded(self._step, take)
                    spent += self._stepped

    def _all(self) -> list[Running]:
        return [*([] if self._take is None else [self._take]), *self._beside]

    def _due(self) -> list[Running]:
        """The takes to draw a frame of."""
        if self._take is not None and not self._take.waits:
            return [self._take]
        return self._beside.due()

    def _find(self, take: int) -> Running | None:
        return next((one for one in self._all() if one.request.take == take), None)

    def _guarded(self, work: Callable[[Any], None], subject: object) -> None:
        """Do it; whatever goes wrong becomes one `EngineProblem` for each take it concerns, which
        ends."""
        takes = self._concerned(subject)
        try:
            work(subject)
        except PipeClosed:
            raise
        except DawBridgeError as problem:
            self._report(takes, problem.code, _one_line(problem))
        except torch.OutOfMemoryError as problem:
            if self._goes_on_without(problem):
                self._guarded(work, subject)  # once more, on the CPU
            else:
                self._report_memory(takes)
        except MemoryError:
            self._report_memory(takes)
        except Exception as problem:
            if "CUDA error" in str(problem):
                # The device's context is lost for good: only a new process can go on, and the
                # application starts one and gives it the take's tokens.
                log.exception("device fault")
                raise SystemExit(DEVICE_FAULT) from problem
            if "memory" in str(problem) and "alloc" in str(problem):  # torch's on a CPU
                self._report_memory(takes)
            else:
                log.exception("unexpected")
                text = f"{type(problem).__name__}: {_one_line(problem)}"
                self._report(takes, "failure", f"the engine failed ({text}); try again")

    def _goes_on_without(self, problem: BaseException) -> bool:
        """Whether model and takes are on the CPU now, the device having failed."""
        if self._generator is None or self._loaded_as is None:
            return False
        if self._generator.loaded.device.type == "cpu":
            return False
        self._pipe.emit(ModelLoading(self._loaded_as.model, 0.0, "going on on the CPU"))
        try:
            if not self._generator.go_on_without(problem, [one.stream for one in self._all()]):
                return False
        except (DawBridgeError, MemoryError):
            log.exception("the CPU cannot go on either")
            self._tell_model()
            return False
        self._tell_model()
        return True

    def _answer(self, request: EngineRequest) -> None:
        number = getattr(request, "take", None)
        take = None if number is None else self._find(number)
        match request:
            case LoadModel():
                self._load_model(request)
            case StartTake():
                self._start(request)
            case StartBeside():
                self._start_beside(request)
            case UseAdapter():
                self._use_adapter(request)
            case HearMelody():
                self._hear_melody(request)
            case Quit():
                self._quit = True
            case _ if take is None:
                pass  # of a take that ended while the request was on its way
            case ChangePrompt(_, prompt):
                self._steer(take, request, prompt, take.stream.tokens.sampling)
            case ChangeSampling(_, sampling):
                self._steer(take, request, take.stream.tokens.prompt, sampling)
            case Credit(_, frames):
                take.credit = frames
            case Prefer():
                self._prefer(take)
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
                self._report([None], problem.code, _one_line(problem))
                self._tell_model()
                return
            self._end_takes()
            self._generator = self._loaded_as = None  # two models may not fit in memory
            self._falls_back_to = same
            generator = self._load(request.model, request.device, request.dtype, report)
            self._pipe.emit(ModelLoading(request.model, 0.9, "warming up"))
            threads = generator.warm_up()
            if generator.loaded.config.hears_melody:
                get_ready()
            log.info("%s ready with %d threads", request.model, threads)
            self._generator, self._loaded_as = generator, request
            self._falls_back_to = None
            self._pipe.emit(AdaptersLoaded(()))  # those of the model before are gone with it
        else:
            self._end_takes()
        self._tell_model()

    def _end_takes(self) -> None:
        for take in self._all():
            self._cancel(take)

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
                dtype=loaded.precision,
                codebooks=loaded.config.codebooks,
                channels=loaded.config.audio_channels,
                licence=loaded.licence,
                digest=loaded.digest,
                window_frames=loaded.window_frames,
                fewer_bits=fewer_bits(loaded),
                hears_melody=loaded.config.hears_melody,
                smaller=smaller_model(loaded),
                why=loaded.why,
            )
        )
        if self._generator.notice:
            self._pipe.emit(EngineProblem(None, NOTICE, self._generator.notice))
            self._generator.notice = ""

    def _use_adapter(self, request: UseAdapter) -> None:
        """Between two steps, so that the next one uses it. Whatever is wrong, the take goes on."""
        if self._generator is None:
            self._pipe.emit(
                AdaptersLoaded((), request.adapter, "no model is loaded; load one first")
            )
            return
        rack, problem = self._generator.adapters, ""
        try:
            stale = rack.use(request.adapter, request.weight)
            for take in self._all() if stale else []:
                take.stream.tokens.forget_text()
        except (BadAdapter, OSError) as refused:
            problem = _one_line(refused)
        except (MemoryError, torch.OutOfMemoryError):
            problem = f"the adapter does not fit: {OUT_OF_MEMORY}; close other programs"
        where = tuple((take.request.take, take.stream.frames) for take in self._all())
        self._pipe.emit(AdaptersLoaded(rack.loaded, request.adapter, problem, where))

    def _hear_melody(self, request: HearMelody) -> None:
        melody, problem = "", ""
        try:
            melody = melody_of(request.clip, request.rate)
        except BadClip as refused:
            problem = _one_line(refused)
        self._pipe.emit(MelodyHeard(request.token, melody, problem))

    # ------------------------------------------------------------------ the take

    def _start(self, request: StartTake) -> None:
        if self._take is not None:
            self._cancel(self._take)
        self._take = self._open(request)
        self._tell_start(self._take)

    def _start_beside(self, request: StartBeside) -> None:
        """The takes of one request are drawn side by side."""
        group = [self._open(one) for one in request.takes]
        assert self._generator is not None
        self._generator.side_by_side([one.stream for one in group])
        self._beside.add(group)
        for one in group:
            self._tell_start(one)

    def _prefer(self, take: Running) -> None:
        """It goes first from now on; what did goes on beside it."""
        if take is self._take or self._generator is None:
            return
        self._generator.set_apart(take.stream)
        self._beside.remove(take)
        if self._take is not None:
            self._beside.add([self._take])
        self._take = take

    def _open(self, request: StartTake) -> Running:
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
        return Running(request, stream)

    def _tell_start(self, take: Running) -> None:
        request, stream = take.request, take.stream
        assert self._generator is not None
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
        self._stepped = time.perf_counter() - begun
        take.busy += self._stepped
        if block is not None:
            self._tell(take, block)
        if take.stream.ended:
            self._drop(take)
            self._pipe.emit(TakeDone(take.request.take, take.stream.frames, cancelled=False))

    def _pause(self, take: Running) -> None:
        """Out of credit: what was drawn is heard before the loop sleeps."""
        block = take.stream.hand_over()
        if block is not None:
            self._tell(take, block)

    def _cancel(self, take: Running) -> None:
        self._drop(take)
        self._tell(take, take.stream.cut())
        self._pipe.emit(TakeDone(take.request.take, take.stream.frames, cancelled=True))

    def _drop(self, take: Running) -> None:
        """It needs no more work."""
        if take is self._take:
            self._take = None
        elif self._generator is not None:
            self._beside.remove(take)
            self._generator.set_apart(take.stream)

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

    # ------------------------------------------------------------------ what went wrong

    def _concerned(self, subject: object) -> list[int | None]:
        """The takes that a request or a step belongs to; [None] where it is no take's."""
        if isinstance(subject, StartBeside):
            return [one.take for one in subject.takes]
        if isinstance(subject, Running):
            group = self._beside.group_of(subject.request.take) or [subject]
            return [one.request.take for one in group]
        return [None if isinstance(subject, LoadModel) else getattr(subject, "take", None)]

    def _report(self, takes: Sequence[int | None], code: str, text: str) -> None:
        for take in takes:
            found = None if take is None else self._find(take)
            if found is self._take:
                self._take = None
            elif found is not None:
                self._beside.remove(found)
            self._pipe.emit(EngineProblem(take, code, text))

    def _report_memory(self, takes: Sequence[int | None]) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        what = "the model" if takes == [None] else "the take"
        text = f"{what} does not fit: {OUT_OF_MEMORY}; close other programs or use a smaller model"
        self._report(takes, "out_of_memory", text)


class _NoModel(DawBridgeError):
    code = "no_model"


def _one_line(problem: BaseException) -> str:
    """A message as one line of at most 300 characters."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= 300 else text[:299] + "…"
