"""What OSC messages mean: through the parser's one door."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import commands as ask
from daw_bridge.commands import ClockSource, Command, Origin, Refused
from daw_bridge.osc_address import ADDRESSES, parse
from daw_bridge.parameters import PARAMETERS

CLIENT = ("127.0.0.1", 5000)


def said(address: str, *values: object) -> Command | None:
    return parse(address, values, Origin("osc", CLIENT), 10.0)


def origin(address: str, request: int | None = None) -> Origin:
    return Origin("osc", CLIENT, address, request)


@pytest.mark.parametrize(
    ("address", "values", "command"),
    [
        ("/musicgen/generate", (), ask.Generate(None)),
        ("/musicgen/generate", ("funk",), ask.Generate("funk")),
        ("/musicgen/generate", (1.0,), ask.Generate(None, Origin(request=1))),
        ("/musicgen/generate", (True,), ask.Generate(None)),
        ("/musicgen/generate", (0.73,), ask.Generate(None)),
        ("/musicgen/generate", ("funk", 7), ask.Generate("funk", Origin(request=7))),
        ("/musicgen/generate", ("funk", 7.0), ask.Generate("funk", Origin(request=7))),
        ("/musicgen/generate", (0.0,), None),
        ("/musicgen/panic", (0,), None),
        ("/musicgen/retry", (False,), None),
        ("/musicgen/stop", (), ask.Stop()),
        ("/musicgen/continue", (), ask.ContinueInput()),
        ("/musicgen/continue", ("/a.wav", 3), ask.ContinueFile("/a.wav", None, Origin(request=3))),
        ("/musicgen/continue/take", (2,), ask.ContinueTake(2)),
        ("/musicgen/continue/take", (2, 1.5, 9), ask.ContinueTake(2, 1.5, None, Origin(request=9))),
        ("/musicgen/tempo", (100,), ask.SetParameter("tempo", 100.0)),
        ("/musicgen/tempo", ("97.5",), ask.SetParameter("tempo", 97.5)),
        ("/musicgen/tempo", (), ask.AskParameter("tempo")),
        ("/musicgen/bars/", (True,), ask.SetParameter("bars", 1.0)),
        ("/musicgen/seed", (-1.0,), ask.SetParameter("seed", -1.0)),
        ("/musicgen/prompt", ("funk",), ask.SetPrompt("funk")),
        ("/musicgen/prompt", (), ask.AskPrompt()),
        ("/musicgen/preset", (0,), ask.RecallPreset(0)),
        ("/musicgen/preset", ("house",), ask.RecallPreset("house")),
        ("/musicgen/record", (0.0,), ask.Record(False)),
        ("/musicgen/record", (1,), ask.Record(True)),
        ("/musicgen/model", ("starter",), ask.UseModel("starter")),
        ("/musicgen/output", ("",), ask.UseOutput(None)),
        ("/musicgen/subscribe", (), ask.Subscribe()),
        ("/musicgen/subscribe", (9000, 5.0), ask.Subscribe(9000, 5.0)),
        ("/musicgen/unsubscribe", (9000,), ask.Unsubscribe(9000)),
        ("/musicgen/ping", ("a", 1, None), ask.Ping(("a", 1, None))),
        ("/musicgen/keep", (3,), ask.KeepTake(3)),
        ("/play", (1.0,), ask.ClockRolling(ClockSource.OSC, True, 10.0)),
        ("/play", (0,), ask.ClockRolling(ClockSource.OSC, False, 10.0)),
        ("/stop", (1.0,), ask.ClockRolling(ClockSource.OSC, False, 10.0)),
        ("/stop", (0.0,), None),
        ("/tempo/raw", (133.3,), ask.ClockTempo(ClockSource.OSC, 133.3)),
    ],
)
def test_messages(address: str, values: tuple[object, ...], command: Command | None) -> None:
    found = said(address, *values)
    request = getattr(getattr(command, "origin", None), "request", None)
    if hasattr(command, "origin"):
        from dataclasses import replace

        command = replace(command, origin=origin(address, request))  # type: ignore[type-var]
    assert found == command


@pytest.mark.parametrize(
    ("address", "values", "hint"),
    [
        ("/musicgen/genrate", (), "/musicgen/generate"),
        ("/nowhere", (), "docs/osc.md"),
        ("/musicgen/tempo", ("fast",), "number"),
        ("/musicgen/tempo", (1000.0,), "20 to 400"),
        ("/musicgen/tempo", (math.nan,), "number"),
        ("/musicgen/tempo", (b"\0",), "number"),
        ("/musicgen/prompt", (3,), "string"),
        ("/musicgen/prompt", ("x" * 2001,), "2000"),
        ("/musicgen/continue/take", ("x",), "number"),
        ("/musicgen/continue/take", (1.5,), "whole"),
        ("/musicgen/generate", ("a", 1, 2, 3), "too many"),
        ("/musicgen/subscribe", (99999,), "65535"),
        ("/musicgen/learn", ("volume",), "gain"),
    ],
)
def test_mistakes_are_refused_with_a_way_out(
    address: str, values: tuple[object, ...], hint: str
) -> None:
    refused = said(address, *values)
    assert isinstance(refused, Refused)
    assert hint in refused.text
    assert refused.origin.client == CLIENT
    assert refused.origin.address == address


def test_every_parameter_has_an_address() -> None:
    assert {f"/musicgen/{name}" for name in PARAMETERS} <= set(ADDRESSES)


values = st.one_of(
    st.integers(), st.floats(), st.text(max_size=20), st.booleans(), st.none(), st.binary(),
    st.lists(st.integers(), max_size=2), st.tuples(st.integers(), st.integers()),
)  # fmt: skip


@given(st.one_of(st.sampled_from(sorted(ADDRESSES)), st.text()), st.lists(values, max_size=4))
def test_nothing_makes_it_raise(address: str, arguments: list[object]) -> None:
    command = said(address, *arguments)
    assert command is None or isinstance(command, Command)


# ------------------------------------------------------------------ slots of the prompt


@pytest.mark.parametrize(
    ("address", "values", "command"),
    [
        ("/musicgen/prompt/2", ("strings", 0.4), ask.SetPromptSlot(2, "strings", 0.4)),
        ("/musicgen/prompt/2", ("strings", 1), ask.SetPromptSlot(2, "strings", 1.0)),
        ("/musicgen/prompt/2", ("strings", "0.4"), ask.SetPromptSlot(2, "strings", 0.4)),
        ("/musicgen/prompt/8", ("",), ask.SetPromptSlot(8, "")),
        ("/musicgen/prompt/2", (0.0,), ask.SetPromptSlot(2, None, 0.0)),
        ("/musicgen/prompt/1", (0.5, 7), ask.SetPromptSlot(1, None, 0.5, Origin(request=7))),
        ("/musicgen/prompt/3", (), ask.AskPrompt(3)),
        ("/musicgen/prompt/negative", ("vocals",), ask.SetNegative("vocals")),
        ("/musicgen/prompt/negative", ("",), ask.SetNegative("")),
        ("/musicgen/prompt/negative", (), ask.AskPrompt(0)),
    ],
)
def test_slots_of_the_prompt(address: str, values: tuple[object, ...], command: Command) -> None:
    request = command.origin.request  # type: ignore[union-attr]
    expected = dataclasses.replace(command, origin=origin(address, request))  # type: ignore[type-var]
    assert said(address, *values) == expected


@given(
    slot=st.integers(1, 8),
    text=st.none() | st.text(max_size=20),
    weight=st.none() | st.floats(0, 10, width=32),
    request=st.none() | st.integers(0, 2**31 - 1),
)
def test_any_slot_is_understood(
    slot: int, text: str | None, weight: float | None, request: int | None
) -> None:
    """Whatever is given of text and weight; a request number needs a weight before it."""
    values = [value for value in (text, weight) if value is not None]
    if weight is not None and request is not None:
        values.append(request)
    command = said(f"/musicgen/prompt/{slot}", *values)
    if text is None and weight is None:
        assert isinstance(command, ask.AskPrompt)
    else:
        assert isinstance(command, ask.SetPromptSlot)
        assert (command.slot, command.text, command.weight) == (slot, text, weight)
        assert command.origin.request == (request if weight is not None else None)


@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4))
def test_what_is_no_slot_is_refused_in_one_line(values: list[object]) -> None:
    command = said("/musicgen/prompt/2", *values)
    match command:
        case ask.SetPromptSlot(_, _, weight):
            assert weight is None or 0 <= weight <= 10
        case Refused(_, text):
            assert text
            assert "\n" not in text
        case _:
            assert isinstance(command, ask.AskPrompt)
