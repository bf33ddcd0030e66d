"""What the application knows of the engine's work: enough to begin it again in a new process.

Pure bookkeeping, no process and no thread: `EngineClient` notes every request and event here
and, after a death, asks what to send to the next process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from core.generation.messages import (
    AdaptersLoaded,
    CancelTake,
    ChangePrompt,
    ChangeSampling,
    Codes,
    Credit,
    EngineEvent,
    EngineProblem,
    EngineRequest,
    HearMelody,
    HearStyle,
    LoadModel,
    MelodyHeard,
    ModelLoaded,
    PcmBlock,
    Prefer,
    StartBeside,
    StartTake,
    StyleHeard,
    TakeDone,
    TakeStarted,
    TakeSteered,
    TakeTokens,
    UseAdapter,
)
from core.generation.params import Steering


@dataclass(slots=True)
class Flight:
    """A take that was started and not ended. request: as asked, with the changes since.

    changes: asked for and not answered. tokens: the take's own, told so far. samples: its PCM
    was delivered up to that one. beside: the first of the takes that it was started with; None:
    it goes first.
    """

    request: StartTake
    credit: Credit | None = None
    context: Codes | None = None
    changes: list[ChangePrompt | ChangeSampling] = field(default_factory=list)
    tokens: list[Codes] = field(default_factory=list)
    frames: int = 0
    samples: int = 0
    cancelled: bool = False
    started: bool = False
    beside: int | None = None

    def steered(self, answer: TakeSteered) -> None:
        """A change holds from a frame on; what was made after it is void."""
        frame = answer.frame
        own = [one for one in self.request.changes if one.frame < frame]
        own.append(Steering(frame, answer.prompt, answer.sampling))
        self.request = replace(self.request, epoch=answer.epoch, changes=tuple(own))
        if frame < self.frames:
            self.tokens = [np.concatenate(self.tokens, axis=1)[:, :frame]]
            self.frames = frame
        self.samples = min(self.samples, answer.first_sample)

    def settled(self) -> TakeSteered | None:
        """The process is gone: what was asked and not answered holds where the take goes on."""
        if not self.changes:
            return None
        held = [one for one in self.request.changes if one.frame <= self.frames]
        prompt, sampling = self.request.prompt, self.request.sampling
        if held and held[-1].frame >= 0:
            prompt, sampling = held[-1].prompt, held[-1].sampling
        for change in self.changes:
            match change:
                case ChangePrompt():
                    prompt = change.prompt
                case ChangeSampling():
                    sampling = change.sampling
        self.changes = []
        request = self.request
        answer = TakeSteered(
            request.take, request.epoch, self.frames, self.samples, prompt, sampling
        )
        self.steered(answer)
        return answer

    def resumed(self) -> StartTake:
        """The request that makes another process go on where this take was interrupted."""
        if not self.frames:
            return replace(self.request, first_sample=self.samples)
        own = np.concatenate(self.tokens, axis=1)
        codes = own if self.context is None else np.concatenate((self.context, own), axis=1)
        return replace(
            self.request,
            codes=codes,
            clip=None,
            done=self.frames,
            first_sample=self.samples,
        )


class Ledger:
    """Guarded by its owner's lock."""

    def __init__(self) -> None:
        self.model: LoadModel | None = None
        self.flights: dict[int, Flight] = {}
        self._to_hear: dict[int, HearMelody | HearStyle] = {}  # not yet answered
        self._adapters: list[UseAdapter] = []  # beside the model
        self._adapters_asked: list[UseAdapter] = []  # … and asked for, not yet answered

    def request(self, request: EngineRequest) -> None:
        """Note what the application asks for."""
        match request:
            case LoadModel():
                self.model = request
                for flight in self.flights.values():
                    flight.cancelled = True  # as the engine does
            case StartTake():
                for flight in self.flights.values():
                    flight.cancelled |= flight.beside is None  # one goes first at a time
                self._add(request)
            case StartBeside(takes):
                for one in takes:
                    self._add(one).beside = takes[0].take
            case Prefer(take) if preferred := self.flights.get(take):
                for number, flight in self.flights.items():
                    if flight.beside is None and not flight.cancelled:
                        flight.beside = number
                preferred.beside = None
            case ChangePrompt(take) | ChangeSampling(take) if flight := self.flights.get(take):
                flight.changes.append(request)
            case UseAdapter():
                self._adapters_asked.append(request)
            case HearMelody(token) | HearStyle(token):
                self._to_hear[token] = request
            case Credit(take) if flight := self.flights.get(take):
                flight.credit = request
            case CancelTake(take) if flight := self.flights.get(take):
                flight.cancelled = True
            case _:
                pass

    def leave_device(self) -> None:
        """The device fails again and again: the CPU does not."""
        if self.model is not None:
            self.model = replace(self.model, device="cpu", dtype="auto")

    def _add(self, request: StartTake) -> Flight:
        flight = Flight(request, context=request.codes, samples=-request.lead)
        self.flights[request.take] = flight
        return flight

    def event(self, event: EngineEvent) -> EngineEvent | None:
        """Note what the engine tells. None: the application knows it already."""
        match event:
            case ModelLoaded(model) if self.model is not None:
                self.model = replace(self.model, model=model)  # another, if that one was refused
            case AdaptersLoaded(adapters, asked):
                self._adapters = [UseAdapter(one.name, one.weight) for one in adapters]
                asking = self._adapters_asked
                answered = next((one for one in asking if one.adapter == asked), None)
                self._adapters_asked = [one for one in asking if one is not answered]
            case MelodyHeard(token) | StyleHeard(token):
                self._to_hear.pop(token, None)
            case TakeStarted(take) if flight := self.flights.get(take):
                again, flight.started = flight.started, True
                if event.context is not None:
                    flight.context = event.context
                flight.request = replace(flight.request, level=event.level)
                return None if again else event
            case TakeSteered(take) if flight := self.flights.get(take):
                del flight.changes[:1]
                flight.steered(event)
            case TakeTokens(take, first, codes) if flight := self.flights.get(take):
                if first == flight.frames:
                    flight.tokens.append(codes)
                    flight.frames += codes.shape[1]
            case PcmBlock(take) if flight := self.flights.get(take):
                flight.samples = event.first_sample + len(event.pcm)
            case TakeDone(take):
                self.flights.pop(take, None)
            case EngineProblem(take) if take is not None:
                self.flights.pop(take, None)
            case _:
                pass
        return event

    def losses(self) -> list[TakeDone | TakeSteered]:
        """After a death: the ends of takes that were cancelled and will not be taken up again,
        and changes of those that will."""
        gone = [flight for flight in self.flights.values() if flight.cancelled]
        for flight in gone:
            del self.flights[flight.request.take]
        ends = [TakeDone(each.request.take, each.frames, cancelled=True) for each in gone]
        answers = [flight.settled() for flight in self.flights.values()]
        return [*ends, *(answer for answer in answers if answer is not None)]

    def give_up(self) -> list[int]:
        """The engine will not be started again by itself: the takes that end with it."""
        takes = list(self.flights)
        self.flights.clear()
        self.model = None
        self._adapters, self._adapters_asked = [], []
        return takes

    def replay(self) -> list[EngineRequest]:
        """What a new process is sent first."""
        requests: list[EngineRequest] = [] if self.model is None else [self.model]
        self._adapters_asked = [*self._adapters, *self._adapters_asked]  # all are answered anew
        self._adapters = []
        requests += [*self._adapters_asked, *self._to_hear.values()]
        groups: dict[object, list[Flight]] = {}
        for take, flight in self.flights.items():  # those that still stand at one step, together
            alone = flight.beside is None
            key = ("", take) if alone else ("beside", flight.beside, flight.frames)
            groups.setdefault(key, []).append(flight)
        for flights in sorted(groups.values(), key=lambda group: group[0].beside is not None):
            resumed = tuple(flight.resumed() for flight in flights)
            requests += resumed if flights[0].beside is None else [StartBeside(resumed)]
            for flight in flights:
                requests += flight.changes
                if flight.credit is not None:
                    requests.append(flight.credit)
                if flight.cancelled:
                    requests.append(CancelTake(flight.request.take))
        return requests
