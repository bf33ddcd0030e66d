"""The engine's loop: requests between steps, one line for every problem.

While a take runs, each turn answers what lies in the pipe and then draws one frame, so that a
cancelled take ends within a step. Takes beside it are worked on while it is out of credit.
Where all are, or none is there, the loop sleeps in the pipe's read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, assert_never

import torch

from core.errors import BadClip
from core.generation.beside import Running
from core.generation.engine_model import EngineModel, Loader
from core.generation.engine_pipe import EnginePipe, PipeClosed
from core.generation.engine_problems import device_is_lost, explained, lacks_memory, one_line
from core.generation.engine_takes import EngineTakes
from core.generation.generator import Generator
from core.generation.messages import (
    DEVICE_FAULT,
    CancelTake,
    ChangePrompt,
    ChangeSampling,
    Credit,
    EngineProblem,
    EngineRequest,
    HearMelody,
    HearStyle,
    LoadModel,
    MelodyHeard,
    Prefer,
    Quit,
    StartBeside,
    StartTake,
    UseAdapter,
)
from core.model.melody import melody_of

log = logging.getLogger(__name__)


class Engine:
    """Owns the model and the takes in flight. `run` is called once, by one thread."""

    def __init__(self, connection: Connection, load: Loader = Generator.load) -> None:
        self._pipe = EnginePipe(connection)
        self._model = EngineModel(self._pipe, load)
        self._takes = EngineTakes(self._pipe, self._model)
        self._quit = False

    def run(self) -> None:
        """Until `Quit`, or until the application closes its end of the pipe."""
        try:
            while not self._quit:
                self._turn()
        except PipeClosed:
            log.info("the application closed the pipe")

    def _turn(self) -> None:
        for take in self._takes.all():
            if take.waits:
                self._guarded(self._takes.pause, take)
        busy = bool(self._takes.due())
        while not self._quit and self._pipe.pending(0 if busy else None):
            self._guarded(self._answer, self._pipe.receive())
            before = self._model.lost()
            if before is not None:
                self._guarded(self._answer, before)
            busy = True  # look for more, but do not sleep before the next step
        if not self._quit:
            self._draw()

    def _draw(self) -> None:
        """A frame of each take that is due."""
        spent = 0.0
        for take in self._takes.due():
            if self._takes.find(take.request.take) is take:  # no other of its group has failed
                take.busy += spent  # the model's step for all of them is in the first one's
                self._guarded(self._takes.step, take)
                spent += self._takes.stepped

    def _answer(self, request: EngineRequest) -> None:
        take = self._takes.find(getattr(request, "take", None))
        match request:
            case LoadModel():
                self._model.load(request, self._takes.cancel_all)
            case StartTake():
                self._takes.start(request)
            case StartBeside():
                self._takes.start_beside(request)
            case UseAdapter():
                self._model.use_adapter(request, self._takes.all())
            case HearMelody():
                self._hear_melody(request)
            case HearStyle():
                self._model.hear_style(request)
            case Quit():
                self._quit = True
            case _ if take is None:
                pass  # of a take that ended while the request was on its way
            case ChangePrompt(_, prompt):
                self._takes.steer(take, request, prompt, take.stream.tokens.sampling)
            case ChangeSampling(_, sampling):
                self._takes.steer(take, request, take.stream.tokens.prompt, sampling)
            case Credit(_, frames):
                take.credit = frames
            case Prefer():
                self._takes.prefer(take)
            case CancelTake():
                self._takes.cancel(take)
            case _:
                assert_never(request)

    def _hear_melody(self, request: HearMelody) -> None:
        melody, problem = "", ""
        try:
            melody = melody_of(request.clip, request.rate)
        except BadClip as refused:
            problem = one_line(refused)
        self._pipe.emit(MelodyHeard(request.token, melody, problem))

    # ------------------------------------------------------------------ what goes wrong

    def _guarded(self, work: Callable[[Any], None], subject: object) -> None:
        """Do it; whatever goes wrong becomes one `EngineProblem` for each take it concerns, which
        ends. Where a device has no memory left it is done once more, on the CPU.

        A device that is lost for good ends this process: the application starts another and gives
        it the take's tokens.
        """
        takes = self._concerned(subject)
        try:
            work(subject)
        except PipeClosed:
            raise
        except Exception as problem:
            if isinstance(problem, torch.OutOfMemoryError) and self._model.go_on_without(
                problem, self._takes.all()
            ):
                self._guarded(work, subject)
                return
            if device_is_lost(problem):
                log.exception("device fault")
                raise SystemExit(DEVICE_FAULT) from problem
            if lacks_memory(problem) and torch.cuda.is_available():
                torch.cuda.empty_cache()
            what = "the model" if takes == [None] else "the take"
            code, text = explained(problem, what)
            self._takes.drop(takes)
            for take in takes:
                self._pipe.emit(EngineProblem(take, code, text))

    def _concerned(self, subject: object) -> list[int | None]:
        """The takes that a request or a step belongs to; [None] where it is no take's."""
        if isinstance(subject, StartBeside):
            return [one.take for one in subject.takes]
        if isinstance(subject, Running):
            return [one.request.take for one in self._takes.drawn_with(subject)]
        return [None if isinstance(subject, LoadModel) else getattr(subject, "take", None)]
