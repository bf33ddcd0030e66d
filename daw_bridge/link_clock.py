"""Ableton Link: a thread that reads the session twenty times a second, while Link is on.

aalink wraps Ableton's own library, which talks to the local network on threads of its own.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daw_bridge.commands import Command
from daw_bridge.events import Event, ParameterChanged, StatusChanged
from daw_bridge.link_session import LinkReading, LinkSession

log = logging.getLogger(__name__)

READ_EVERY = 0.05  # seconds
TRIES = 3  # readings of the beat, of which the quickest counts
SAME = 0.005  # bpm


@dataclass(frozen=True, slots=True)
class _Set:
    """What to change: 'on', 'beats' (of a bar), 'tempo' by a person, or 'own' tempo."""

    what: str
    value: float


class LinkClock:
    """The session as a clock. Nothing is sent or loaded before Link is switched on."""

    def __init__(self, submit: Callable[[Command], None], say: Callable[[str], None]) -> None:
        """say: one line for a person."""
        self._submit, self._say = submit, say
        self._asked: queue.SimpleQueue[_Set | None] = queue.SimpleQueue()
        self._session = LinkSession()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self, *, on: bool, tempo: float, beats: int) -> None:
        """on: whether Link is switched on at once. tempo: in bpm, of a session of our own."""
        for what, value in (("own", tempo), ("beats", beats), ("on", float(on))):
            self._asked.put(_Set(what, value))
        self._thread.start()

    def stop(self) -> None:
        """Leave the session. Idempotent."""
        self._asked.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def hear(self, event: Event) -> None:
        """The controller's thread. A tempo that a person sets goes to the session, as from any
        Link program; one that another clock leads with is only what we would bring along."""
        match event:
            case ParameterChanged("link", value, answer=False):
                self._asked.put(_Set("on", value))
            case ParameterChanged("beats", value, answer=False):
                self._asked.put(_Set("beats", value))
            case ParameterChanged("tempo", value, origin, answer=False) if origin is not None:
                self._asked.put(_Set("tempo", value))
            case StatusChanged(status) if status.clock != "link":
                self._asked.put(_Set("own", status.tempo))
            case _:
                pass

    # ------------------------------------------------------------------ its thread

    def _run(self) -> None:
        known = {"own": 120.0, "beats": 4.0}
        while (asked := self._asked.get()) is not None:
            known[asked.what] = asked.value
            if known.get("on"):
                try:
                    from aalink import Link
                except ImportError as missing:
                    self._say(f"Ableton Link is off: aalink cannot be loaded ({missing})")
                    known["on"] = 0.0
                    continue
                asyncio.run(self._follow(Link, known))
                if not known["on"]:
                    continue
                return

    async def _follow(self, make_link: Any, known: dict[str, float]) -> None:
        """Until Link is switched off (`known["on"]` is then 0) or the program ends."""
        link = make_link(known["own"])
        link.quantum = known["beats"]
        link.start_stop_sync_enabled = True
        link.enabled = True
        while self._change(link, known):
            for command in self._session.heard(_read(link)):
                self._submit(command)
            await asyncio.sleep(READ_EVERY)
        link.enabled = False
        for command in self._session.left():
            self._submit(command)

    def _change(self, link: Any, known: dict[str, float]) -> bool:
        """What was asked for meanwhile. False to leave."""
        while not self._asked.empty():
            asked = self._asked.get()
            if asked is None:
                return False
            known[asked.what] = asked.value
            alone = not self._session.has_peers
            if asked.what == "on" and not asked.value:
                return False
            if asked.what == "beats":
                link.quantum = asked.value
            ours = asked.what == "tempo" or (asked.what == "own" and alone)
            if ours and abs(link.tempo - asked.value) > SAME:
                link.tempo = asked.value
        return True


def _read(link: Any) -> LinkReading:
    """The quickest of a few readings, so that a thread that had to wait does not show."""
    readings = []
    for _ in range(TRIES):
        before, beat, after = time.monotonic(), link.beat, time.monotonic()
        readings.append((after - before, beat, (before + after) / 2))
    _, beat, at = min(readings)
    return LinkReading(link.num_peers, link.tempo, link.playing, beat, at)
