"""OSC message → Command. Pure; every message gives a command, a `Refused`, or None for the
release of a button. The address table drives the parser and docs/osc.md.

Lenient in: int, float, double, T/F and numeric strings where a number is meant. A request
number after the arguments is echoed in every answer.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.errors import BadInput
from core.generation.params import Prompt, checked_text_weight, checked_weight
from daw_bridge import commands as ask
from daw_bridge.commands import ClockSource, Command, Origin
from daw_bridge.parameters import PARAMETERS, Parameter, parameter

ROOT = "/musicgen"
MOST_TAKES_TOLD = 200


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


# ---------------------------------------------------------------- the table

Build = Callable[[Arguments], Command]


@dataclass(frozen=True, slots=True)
class Address:
    """One address: how its arguments are written in the docs, and what it builds."""

    path: str
    arguments: str
    effect: str
    build: Build
    button: bool = False  # a trigger: its release is ignored


def _prompt(a: Arguments) -> Command:
    if not a:
        return ask.AskPrompt(origin=a.end())
    text = Prompt(a.text("the prompt")).text
    return ask.SetPrompt(text, a.end())


def _prompt_slot(slot: int) -> Build:
    def build(a: Arguments) -> Command:
        if not a:
            return ask.AskPrompt(slot, a.end())
        text = a.optional_text()
        if text is None:  # a fader
            return ask.SetPromptSlot(slot, None, checked_text_weight(a.number("weight")), a.end())
        weight = checked_text_weight(a.number("the weight")) if a else None
        return ask.SetPromptSlot(slot, Prompt(text).text, weight, a.end())

    return build


def _negative(a: Arguments) -> Command:
    if not a:
        return ask.AskPrompt(ask.NEGATIVE_SLOT, a.end())
    text = Prompt(negative=a.text("the negative prompt")).negative
    return ask.SetNegative(text, a.end())


def _slot_address(slot: int) -> Address:
    effect = f"slot {slot} of the blend: its text, its weight (0 to 10; 0 is silent), or both"
    if slot == 1:
        effect = "slot 1 is /musicgen/prompt; here it has a weight, as the others have"
    elif slot == 2:
        effect += "; an empty text empties it; without arguments → text and weight"
    return Address(f"{ROOT}/prompt/{slot}", "[s text] [f weight]", effect, _prompt_slot(slot))


def _generate(a: Arguments) -> Command:
    text = a.optional_text()
    return ask.Generate(None if text is None else Prompt(text).text, a.end(button=text is None))


def _continue(a: Arguments) -> Command:
    path, prompt = a.optional_text(), a.optional_text()
    prompt = None if prompt is None else Prompt(prompt).text
    if path:
        return ask.ContinueFile(path, prompt, a.end())
    return ask.ContinueInput(prompt, a.end(button=path is None))


def _continue_take(a: Arguments) -> Command:
    take = a.whole("the number of the take") if a else None
    at = a.number("the second to branch at") if a else None
    return ask.ContinueTake(take or None, at, None, a.end())


def _alternatives(a: Arguments) -> Command:
    count = a.whole_or_pressed("how many alternatives", 2)
    if not 1 <= count <= ask.MOST_ALTERNATIVES:
        raise BadInput(f"{count} alternatives are out of range; use 1 to {ask.MOST_ALTERNATIVES}")
    return ask.MakeAlternatives(count, a.end())


def _swap(a: Arguments) -> Command:
    number = a.whole_or_pressed("the number of the alternative", 0)
    return ask.Swap(number or None, a.end())


def _current(a: Arguments) -> Command:
    if not a:
        return ask.AskCurrent(a.end())
    return ask.ChooseTake(a.whole("the number of the take"), a.end())


def _takes(a: Arguments) -> Command:
    count = a.whole("how many takes") if a else 50
    below = a.whole("the number below which to look") if a else None
    if not 1 <= count <= MOST_TAKES_TOLD:
        raise BadInput(f"{count} takes are out of range; ask for 1 to {MOST_TAKES_TOLD} at a time")
    return ask.AskTakes(count, below, a.end())


def _keep(a: Arguments) -> Command:
    take = a.whole("the number of the take") if a else None
    return ask.KeepTake(take, a.end())


def _unkeep(a: Arguments) -> Command:
    return ask.KeepTake(a.whole("the number of the take"), on=False, origin=a.end())


def _play_take(a: Arguments) -> Command:
    take = a.whole("the number of the take")
    return ask.PlayTake(take, a.number("the second to play from") if a else 0.0, a.end())


def _name_take(a: Arguments) -> Command:
    return ask.RenameTake(a.whole("the number of the take"), a.text("its name"), a.end())


def _delete_take(a: Arguments) -> Command:
    return ask.DeleteTake(a.whole("the number of the take"), a.end())


def _restore_take(a: Arguments) -> Command:
    return ask.RestoreTake(a.whole("the number of the take") or None if a else None, a.end())


def _adapter(a: Arguments) -> Command:
    adapter = a.text("the adapter's name or path")
    weight = checked_weight(a.number("the weight")) if a else 1.0
    return ask.UseAdapter(adapter, weight, a.end())


def _melody(a: Arguments) -> Command:
    if not a:
        return ask.AskMelody(a.end())
    return ask.SetMelody(a.text("the path of a sound file"), a.end())


def _preset(a: Arguments) -> Command:
    name = a.optional_text()
    wanted = a.whole("the preset's name or number") if name is None else name
    return ask.RecallPreset(wanted, a.end())


def _record(a: Arguments) -> Command:
    on = a.number("1 to start, 0 to stop,") != 0
    return ask.Record(on, a.end())


def _subscribe(a: Arguments) -> Command:
    port = _port(a) if a else None
    seconds = a.number("seconds") if a else 600.0
    if not 0 < seconds <= 86_400:
        raise BadInput(f"{seconds:g} s is out of range; subscribe for up to 86400 s")
    return ask.Subscribe(port, seconds, a.end())


def _port(a: Arguments) -> int | None:
    port = a.whole("the port")
    if not 0 <= port < 65_536:
        raise BadInput(f"port {port} is out of range; use 1 to 65535, or 0 for the sender's own")
    return port or None


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


def _play(a: Arguments) -> Command:
    rolling = a.number("1 or 0") != 0 if a else True
    return ask.ClockRolling(ClockSource.OSC, rolling, a.now)


def _stop_clock(a: Arguments) -> Command:
    return ask.ClockRolling(ClockSource.OSC, False, a.now)


def _raw_tempo(a: Arguments) -> Command:
    return ask.ClockTempo(ClockSource.OSC, PARAMETERS["tempo"].checked(a.number("the tempo")))


def _trigger(make: Callable[[Origin], Command]) -> Build:
    return lambda a: make(a.end(button=True))


ADDRESSES: dict[str, Address] = {
    entry.path: entry
    for entry in (
        Address(f"{ROOT}/ping", "[any]", "→ /musicgen/pong [the same]",
                lambda a: ask.Ping(a.rest(), a.end())),
        Address(f"{ROOT}/status", "", "→ /musicgen/status: name and value in turn, one message",
                lambda a: ask.AskStatus(a.end())),
        Address(f"{ROOT}/prompt", "[s]", "the prompt, live; without arguments → the prompt",
                _prompt),
        *(_slot_address(slot) for slot in range(1, ask.PROMPT_SLOTS + 1)),
        Address(f"{ROOT}/prompt/negative", "[s]",
                "what to keep away from, live; empty is nothing; without arguments → the text",
                _negative),
        Address(f"{ROOT}/generate", "[s prompt]", "a new take", _generate, button=True),
        Address(f"{ROOT}/retry", "", "the current take once more, with another seed",
                _trigger(ask.Retry), button=True),
        Address(f"{ROOT}/continue", "[s path] [s prompt]",
                "continue that file; without a path, the last bars of the input",
                _continue, button=True),
        Address(f"{ROOT}/continue/take", "[i take] [f seconds]",
                "continue a take (none or 0: the current one) from its end, or branch from it at"
                " that second", _continue_take),
        Address(f"{ROOT}/alternatives", "[i n]",
                "make 2 (or n, to 4) takes that go another way from the next bar line on, in"
                " silence; → /musicgen/alternatives/ready when they can be swapped to",
                _alternatives, button=True),
        Address(f"{ROOT}/swap", "[i n]",
                "at the next bar, alternative n (none: the next one round) in place of what"
                " sounds; after the last one comes what sounded at first", _swap, button=True),
        Address(f"{ROOT}/undo", "", "the take that the current one came from is current again",
                _trigger(ask.Undo), button=True),
        Address(f"{ROOT}/redo", "", "back to what was undone", _trigger(ask.Redo), button=True),
        Address(f"{ROOT}/current", "[i take]",
                "make a take the current one; without arguments → which it is", _current),
        Address(f"{ROOT}/takes", "[i count] [i below]",
                "→ /musicgen/take for each of the newest 50 (or count, to 200) takes, those below"
                " that number alone; then → /musicgen/takes", _takes),
        Address(f"{ROOT}/keep", "[i take]", "mark a take (the current one) as one to keep", _keep),
        Address(f"{ROOT}/unkeep", "i take", "no longer", _unkeep),
        Address(f"{ROOT}/takes/play", "i take, [f seconds]",
                "play a take from its file, from that second on; it is then the current one",
                _play_take),
        Address(f"{ROOT}/takes/name", "i take, s name", "give a take a name; its files keep theirs",
                _name_take),
        Address(f"{ROOT}/takes/delete", "i take",
                "move a take's files aside; → /musicgen/takes/deleted", _delete_take),
        Address(f"{ROOT}/takes/restore", "[i take]",
                "bring a deleted take back (the one that was deleted last)", _restore_take),
        Address(f"{ROOT}/stop", "", "stop on the next bar; at once while no clock rolls",
                _trigger(ask.Stop), button=True),
        Address(f"{ROOT}/panic", "", "silence at once", _trigger(ask.Panic), button=True),
        Address(f"{ROOT}/record", "i 1 or 0",
                "record the input; what was played is what the next continue continues", _record),
        Address(f"{ROOT}/preset", "s or i", "recall a preset by name or number from 0", _preset),
        *(_for_parameter(p) for p in PARAMETERS.values()),
        Address(f"{ROOT}/tap", "", "tap the tempo", _trigger(ask.TapTempo), button=True),
        Address(f"{ROOT}/learn", "[s parameter]", "the next MIDI controller that moves sets it;"
                " without arguments → every parameter and its controller (-1: none)", _learn),
        Address(f"{ROOT}/unlearn", "s parameter", "no MIDI controller sets it any more",
                lambda a: ask.MapController(parameter(a.text("the parameter's name")).name, None,
                                            a.end())),
        Address(f"{ROOT}/loopback", "",
                "measure the way from the output back to the input: latency, drift, dropouts",
                _trigger(ask.MeasureLoopback), button=True),
        Address(f"{ROOT}/model", "s", "load a model: starter, a folder or a hub id",
                lambda a: ask.UseModel(a.text("the model's name"), a.end())),
        Address(f"{ROOT}/melody", "[s path]",
                "the sound file whose melody a melody model follows, live; `input` is the last bars"
                " of the input, an empty path is none; without arguments → the path", _melody),
        Address(f"{ROOT}/adapter", "s name or path, [f weight]",
                "load a LoRA adapter or change its weight, live (0 to 2; 0 unloads it); a name is"
                " a file of the user's adapters folder", _adapter),
        Address(f"{ROOT}/adapters", "", "→ /musicgen/adapters: name and weight in turn",
                lambda a: ask.AskAdapters(a.end())),
        Address(f"{ROOT}/output", "s", "play through that device; an empty name is the default",
                lambda a: ask.UseOutput(a.text("the device's name") or None, a.end())),
        Address(f"{ROOT}/input", "s", "capture from that device; none closes it",
                lambda a: ask.UseInput(a.text("the device's name") or None, a.end())),
        Address(f"{ROOT}/subscribe", "[i port] [f seconds]",
                "events to this client, or to that port of its host, until it expires (600 s)",
                _subscribe),
        Address(f"{ROOT}/unsubscribe", "[i port]", "no more of them",
                lambda a: ask.Unsubscribe(_port(a) if a else None, a.end())),
        Address("/play", "[i]", "a DAW's transport started (0: stopped)", _play),
        Address("/stop", "", "a DAW's transport stopped: the sound ends", _stop_clock,
                button=True),
        Address("/tempo/raw", "f", "a DAW's tempo in bpm", _raw_tempo),
    )
}  # fmt: skip


def parse(address: str, values: Sequence[object], origin: Origin, now: float) -> Command | None:
    """What a message asks for. None: the release of a button, which asks for nothing."""
    origin = replace(origin, address=address)
    entry = ADDRESSES.get(address.rstrip("/"))
    if entry is None:
        near = difflib.get_close_matches(address[:200], ADDRESSES, n=1)
        hint = f"did you mean {near[0]}?" if near else "docs/osc.md lists them"
        return ask.Refused("unknown_address", f"no address {address[:200]}; {hint}", origin)
    arguments = Arguments(values, origin, now)
    if entry.button and arguments.released:
        return None
    try:
        return entry.build(arguments)
    except BadInput as refused:
        return ask.Refused(refused.code, str(refused), origin)
