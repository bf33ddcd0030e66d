"""A message's arguments, taken from the left, and an entry of the address table, which does so.

Lenient in: int, float, double, T/F and numeric strings where a number is meant. A request
number after the arguments is echoed in every answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.errors import BadInput
from daw_bridge.commands import Command, Origin

ROOT = "/musicgen"


class Arguments:
    """The arguments of one message, taken from the left."""

    def __init__(self, values: Sequence[object], origin: Origin, now: float) -> None:
        self._left = list(values)
        self._origin = origin
        self.now = now

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def released(self) -> bool:
        """Whether this is a button let go: a single zero where none is needed."""
        return len(self._left) == 1 and _is_number(self._left[0]) and not self._left[0]

    def text(self, what: str) -> str:
        if self._left and isinstance(self._left[0], str):
            return str(self._left.pop(0))
        raise BadInput(f"send {what} as a string")

    def optional_text(self) -> str | None:
        return self.text("") if self._left and isinstance(self._left[0], str) else None

    def word(self) -> str | None:
        """A text that is no number, if one comes next."""
        if self._left and isinstance(self._left[0], str) and _number(self._left[0]) is None:
            return str(self._left.pop(0))
        return None

    def number(self, what: str) -> float:
        if self._left and (value := _number(self._left[0])) is not None:
            self._left.pop(0)
            return value
        raise BadInput(f"send {what} as a number")

    def whole(self, what: str) -> int:
        value = self.number(what)
        if not value.is_integer() or abs(value) >= 2**31:
            raise BadInput(f"send {what} as a whole number")
        return int(value)

    def whole_or_pressed(self, what: str, default: int) -> int:
        """Of a button that may say which: a bare pressure (nothing, nil, true) is the default."""
        if self._left and (self._left[0] is None or self._left[0] is True):
            self._left.pop(0)
            return default
        return self.whole(what) if self._left else default

    def rest(self) -> tuple[object, ...]:
        values, self._left = tuple(self._left), []
        return values

    def end(self, *, button: bool = False) -> Origin:
        """Nothing is left but a request number. `button`: a pressure may stand there instead."""
        if not self._left:
            return self._origin
        if len(self._left) > 1:
            raise BadInput(f"{len(self._left) - 1} arguments too many; see docs/osc.md")
        pressed = self._left[0]
        if button and (pressed is None or pressed is True or _is_fraction(pressed)):
            self._left.pop(0)
            return self._origin
        return replace(self._origin, request=self.whole("the request number"))


def _is_number(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _is_fraction(value: object) -> bool:
    return isinstance(value, float) and not value.is_integer()


def _number(value: object) -> float | None:
    """The number that is meant, if one is."""
    if not isinstance(value, bool | int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# ---------------------------------------------------------------- an entry

Build = Callable[[Arguments], Command]


@dataclass(frozen=True, slots=True)
class Address:
    """One address: how its arguments are written in the docs, and what it builds."""

    path: str
    arguments: str
    effect: str
    build: Build
    button: bool = False  # a trigger: its release is ignored


def trigger(make: Callable[[Origin], Command]) -> Build:
    """Builds a command that needs nothing but to be asked for."""
    return lambda a: make(a.end(button=True))
