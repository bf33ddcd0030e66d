"""What `session.apply` takes in, and what it gives out for others to carry out."""

from __future__ import annotations

from dataclasses import dataclass

from core.generation.messages import EngineEvent, EngineRequest, PcmBlock
from daw_bridge.audio.messages import AudioEvent, AudioRequest
from daw_bridge.commands import Command
from daw_bridge.disk_messages import DiskOutcome, DiskRequest
from daw_bridge.events import Event


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes: sent about twenty times a second."""


@dataclass(frozen=True, slots=True, eq=False)
class PlayBlock:
    """Hand a block to the audio process (its BeginTake went before)."""

    block: PcmBlock


SessionInput = Command | EngineEvent | AudioEvent | DiskOutcome | Tick
SessionOutput = EngineRequest | AudioRequest | Event | DiskRequest | PlayBlock
