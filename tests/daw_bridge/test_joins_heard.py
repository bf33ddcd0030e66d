"""Session and feeder together, in a time of their own: what is heard of takes that are continued.

The engine is a signal in which each sample tells its place, made some times faster than it plays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.generation import messages as engine
from core.types import MODEL_RATE, SAMPLES_PER_FRAME
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge.audio.feeder import Feeder
from daw_bridge.audio.messages import BeginTake, EndTake
from daw_bridge.session_io import PlayBlock, SessionOutput, Tick
from tests.daw_bridge.audio.test_feeder import BLOCK, HandOutput
from tests.daw_bridge.test_session import Session, tokens
from tests.fakes import codes_of

WHOLE = np.random.default_rng(3).normal(0, 0.1, 12 * MODEL_RATE).astype(np.float32)[:, None]
FADES = 400  # samples at the start and the end of what is heard


class Studio:
    """Everything but processes, models and disks."""

    def __init__(self, speed: float = 4.0) -> None:
        self.session, self.output, self.events = Session(), HandOutput(), []
        self.feeder = Feeder(self.output, self.events.append, clock=lambda: self.session.now)
        self.speed, self.made = speed, 0.0
        self.take: engine.StartTake | None = None
        self.starts: dict[int, int] = {}  # by take: where in WHOLE its first frame is
        self.sent = 0
        self.feeder.poll()

    def do(self, *items: object) -> None:
        self._route(self.session.do(*items))  # type: ignore[arg-type]

    def run(self, seconds: float) -> None:
        for step in range(round(seconds * MODEL_RATE / BLOCK)):
            self.session.now += BLOCK / MODEL_RATE
            self.output.callback()
            self.feeder.poll()
            events = self.events.copy()
            self.events.clear()
            self.do(*events)
            self._generate()
            if step % 6 == 0:
                self.do(Tick())

    def run_until(self, condition: Callable[[], bool]) -> None:
        until = self.session.now + 8
        while not condition():
            assert self.session.now < until
            self.run(0.05)

    def _route(self, outputs: list[SessionOutput]) -> None:
        for output in outputs:
            match output:
                case BeginTake():
                    self.feeder.begin(output)
                case EndTake():
                    self.feeder.end(output)
                case PlayBlock(block):
                    self.feeder.receive(block)
                case engine.StartTake():
                    self.take, self.made, self.sent = output, 0.0, -output.lead
                    parent = self.session.state.tree.records[output.take]
                    before = self.starts.get(parent.parent or 0, 0)
                    self.starts[output.take] = before + (parent.at or 0) * SAMPLES_PER_FRAME
                case disk.RecallTake(token, take, frame, lead):
                    record = self.session.state.tree.records[take]
                    end = record.frames if frame is None else frame
                    lead = record.left_over if frame is None else lead
                    self.do(disk.TakeRecalled(token, record, codes_of(end), end, True, lead))

    def _generate(self) -> None:
        take = self.take
        if take is None or take.frames is None:
            return
        self.made = min(take.frames, self.made + self.speed * 50 * BLOCK / MODEL_RATE)
        last = self.made >= take.frames
        until = int(self.made) * SAMPLES_PER_FRAME - (0 if last else 2_400)
        if until - self.sent < 6_400 and not last:
            return
        start = self.starts[take.take]
        pcm = WHOLE[start + self.sent : start + until]
        block = engine.PcmBlock(take.take, take.epoch, self.sent, pcm, last)
        self.sent = until
        items: list[object] = [tokens(take.take, 0, int(self.made)), block]
        if last:
            self.take = None
            items.append(engine.TakeDone(take.take, take.frames, False))
        self.do(*items)

    @property
    def heard(self) -> np.ndarray:
        return np.concatenate(self.output.played)[:, 0]


def hear(studio: Studio, bars: tuple[int, ...], roll: bool) -> tuple[np.ndarray, int]:
    """What is heard of a take that is continued as soon as it is heard, and its length."""
    session = studio.session
    studio.run(0.3)
    if roll:
        session.roll(bpm=190.0)
    session.do(ask.SetParameter("tempo", 190.0), ask.SetParameter("bars", float(bars[0])))
    studio.do(ask.Generate())
    for count in bars[1:]:
        take = session.state.last_take
        studio.run_until(lambda take=take: getattr(session.state.flight(take), "heard", False))
        session.do(ask.SetParameter("bars", float(count)))
        studio.do(ask.ContinueTake())
        studio.run_until(lambda take=take: session.state.last_take > take)
    studio.run(sum(bars) * 240 / 190 + 1.0)
    loud = np.flatnonzero(studio.heard)
    first = loud[0] - 1  # whose gain is 0
    return studio.heard[first:], sum(round(n * 240 / 190 * MODEL_RATE) for n in bars)


@pytest.mark.parametrize("roll", [False, True], ids=["no clock", "on a clock"])
@pytest.mark.parametrize("speed", [40.0, 4.0, 1.6])
def test_takes_that_go_on_are_heard_as_one(roll: bool, speed: float) -> None:
    studio = Studio(speed)
    heard, length = hear(studio, (2, 1, 1), roll)
    off = np.abs(heard[FADES : length - FADES] - WHOLE[FADES : length - FADES, 0])
    assert off.max() < 1e-6, f"from sample {FADES + int(np.argmax(off > 1e-6))} on"
    assert not heard[length:].any()
    assert heard[length - 20 : length].any()
    assert studio.feeder.underruns == 0
