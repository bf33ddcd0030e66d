"""The OSC addresses that make music: prompts, takes to be made, stop. A table of entries."""

from __future__ import annotations

from core.errors import BadInput
from core.generation.params import Prompt, checked_text_weight
from daw_bridge import commands as ask
from daw_bridge.commands import Command
from daw_bridge.osc_arguments import ROOT, Address, Arguments, Build, trigger


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


def _preset(a: Arguments) -> Command:
    name = a.optional_text()
    wanted = a.whole("the preset's name or number") if name is None else name
    return ask.RecallPreset(wanted, a.end())


def _record(a: Arguments) -> Command:
    on = a.number("1 to start, 0 to stop,") != 0
    return ask.Record(on, a.end())


MUSIC = (
    Address(f"{ROOT}/prompt", "[s]", "the prompt, live; without arguments → the prompt",
            _prompt),
    *(_slot_address(slot) for slot in range(1, ask.PROMPT_SLOTS + 1)),
    Address(f"{ROOT}/prompt/negative", "[s]",
            "what to keep away from, live; empty is nothing; without arguments → the text",
            _negative),
    Address(f"{ROOT}/generate", "[s prompt]", "a new take", _generate, button=True),
    Address(f"{ROOT}/retry", "", "the current take once more, with another seed",
            trigger(ask.Retry), button=True),
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
            trigger(ask.Undo), button=True),
    Address(f"{ROOT}/redo", "", "back to what was undone", trigger(ask.Redo), button=True),
    Address(f"{ROOT}/stop", "", "stop on the next bar; at once while no clock rolls",
            trigger(ask.Stop), button=True),
    Address(f"{ROOT}/panic", "", "silence at once", trigger(ask.Panic), button=True),
    Address(f"{ROOT}/record", "i 1 or 0",
            "record the input; what was played is what the next continue continues", _record),
    Address(f"{ROOT}/preset", "s or i", "recall a preset by name or number from 0", _preset),
)  # fmt: skip
