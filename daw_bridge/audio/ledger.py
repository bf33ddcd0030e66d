"""What a fresh audio process must be told to go on where the last one was. Pure.

The owner (`AudioClient`) guards it with its lock. It keeps the audio of takes in flight
from the sample last heard on, so memory is bounded by what was sent ahead.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.generation.messages import PcmBlock
from daw_bridge.audio.messages import (
    AudioEvent,
    AudioRequest,
    BeginTake,
    Capture,
    Captured,
    DeviceLost,
    EndTake,
    FinishLoop,
    InputOpened,
    LoopGrid,
    OpenInput,
    OpenOutput,
    OutputOpened,
    Played,
    PlayLoop,
    SetGain,
    Silence,
    TakeEnded,
    TakeHeard,
)


@dataclass(slots=True)
class LiveTake:
    begin: BeginTake | PlayLoop
    blocks: deque[PcmBlock] = field(default_factory=deque)
    samples: int | None = None  # of the take at 32 kHz, heard; None: nothing yet
    started: bool = False
    end: EndTake | None = None
    grid: LoopGrid | None = None  # of a loop: as last told
    finish: FinishLoop | None = None


class Ledger:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = clock
        self._output: OpenOutput | None = None
        self._input: OpenInput | None = None
        self._gain: SetGain | None = None
        self._takes: dict[int, LiveTake] = {}  # by epoch, in order
        self._captures: dict[int, Capture] = {}
        self._heard: set[int] = set()  # takes whose TakeHeard was passed on
        self._lost: dict[str, str] = {}
        self._opened: dict[str, OutputOpened | InputOpened] = {}
        self._earlier_underruns = 0
        self._underruns = 0

    @property
    def settled(self) -> bool:
        """All that was asked for is open, so the process has no excuse for being silent."""
        wanted = {"output"} if self._output else set()
        if self._input and self._input.device != "none":
            wanted.add("input")
        return wanted <= set(self._opened)

    def request(self, request: AudioRequest) -> None:
        """A request is on its way to the process."""
        match request:
            case OpenOutput():
                self._output = request
                self._opened.pop("output", None)
                self._lost.pop("output", None)  # asked again, told again
            case OpenInput():
                self._input = request
                self._opened.pop("input", None)
                self._lost.pop("input", None)
            case SetGain():
                self._gain = request
            case Capture():
                self._captures[request.token] = request
            case BeginTake():
                before = self._takes.get(request.follows) if request.follows is not None else None
                same = before is not None and before.begin.take == request.take
                if known := self._takes.get(request.epoch):
                    known.begin = replace(
                        known.begin, start_in=request.start_in, sent_at=request.sent_at
                    )
                else:
                    self._takes[request.epoch] = LiveTake(request, end=before.end if same else None)
            case PlayLoop():
                playing = self._takes.setdefault(request.epoch, LiveTake(request))
                playing.begin = request
            case LoopGrid():
                for live in self._loops(request.take):
                    live.grid = request
            case FinishLoop():
                for live in self._loops(request.take):
                    live.finish = request
            case EndTake():
                own = {e: one for e, one in self._takes.items() if one.begin.take == request.take}
                before = {one.begin.follows for one in own.values() if not one.started}
                for epoch, live in self._takes.items():
                    if epoch in own or epoch in before:  # sounds in the place of one to come
                        live.end = request
            case Silence():
                for live in self._takes.values():
                    live.end = EndTake(live.begin.take)
            case _:
                pass

    def block(self, block: PcmBlock) -> bool:
        """Keep a block. False: its take is not (or no longer) in flight, drop it."""
        live = self._takes.get(block.epoch)
        if live is None:
            return False
        live.blocks.append(block)
        return True

    def event(self, event: AudioEvent) -> AudioEvent | None:
        """What the process said, as it is to be passed on; None: not news."""
        match event:
            case Played():
                self._underruns = event.underruns
                live = self._takes.get(event.epoch)
                if live:
                    live.started = True
                    live.samples = max(event.samples, live.samples or event.samples)
                    _forget_heard(live)
                    self._forget_replaced(live)
                return replace(event, underruns=self._earlier_underruns + event.underruns)
            case TakeHeard():
                known = event.take in self._heard
                self._heard.add(event.take)
                return None if known else event
            case TakeEnded():
                self._drop_take(event.take, event.completed)
            case Captured():
                self._captures.pop(event.token, None)
            case DeviceLost():
                known = self._lost.get(event.kind) == event.text
                self._lost[event.kind] = event.text
                self._opened.pop(event.kind, None)
                return None if known else event
            case OutputOpened():
                return self._open("output", event)
            case InputOpened():
                return self._open("input", event)
            case _:
                pass
        return event

    def process_ended(self) -> list[AudioEvent]:
        """The process is gone. What is to be passed on: takes that end with it."""
        self._earlier_underruns += self._underruns
        self._underruns = 0
        for kind in self._opened:
            self._lost.setdefault(kind, "")
        self._opened.clear()
        ended: list[AudioEvent] = []
        started = [epoch for epoch, live in self._takes.items() if live.started]
        for epoch, live in list(self._takes.items()):
            overtaken = bool(started) and epoch != started[-1] and live.started
            end = live.end
            over = end is not None and end.sent_at + end.stop_in <= self._now()
            if overtaken or over:
                del self._takes[epoch]
                if not any(other.begin.take == live.begin.take for other in self._takes.values()):
                    self._heard.discard(live.begin.take)
                    heard = max(0, live.samples or 0)
                    ended.append(TakeEnded(live.begin.take, heard, completed=False))
        return ended

    def replay(self, search: bool = False) -> list[AudioRequest | PcmBlock]:
        """Everything a fresh process needs, in order. search: devices may well be missing."""
        requests: list[AudioRequest | PcmBlock] = []
        if self._gain:
            requests.append(self._gain)
        if self._output:
            requests.append(replace(self._output, search=search))
            self._output = replace(self._output, resume=True)
        if self._input:
            requests.append(self._input)
        for live in self._takes.values():
            begin = live.begin
            if live.started and isinstance(begin, BeginTake):
                begin = replace(begin, start_in=0.0)
            if live.started or begin.follows not in self._takes:
                begin = replace(begin, follows=None)
            requests.append(begin)
            requests.extend(told for told in (live.grid, live.finish) if told)
            if live.end:
                requests.append(live.end)
            heard = live.samples
            requests.extend(b if heard is None else b.from_sample(heard) for b in live.blocks)
        requests.extend(self._captures.values())
        return requests

    def _open(
        self, kind: str, event: OutputOpened | InputOpened
    ) -> OutputOpened | InputOpened | None:
        self._opened[kind] = event
        self._lost.pop(kind, None)
        return event

    def _loops(self, take: int) -> list[LiveTake]:
        every = (live for live in self._takes.values() if live.begin.take == take)
        return [live for live in every if isinstance(live.begin, PlayLoop)]

    def _forget_replaced(self, live: LiveTake) -> None:
        """Sound of the same take under epochs before the one that is heard."""
        for epoch, other in list(self._takes.items()):
            if other is live:
                break
            if other.begin.take == live.begin.take:
                del self._takes[epoch]

    def _drop_take(self, take: int, completed: bool) -> None:
        """A take ended. Where another epoch of it is in flight the worker says nothing."""
        for epoch, live in list(self._takes.items()):
            if live.begin.take == take:
                del self._takes[epoch]
        self._heard.discard(take)


def _forget_heard(live: LiveTake) -> None:
    while live.blocks and not live.blocks[0].last:
        block = live.blocks[0]
        if block.first_sample + len(block.pcm) > (live.samples or 0):
            break
        live.blocks.popleft()
