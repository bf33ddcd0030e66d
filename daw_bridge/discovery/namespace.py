"""The OSC address space as OSCQuery describes it: a tree of JSON objects. Pure.

Names of attributes: the OSCQuery proposal, github.com/Vidvox/OSCQueryProposal.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from daw_bridge.events import StatusChanged
from daw_bridge.osc_address import ADDRESSES
from daw_bridge.osc_arguments import ROOT, Address
from daw_bridge.osc_feedback import message_of
from daw_bridge.parameters import PARAMETERS, Parameter
from daw_bridge.session_state import SessionState
from daw_bridge.session_status import status_of

Json = dict[str, object]
Scalar = int | float | str

NO_VALUE, READ, WRITE, READ_AND_WRITE = range(4)  # ACCESS
NOTHING = "N"  # TYPE of a message without arguments; clients draw a button
SWITCHES = (f"{ROOT}/record", "/play")  # 1 or 0
UNITS = {"bpm": "time.bpm"}  # where the proposal has a word of its own
RANGED = {f"{ROOT}/{name}": parameter for name, parameter in PARAMETERS.items()}
RANGED["/tempo/raw"] = PARAMETERS["tempo"]

_EITHER = re.compile(r"([ifs]) or ([ifs])")
_ARGUMENT = re.compile(r"(\[?)\b([ifs])\b")


def namespace(state: SessionState) -> Json:
    """The root node, with everything under it and its values of this moment."""
    root: Json = {"FULL_PATH": "/", "ACCESS": NO_VALUE, "DESCRIPTION": "daw-bridge"}
    values = _values(state)
    for address in ADDRESSES.values():
        node = _node_at(root, address.path)
        node.update(_method(address, values.get(address.path), _choices(address.path, state)))
    return root


def find(root: Json, path: str) -> Json | None:
    """The node at an OSC address, None if there is none."""
    node = root
    for name in path.strip("/").split("/") if path.strip("/") else ():
        inside = node.get("CONTENTS")
        child = inside.get(name) if isinstance(inside, dict) else None
        if child is None:
            return None
        node = child
    return node


@functools.cache  # a row for each address, and they do not change
def type_tags(arguments: str) -> tuple[str, ...]:
    """OSC type tags of the messages that an address takes, as its row in the table writes them.

    The first is what a client should send if it can send only one: what is required, or else
    the first thing that is optional.
    """
    if either := _EITHER.fullmatch(arguments):
        return either[1], either[2]
    found = _ARGUMENT.findall(arguments)
    required = "".join(tag for bracket, tag in found if not bracket)
    forms = [required]
    for bracket, tag in found:
        if bracket:
            forms.append(forms[-1] + tag)
    if not required and len(forms) > 1:
        forms[:2] = [forms[1], forms[0]]
    return tuple(form or NOTHING for form in forms)


def _node_at(root: Json, path: str) -> Json:
    """The node of that path; it and the containers above it are made where they are missing."""
    node, full = root, ""
    for name in path.strip("/").split("/"):
        full += f"/{name}"
        inside = node.setdefault("CONTENTS", {})
        assert isinstance(inside, dict)
        node = inside.setdefault(name, {"FULL_PATH": full, "ACCESS": NO_VALUE})
    return node


def _method(address: Address, value: Sequence[Scalar] | None, choices: Sequence[str]) -> Json:
    tags: Sequence[str] = type_tags(address.arguments)
    if value is not None:
        tags = [tag for tag in tags if tag != NOTHING]  # that is how its value is asked for
    node: Json = {"DESCRIPTION": address.effect}
    if not tags:
        assert value is not None
        node |= {"TYPE": "".join(map(_tag_of, value)), "ACCESS": READ}
    else:
        node |= {"TYPE": tags[0], "ACCESS": WRITE if value is None else READ_AND_WRITE}
    if value is not None:
        node["VALUE"] = list(value)
    if tags[1:]:
        node["OVERLOADS"] = [{"TYPE": tag} for tag in tags[1:]]
    if choices:
        node["RANGE"] = [{"VALS": list(choices)}]
    elif address.path in SWITCHES:
        node["RANGE"] = [{"VALS": [0, 1]}]
    elif parameter := RANGED.get(address.path):
        node |= _ranged(parameter)
    return node


def _ranged(parameter: Parameter) -> Json:
    kind = int if parameter.integer else float
    # Values outside are refused and answered with /musicgen/error: none of the proposal's
    # words says that, and the other three would promise a value that is not taken.
    ranged: Json = {
        "RANGE": [{"MIN": kind(parameter.low), "MAX": kind(parameter.high)}],
        "CLIPMODE": ["none"],
    }
    if parameter.unit:
        ranged["UNIT"] = [UNITS.get(parameter.unit, parameter.unit)]
    return ranged


def _tag_of(value: Scalar) -> str:
    return "s" if isinstance(value, str) else "f" if isinstance(value, float) else "i"


def _choices(path: str, state: SessionState) -> list[str]:
    match path.removeprefix(f"{ROOT}/"):
        case "preset":
            return [preset.name for preset in state.presets]
        case "learn":
            return list(PARAMETERS)
        case _:
            return []


def _values(state: SessionState) -> dict[str, list[Scalar]]:
    """What can be read, by address: the same that OSC answers."""
    status = message_of(StatusChanged(status_of(state)))
    assert status is not None
    told: list[Scalar] = [_plain(value) for value in status.args]
    values: dict[str, list[Scalar]] = {
        "status": told,
        "prompt": [state.prompt],
        "record": [int(state.recording_since is not None)],
        "model": [state.model.asked],
        "output": [state.output],
        "input": [state.input],
        "adapters": [v for one in state.adapters for v in (one.name, float(one.weight))],
    }
    for name, parameter in PARAMETERS.items():
        value = state.transport.tempo if name == "tempo" else state.values[name]
        values[name] = [int(value) if parameter.integer else float(value)]
    return {f"{ROOT}/{name}": value for name, value in values.items()}


def _plain(value: int | float | str | bytes) -> Scalar:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return int(value) if isinstance(value, bool) else value
