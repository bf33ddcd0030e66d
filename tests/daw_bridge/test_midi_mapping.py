"""What MIDI messages mean, and that knobs do not make the music jump."""

from __future__ import annotations

import pytest
from mido import Message

from daw_bridge import commands as ask
from daw_bridge.commands import Command, Origin
from daw_bridge.events import ControllerMapped, ParameterChanged
from daw_bridge.midi_mapping import MIDI, MidiMapping
from daw_bridge.parameters import PARAMETERS


def cc(control: int, value: int) -> Message:
    return Message("control_change", control=control, value=value)


def feed(mapping: MidiMapping, *messages: Message) -> tuple[MidiMapping, list[Command]]:
    said: list[Command] = []
    for message in messages:
        mapping, commands = mapping.heard(message)
        said += commands
    return mapping, said


@pytest.mark.parametrize(
    ("message", "command"),
    [
        (Message("note_on", note=60, velocity=100), ask.Generate(origin=MIDI)),
        (Message("note_on", note=62, velocity=1), ask.ContinueInput(origin=MIDI)),
        (Message("note_on", note=64), ask.Retry(MIDI)),
        (Message("note_on", note=65), ask.Stop(MIDI)),
        (Message("note_on", note=67), ask.KeepTake(origin=MIDI)),
        (Message("note_on", note=69), ask.Record(True, MIDI)),
        (Message("note_off", note=69), ask.Record(False, MIDI)),
        (Message("note_on", note=69, velocity=0), ask.Record(False, MIDI)),
        (Message("program_change", program=3), ask.RecallPreset(3, MIDI)),
        (cc(120, 0), ask.Panic(MIDI)),
        (cc(123, 0), ask.Panic(MIDI)),
        (Message("note_on", note=60, velocity=0), None),
        (Message("note_on", note=61), None),
        (Message("pitchwheel", pitch=5), None),
        (cc(50, 5), None),
    ],
)
def test_messages(message: Message, command: Command | None) -> None:
    _, said = feed(MidiMapping(), message)
    assert said == ([command] if command else [])


def test_another_channel_is_not_heard() -> None:
    mapping = MidiMapping(channel=15)
    assert feed(mapping, Message("note_on", note=60, channel=0))[1] == []
    assert len(feed(mapping, Message("note_on", note=60, channel=15))[1]) == 1


def test_a_knob_takes_over_where_it_meets_the_value() -> None:
    place = round(127 * (1 - 0.1) / 2.9)  # temperature 1
    mapping, said = feed(MidiMapping(), cc(22, 0), cc(22, place - 10))
    assert said == []
    mapping, said = feed(mapping, cc(22, place + 10))
    assert isinstance(said[0], ask.SetParameter)
    assert said[0].name == "temperature"
    _, said = feed(mapping, cc(22, 127))
    assert said == [ask.SetParameter("temperature", 3.0, MIDI)]


def test_a_value_set_elsewhere_lets_the_knob_go() -> None:
    mapping, said = feed(MidiMapping(), cc(7, 64), cc(7, 100))
    assert said
    mapping = mapping.told(ParameterChanged("gain", 0.1, Origin("gui")))
    assert feed(mapping, cc(7, 101))[1] == []
    mapping, said = feed(mapping, cc(7, 5))
    assert said, "it met the value on its way down"


def test_its_own_echo_does_not_let_it_go() -> None:
    mapping, _ = feed(MidiMapping(), cc(7, 64), cc(7, 100))
    mapping = mapping.told(ParameterChanged("gain", 100 / 127 * 2, MIDI))
    assert feed(mapping, cc(7, 110))[1]


def test_a_controller_is_learned() -> None:
    mapping = MidiMapping().told(ControllerMapped("guidance", None, learning=True))
    mapping, said = feed(mapping, cc(50, 5))
    assert said == [ask.MapController("guidance", 50, MIDI)]
    mapping = mapping.told(ControllerMapped("guidance", 50))
    assert mapping.controllers[50] == "guidance"
    assert PARAMETERS["guidance"].controller not in mapping.controllers
    assert feed(mapping, cc(50, 127), cc(50, 0))[1]


def test_panic_cannot_be_learned() -> None:
    mapping = MidiMapping().told(ControllerMapped("guidance", None, learning=True))
    _, said = feed(mapping, cc(120, 0))
    assert said == [ask.Panic(MIDI)]
