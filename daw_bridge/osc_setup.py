"""The OSC addresses that set the program up: parameters, models, devices. A table of entries."""

from __future__ import annotations

from core.generation.params import STYLE_SECONDS, checked_style_seconds, checked_weight
from daw_bridge import commands as ask
from daw_bridge.commands import Command
from daw_bridge.osc_arguments import ROOT, Address, Arguments, trigger
from daw_bridge.parameters import PARAMETERS, Parameter, parameter


def _adapter(a: Arguments) -> Command:
    adapter = a.text("the adapter's name or path")
    weight = checked_weight(a.number("the weight")) if a else 1.0
    return ask.UseAdapter(adapter, weight, a.end())


def _melody(a: Arguments) -> Command:
    if not a:
        return ask.AskMelody(a.end())
    return ask.SetMelody(a.text("the path of a sound file"), a.end())


def _style(a: Arguments) -> Command:
    if not a:
        return ask.AskStyle(a.end())
    path = a.text("the path of a sound file")
    seconds = checked_style_seconds(a.number("the seconds")) if a else STYLE_SECONDS
    return ask.SetStyle(path, seconds, a.end())


def _learn(a: Arguments) -> Command:
    if not (a and (name := a.word())):
        return ask.AskControllers(a.end())
    name = parameter(name).name
    return ask.LearnController(name, a.end())


def _for_parameter(p: Parameter) -> Address:
    def build(a: Arguments) -> Command:
        if not a:
            return ask.AskParameter(p.name, a.end())
        word = a.word() if p.words else None
        value = p.checked(a.number(p.name)) if word is None else p.from_word(word)
        return ask.SetParameter(p.name, value, a.end())

    number = "i" if p.integer else "f"
    unit = f" {p.unit}" if p.unit else ""
    limits = ", ".join(f"{p.low + at:g} or '{word}'" for at, word in enumerate(p.words))
    limits = limits or f"{p.low:g} to {p.high:g}{unit}"
    effect = f"{p.help} ({limits}); without arguments → its value"
    return Address(f"{ROOT}/{p.name}", f"[{number}]", effect, build)


SETUP = (
    *(_for_parameter(p) for p in PARAMETERS.values()),
    Address(f"{ROOT}/tap", "", "tap the tempo", trigger(ask.TapTempo), button=True),
    Address(f"{ROOT}/learn", "[s parameter]", "the next MIDI controller that moves sets it;"
            " without arguments → every parameter and its controller (-1: none)", _learn),
    Address(f"{ROOT}/unlearn", "s parameter", "no MIDI controller sets it any more",
            lambda a: ask.MapController(parameter(a.text("the parameter's name")).name, None,
                                        a.end())),
    Address(f"{ROOT}/loopback", "",
            "measure the way from the output back to the input: latency, drift, dropouts",
            trigger(ask.MeasureLoopback), button=True),
    Address(f"{ROOT}/model", "s", "load a model: starter, a folder or a hub id",
            lambda a: ask.UseModel(a.text("the model's name"), a.end())),
    Address(f"{ROOT}/melody", "[s path]",
            "the sound file whose melody a melody model follows, live; `input` is the last bars"
            " of the input, an empty path is none; without arguments → the path", _melody),
    Address(f"{ROOT}/style", "[s path], [f seconds]",
            "the sound file whose style a style model follows, live: 1.5 to 4.5 s of its middle"
            " (3); `input`, an empty path and no arguments as of melody", _style),
    Address(f"{ROOT}/adapter", "s name or path, [f weight]",
            "load a LoRA adapter or change its weight, live (0 to 2; 0 unloads it); a name is"
            " a file of the user's adapters folder", _adapter),
    Address(f"{ROOT}/adapters", "", "→ /musicgen/adapters: name and weight in turn",
            lambda a: ask.AskAdapters(a.end())),
    Address(f"{ROOT}/output", "s", "play through that device; an empty name is the default",
            lambda a: ask.UseOutput(a.text("the device's name") or None, a.end())),
    Address(f"{ROOT}/input", "s", "capture from that device; none closes it",
            lambda a: ask.UseInput(a.text("the device's name") or None, a.end())),
)  # fmt: skip
