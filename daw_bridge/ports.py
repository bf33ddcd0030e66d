"""The contracts between the controller and what surrounds it.

The controller thread calls these; each implementation's own thread calls back into the
controller's queue with events. No method here blocks for longer than a pipe write.

PCM runs engine process → application → audio process: the application keeps the audio of
every take, so a child that dies is simply started again. There is one duplex pipe a child
(no separate PCM pipe): `core.generation.worker.run_engine(connection)`,
`daw_bridge.audio.worker.run_audio(connection)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from core.generation.messages import EngineEvent, EngineRequest, PcmBlock
from daw_bridge.audio.messages import AudioEvent, AudioRequest

EngineListener = Callable[[EngineEvent], None]
AudioListener = Callable[[AudioEvent], None]


class Engine(Protocol):
    """The engine process as the controller sees it.

    Restarts the process when it dies (with back-off), loads the last model again and
    resumes the take in flight from the tokens it has seen (its own bookkeeping: it has
    seen every StartTake and TakeTokens), so that the listener sees an `EngineProblem`
    with code "engine", then further blocks that continue at the right `first_sample`.
    """

    def start(self, listener: EngineListener) -> None: ...

    def send(self, request: EngineRequest) -> None:
        """Any thread. Requests sent while the engine restarts are kept in order."""
        ...

    def stop(self) -> None:
        """Ask to quit; kill after two seconds. Idempotent."""
        ...


class AudioSink(Protocol):
    """The audio process as the controller sees it.

    Restarts the process when it dies or its stream stops (jackd killed, device unplugged),
    opens the same devices again as soon as they are back, and goes on with the take in
    flight from the sample that was last heard (it keeps the blocks not yet played).
    """

    def start(self, listener: AudioListener) -> None: ...

    def send(self, request: AudioRequest) -> None:
        """Any thread. Requests sent while the process restarts are kept in order."""
        ...

    def play(self, block: PcmBlock) -> None:
        """Any thread, one at a time. Blocks of an older epoch than the newest are dropped."""
        ...

    def stop(self) -> None:
        """Fade out, ask to quit; kill after two seconds. Idempotent."""
        ...
