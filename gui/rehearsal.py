"""A controller without an engine: for tests, for screenshots, and for trying the panel.

It records what it is asked, and tells its subscribers what it is told to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from daw_bridge.commands import Command
from daw_bridge.events import Event, MeterLevels, TakeWaveform

C = TypeVar("C")


class Rehearsal:
    """Has the controller's two doors, `submit` and `subscribe`."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self._listeners: list[Callable[[Event], None]] = []

    def submit(self, command: Command) -> None:
        self.commands.append(command)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def emit(self, *events: Event) -> None:
        """Any thread, as the controller's own would."""
        for event in events:
            for listener in list(self._listeners):
                listener(event)

    def sent(self, kind: type[C]) -> list[C]:
        """The commands of one kind, in order."""
        return [command for command in self.commands if isinstance(command, kind)]


def waveform(take: int, first: int, count: int, tempo: float = 120.0) -> TakeWaveform:
    """Peaks that look like music: a beat that decays, a swell over the bar, some grain."""
    at = np.arange(first, first + count) / 50
    beat = at * tempo / 60
    pulse = 0.55 * np.exp(-4.5 * (beat % 1)) * np.where(beat.astype(int) % 2 == 0, 1, 0.7)
    swell = 0.22 + 0.12 * np.sin(2 * np.pi * beat / 16)
    grain = np.random.default_rng(first).uniform(0.75, 1.0, (2, count))
    high = np.clip((pulse + swell) * grain[0], 0, 1)
    low = -np.clip((pulse * 0.9 + swell) * grain[1], 0, 1)
    return TakeWaveform(take, first, np.stack([low, high], axis=1).astype(np.float32))


def levels(loud: float = 0.5) -> MeterLevels:
    return MeterLevels(output=(loud, loud * 0.8), input=(loud * 0.12, loud * 0.1))
