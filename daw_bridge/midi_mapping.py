"""MIDI message → Command: notes, programs and controllers. Pure; the clock has its own file.

Controllers take over softly: a knob does nothing until it passes the value that holds, so
that a knob left elsewhere does not make the music jump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mido import Message

from daw_bridge import commands as ask
from daw_bridge.commands import Command, Origin
from daw_bridge.controllers import changed, default_table
from daw_bridge.events import ControllerMapped, Event, ParameterChanged
from daw_bridge.parameters import PARAMETERS

MIDI = Origin(source="midi")
PANIC = (120, 123)  # all sound off, all notes off
LEARNABLE = range(120)  # 120 to 127 are channel mode messages
CATCH = 2  # steps of 127 that count as the same place


@dataclass(frozen=True, slots=True)
class NoteAction:
    """What a note does, as docs/midi.md says it."""

    note: int
    name: str
    effect: str
    command: Callable[[], Command]


NOTES: dict[int, NoteAction] = {
    action.note: action
    for action in (
        NoteAction(60, "C4", "generate a new take", lambda: ask.Generate(origin=MIDI)),
        NoteAction(62, "D4", "continue the last bars of the input",
                   lambda: ask.ContinueInput(origin=MIDI)),
        NoteAction(63, "D#4", "continue the current take",
                   lambda: ask.ContinueTake(origin=MIDI)),
        NoteAction(64, "E4", "retry with another seed", lambda: ask.Retry(MIDI)),
        NoteAction(65, "F4", "stop on the next bar", lambda: ask.Stop(MIDI)),
        NoteAction(66, "F#4", "undo: back to the take before", lambda: ask.Undo(MIDI)),
        NoteAction(67, "G4", "keep the take", lambda: ask.KeepTake(origin=MIDI)),
        NoteAction(68, "G#4", "redo", lambda: ask.Redo(MIDI)),
        NoteAction(69, "A4", "record the input while held", lambda: ask.Record(True, MIDI)),
        NoteAction(70, "A#4", "make two alternatives to what sounds",
                   lambda: ask.MakeAlternatives(origin=MIDI)),
        NoteAction(71, "B4", "swap: the next alternative, on the next bar",
                   lambda: ask.Swap(origin=MIDI)),
    )
}  # fmt: skip
RECORD_NOTE = 69


def _values() -> Mapping[str, float]:
    return MappingProxyType({name: p.default for name, p in PARAMETERS.items()})


@dataclass(frozen=True, slots=True)
class MidiMapping:
    """What the controllers mean now, and where each knob was last seen.

    channel: the only MIDI channel heard, 0 to 15; None hears all.
    """

    controllers: Mapping[int, str] = field(default_factory=default_table)
    values: Mapping[str, float] = field(default_factory=_values)
    knobs: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    caught: frozenset[int] = frozenset()
    learning: str | None = None
    channel: int | None = None

    def heard(self, message: Message) -> tuple[MidiMapping, tuple[Command, ...]]:
        """What a message asks for, and the mapping from now on."""
        if self.channel is not None and getattr(message, "channel", self.channel) != self.channel:
            return self, ()
        match message.type:
            case "note_on" if message.velocity > 0:
                action = NOTES.get(message.note)
                return self, (action.command(),) if action else ()
            case "note_on" | "note_off":
                released = message.note == RECORD_NOTE
                return self, (ask.Record(False, MIDI),) if released else ()
            case "program_change":
                return self, (ask.RecallPreset(message.program, MIDI),)
            case "control_change":
                return self._controlled(message.control, message.value)
            case _:
                return self, ()

    def told(self, event: Event) -> MidiMapping:
        """What the program says: a value was set elsewhere, a controller mapped or learned."""
        match event:
            case ParameterChanged(name, value, origin, answer) if not answer:
                values = MappingProxyType({**self.values, name: value})
                if origin is not None and origin.source == "midi":
                    return replace(self, values=values)
                elsewhere = {c for c in self.caught if self.controllers.get(c) == name}
                return replace(self, values=values, caught=self.caught - elsewhere)
            case ControllerMapped(answer=True):
                return self
            case ControllerMapped(name, _, learning=True):
                return replace(self, learning=name)
            case ControllerMapped(name, controller):
                return self.mapped({name: controller})
            case _:
                return self

    def mapped(self, changes: Mapping[str, int | None]) -> MidiMapping:
        """With these parameters on these controllers; a controller sets one parameter."""
        return replace(self, controllers=changed(self.controllers, changes), learning=None)

    # ------------------------------------------------------------------ controllers

    def _controlled(self, control: int, value: int) -> tuple[MidiMapping, tuple[Command, ...]]:
        if control in PANIC:
            return self, (ask.Panic(MIDI),)
        before = self.knobs.get(control)
        moved = replace(self, knobs=MappingProxyType({**self.knobs, control: value}))
        if self.learning is not None and control in LEARNABLE:
            name = self.learning
            learned = moved.mapped({name: control})
            return learned, (ask.MapController(name, control, MIDI),)
        name = self.controllers.get(control)
        if name is None:
            return moved, ()
        if control not in self.caught:
            if not _passes(before, value, _place(name, self.values[name])):
                return moved, ()
            moved = replace(moved, caught=moved.caught | {control})
        wanted = PARAMETERS[name].from_controller(value)
        if wanted == self.values[name]:
            return moved, ()
        values = MappingProxyType({**self.values, name: wanted})
        return replace(moved, values=values), (ask.SetParameter(name, wanted, MIDI),)


def _place(name: str, value: float) -> float:
    """Where on 0 … 127 a knob would stand for `value`."""
    parameter = PARAMETERS[name]
    return 127 * (value - parameter.low) / (parameter.high - parameter.low)


def _passes(before: int | None, now: int, place: float) -> bool:
    """Whether a knob that went from `before` to `now` met `place` on its way."""
    if abs(now - place) <= CATCH:
        return True
    return before is not None and min(before, now) <= place <= max(before, now)
