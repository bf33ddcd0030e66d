"""Swaps as the ear gets them: session and feeder in time made by hand, sample for sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from core.generation import messages as engine
from core.types import SAMPLES_PER_FRAME
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.audio.feeder import Feeder
from daw_bridge.session import apply
from daw_bridge.session_io import PlayBlock, SessionInput, Tick
from daw_bridge.session_state import SessionState
from tests.daw_bridge.audio.loop_stage import BLOCK
from tests.daw_bridge.audio.test_feeder import HandOutput
from tests.fakes import codes_of, loaded

RATE = 32_000
BPM = 225.0  # a bar is 34133⅓ samples: no whole number of frames
BAR = 240 / BPM * RATE
FADE = round(0.022 * RATE)  # before a line: where the next take is mixed in
MADE_AT_ONCE = 10  # frames a take and block of the device: some 12 times real time


def sound(take: int, first: int, count: int) -> np.ndarray:
    """What a take sounds like: its own tone, by which its samples are known."""
    return (0.4 * np.sin((np.arange(first, first + count) + 0.5) * (0.03 + 0.007 * take))).astype(
        np.float32
    )


class Studio:
    """Session, feeder and an engine that makes tones, a block of the device at a time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.output, heard = HandOutput(RATE, BLOCK, RATE), []
        self.news: list[events.Event] = []
        self._heard: list[audio.AudioEvent] = heard
        self.feeder = Feeder(self.output, heard.append, 1.0, 0.25, lambda: self.now)
        self.feeder.poll()
        self.state = SessionState(entropy=1)
        self._takes: dict[int, engine.StartTake] = {}
        self._made: dict[int, int] = {}
        self._credit: dict[int, int] = {}
        self.do(engine.ModelLoading("starter", 0.0, "starting"), loaded())
        self.do(audio.OutputOpened("hand", RATE, 1, 0.0))

    def do(self, *items: SessionInput) -> None:
        for item in items:
            self.state, outputs = apply(self.state, item, self.now)
            for output in outputs:
                self._send(output)

    def _send(self, output: object) -> None:
        match output:
            case audio.BeginTake():
                self.feeder.begin(output)
            case audio.EndTake():
                self.feeder.end(output)
            case PlayBlock(block):
                self.feeder.receive(block)
            case engine.StartTake():
                self._start(output)
            case engine.StartBeside(takes):
                for take in takes:
                    self._start(take)
            case engine.Credit(take, frames):
                self._credit[take] = frames
            case engine.CancelTake(take):
                self._takes.pop(take, None)
            case disk.RecallTake(token, take, frame) if frame is not None:
                record = self.state.tree.records[take]
                self.do(disk.TakeRecalled(token, record, codes_of(frame), frame))
            case events.Scheduled() | events.CurrentTake() | events.AlternativesReady():
                self.news.append(output)
            case _:
                pass

    def _start(self, request: engine.StartTake) -> None:
        self._takes[request.take], self._made[request.take] = request, 0

    def _make(self) -> None:
        for take, request in list(self._takes.items()):
            done = self._made[take]
            most = min(self._credit[take], request.frames or 10**9)
            count = min(MADE_AT_ONCE, most - done)
            if count <= 0:
                continue
            first = -request.lead if done == 0 else done * SAMPLES_PER_FRAME
            stop = (done + count) * SAMPLES_PER_FRAME
            pcm, last = sound(take, first, stop - first)[:, None], done + count == request.frames
            self._made[take] = done + count
            self.do(
                engine.TakeTokens(take, done, codes_of(count, done), request.frames, 600.0),
                engine.PcmBlock(take, request.epoch, first, pcm, last),
            )
            if last:
                self._takes.pop(take)
                self.do(engine.TakeDone(take, done + count, cancelled=False))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.output.callback()
            self.now += BLOCK / RATE
            self._make()
            self.feeder.poll()
            told, self._heard[:] = list(self._heard), []
            self.do(*told, Tick())

    def of(self, kind: type) -> list[events.Event]:
        return [event for event in self.news if isinstance(event, kind)]

    def heard(self) -> np.ndarray:
        return np.concatenate(self.output.played)[:, 0]


def first_found(heard: np.ndarray) -> int:
    """Where the first sample of take 1 is."""
    about = int(np.flatnonzero(np.abs(heard) > 1e-3)[0])
    inside = slice(RATE // 4, RATE // 2)
    own = sound(1, 0, RATE)
    near = range(about - 300, about + 2)
    return min(near, key=lambda at: float(np.abs(heard[at:][inside] - own[inside]).max()))


@pytest.mark.parametrize("clock", [True, False], ids=["a clock rolls", "the take's own bars"])
@pytest.mark.parametrize("bars", [0, 12], ids=["endless", "of 12 bars"])
def test_each_take_is_heard_from_its_line_to_the_next(clock: bool, bars: int) -> None:
    studio = Studio()
    studio.run(1.0)  # the feeder learns how the device's time goes
    studio.do(ask.SetParameter("bars", bars), ask.SetParameter("tempo", BPM))
    if clock:
        midi = ask.ClockSource.MIDI
        studio.do(ask.ClockTempo(midi, BPM), ask.ClockPosition(midi, 0.0, studio.now))
        studio.do(ask.ClockRolling(midi, True, studio.now))
    studio.do(ask.Generate("one"), ask.MakeAlternatives(2))
    while not studio.of(events.AlternativesReady):
        studio.run(0.1)
    assert studio.news[-1] == events.AlternativesReady((2, 3, 1), ask.Origin())
    at = studio.state.tree.records[2].at
    assert at is not None
    lines: list[tuple[int, int]] = []
    flight = studio.state.flight(1)
    assert flight is not None
    began_bar = next((e.bar for e in studio.news if isinstance(e, events.Scheduled)), 1)
    for take in (2, 3, 1, 2):
        studio.do(ask.Swap(1 if take == 2 else None))
        planned = studio.of(events.Scheduled)[-1]
        assert isinstance(planned, events.Scheduled)
        assert planned.take == take
        while studio.state.tree.current != take:
            studio.run(0.1)
        studio.run(1.3)
        moved = [e for e in studio.of(events.Scheduled) if isinstance(e, events.Scheduled)][-1]
        lines.append((take, round((moved.bar - began_bar) * BAR)))
    studio.run(0.5)
    assert studio.feeder.underruns == 0

    heard = studio.heard()
    start = first_found(heard)
    end = lines[-1][1] + round(0.5 * BAR)
    for (take, first), (_, stop) in pairwise([(1, 0), *lines, (0, end)]):
        assert stop - first >= round(0.5 * BAR)
        offset = 0 if take == 1 else at * SAMPLES_PER_FRAME
        off = np.abs(
            heard[start + first : start + stop] - sound(take, first - offset, stop - first)
        )
        off[: 0 if first else FADE] = 0  # the start fades in
        off[len(off) - (0 if stop == end else FADE) :] = 0
        assert off.max() < 1e-5, f"take {take} is not heard {int(off.argmax())} samples in"
