"""One call of `session.apply` while it is under way."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from daw_bridge.commands import Origin
from daw_bridge.session_flight import Flight
from daw_bridge.session_io import SessionOutput
from daw_bridge.session_state import Pending, SessionState


class Turn:
    """The state so far, and what is to be sent."""

    def __init__(self, state: SessionState, now: float) -> None:
        self.state = state
        self.now = now
        self.out: list[SessionOutput] = []

    def send(self, *outputs: SessionOutput) -> None:
        self.out.extend(outputs)

    def change(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]

    def change_flight(self, take: int, **changes: object) -> Flight:
        """Replace what is known of a take; a take that is over is let go."""
        changed: Flight | None = None
        kept: list[Flight] = []
        for flight in self.state.flights:
            if flight.take == take:
                changed = flight = replace(flight, **changes)  # type: ignore[arg-type]
            if not flight.over:
                kept.append(flight)
        assert changed is not None, f"take {take} is not in flight"
        self.change(flights=tuple(kept))
        return changed

    def draw_seed(self) -> int:
        """The next drawn seed (splitmix64, cut to what one OSC integer holds)."""
        entropy = (self.state.entropy + 0x9E3779B97F4A7C15) % 2**64
        mixed = (entropy ^ (entropy >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        self.change(entropy=entropy)
        return (mixed ^ (mixed >> 31)) % 2**31

    def new_token(self, pending: Pending) -> int:
        token = self.state.next_token
        waiting = MappingProxyType({**self.state.pending, token: pending})
        self.change(next_token=token + 1, pending=waiting)
        return token

    def asked_to_open(self, kind: str, origin: Origin | None) -> Origin | None:
        """Note who asked for an 'output' or 'input'; who did before, if not yet answered."""
        openers = dict(self.state.openers)
        before = openers.pop(kind, None)
        if origin is not None:
            openers[kind] = origin
        self.change(openers=MappingProxyType(openers))
        return before

    def take_pending(self, token: int | None) -> Pending | None:
        """What was asked with `token`, once."""
        if token is None or token not in self.state.pending:
            return None
        waiting = dict(self.state.pending)
        pending = waiting.pop(token)
        self.change(pending=MappingProxyType(waiting))
        return pending
