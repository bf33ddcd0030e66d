"""What OSCQuery says, against the tables it is made from and the parser that is listening."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from daw_bridge import commands as ask
from daw_bridge.commands import Origin, Refused
from daw_bridge.discovery.answers import Host, answer
from daw_bridge.discovery.namespace import find, namespace, type_tags
from daw_bridge.osc_address import ADDRESSES, parse
from daw_bridge.parameters import PARAMETERS
from daw_bridge.presets import load_presets
from daw_bridge.session_state import SessionState

HOST = Host("daw-bridge 9770 on desk", "127.0.0.1", 9770)
STATE = replace(SessionState(), presets=load_presets()[0], prompt="slow dub", output="speakers")
SAMPLES: dict[str, object] = {"i": 1, "f": 1.5, "s": "tempo"}


def get(target: str, state: SessionState = STATE) -> tuple[int, Any]:
    return answer(target, state, HOST)


def node_of(path: str) -> dict[str, Any]:
    node = find(namespace(STATE), path)
    assert node is not None
    return node


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_has_its_range_and_value(name: str) -> None:
    parameter, node = PARAMETERS[name], node_of(f"/musicgen/{name}")
    assert node["FULL_PATH"] == f"/musicgen/{name}"
    assert node["TYPE"] == ("i" if parameter.integer else "f")
    assert node["ACCESS"] == 3
    assert node["RANGE"] == [{"MIN": parameter.low, "MAX": parameter.high}]
    assert node["CLIPMODE"] == ["none"]
    assert node["VALUE"] == [parameter.default]
    assert isinstance(node["VALUE"][0], int if parameter.integer else float)
    assert parameter.help in node["DESCRIPTION"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_ends_of_a_range_are_taken_and_what_is_outside_is_not(name: str) -> None:
    (bounds,) = node_of(f"/musicgen/{name}")["RANGE"]
    for value in bounds.values():
        taken = parse(f"/musicgen/{name}", [value], Origin("osc"), 0.0)
        assert isinstance(taken, ask.SetParameter)
        assert taken.value == value
    outside = parse(f"/musicgen/{name}", [bounds["MAX"] + 1], Origin("osc"), 0.0)
    assert isinstance(outside, Refused)


@pytest.mark.parametrize("path", ADDRESSES)
def test_the_parser_takes_every_type_that_is_offered(path: str) -> None:
    node = node_of(path)
    if node["ACCESS"] == 1:
        assert isinstance(parse(path, [], Origin("osc"), 0.0), ask.AskStatus | ask.AskAdapters)
        return
    for tags in (node["TYPE"], *(other["TYPE"] for other in node.get("OVERLOADS", []))):
        values = [] if tags == "N" else [SAMPLES[tag] for tag in tags]
        if ranged := node.get("RANGE"):
            values[:1] = [(ranged[0].get("VALS") or [ranged[0].get("MAX")])[-1]]
            values = (
                values if tags == node["TYPE"] else [SAMPLES[tag] for tag in tags if tag != "N"]
            )
        taken = parse(path, values, Origin("osc"), 0.0)
        assert taken is not None, tags
        assert not isinstance(taken, Refused), (tags, taken)
        assert getattr(taken, "origin", Origin()).request is None, "no argument is left over"


@pytest.mark.parametrize("path", [a.path for a in ADDRESSES.values() if a.button])
def test_a_client_that_presses_a_button_with_nil_is_understood(path: str) -> None:
    assert not isinstance(parse(path, [None], Origin("osc"), 0.0), Refused | None)


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        ("", ["N"]),
        ("[any]", ["N"]),
        ("s", ["s"]),
        ("s or i", ["s", "i"]),
        ("i 1 or 0", ["i"]),
        ("[s prompt]", ["s", "N"]),
        ("[s path] [s prompt]", ["s", "N", "ss"]),
        ("i take [f seconds]", ["i", "if"]),
        ("s name or path, [f weight]", ["s", "sf"]),
    ],
)
def test_types_are_read_from_the_rows_of_the_table(arguments: str, tags: list[str]) -> None:
    assert list(type_tags(arguments)) == tags


def test_the_tree_holds_every_address_once() -> None:
    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        if "TYPE" in node:
            found.append(node["FULL_PATH"])
        for child in node.get("CONTENTS", {}).values():
            walk(child)

    status, root = get("/")
    assert status == 200
    walk(root)
    assert sorted(found) == sorted(ADDRESSES)
    assert root["CONTENTS"]["musicgen"]["ACCESS"] == 0
    assert "TYPE" not in root["CONTENTS"]["musicgen"]


def test_values_are_those_of_the_moment() -> None:
    values = MappingProxyType({**STATE.values, "gain": 0.25, "bars": 16.0})
    later = replace(STATE, values=values, prompt="fast house")
    assert get("/musicgen/gain?VALUE", later) == (200, {"VALUE": [0.25]})
    assert get("/musicgen/bars?VALUE", later) == (200, {"VALUE": [16]})
    assert get("/musicgen/prompt?VALUE", later) == (200, {"VALUE": ["fast house"]})
    faster = replace(STATE, transport=STATE.transport.set_by_hand(97.5, 0.0))
    assert get("/musicgen/tempo?VALUE", faster) == (200, {"VALUE": [97.5]})


def test_status_is_what_osc_would_answer() -> None:
    node = node_of("/musicgen/status")
    assert node["ACCESS"] == 1
    assert len(node["TYPE"]) == len(node["VALUE"])
    pairs = dict(zip(node["VALUE"][::2], node["VALUE"][1::2], strict=True))
    assert pairs["prompt"] == "slow dub"
    assert pairs["output"] == "speakers"


def test_presets_and_parameters_are_offered_by_name() -> None:
    names = [preset.name for preset in STATE.presets]
    assert node_of("/musicgen/preset")["RANGE"] == [{"VALS": names}]
    assert node_of("/musicgen/learn")["RANGE"] == [{"VALS": list(PARAMETERS)}]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/musicgen", 200),
        ("/musicgen/", 200),
        ("/musicgen/%74empo", 200),
        ("/musicgen/tempo#VALUE", 200),
        ("/musicgen/tempo?RANGE", 200),
        ("/musicgen/tempo?UNIT", 200),
        ("/musicgen/tempo?VALUE&RANGE", 200),
        ("/musicgen?CONTENTS", 200),
        ("/musicgen/stop?VALUE", 204),
        ("/musicgen/prompt?RANGE", 204),
        ("/musicgen?VALUE", 204),
        ("/musicgen/tempo?CONTENTS", 204),
        ("/musicgen/tempo?GABBA", 400),
        ("/musicgen/tempo?LISTEN=true", 400),
        ("/musicgen/nothing", 404),
        ("/musicgen/tempo/more", 404),
        ("/../../etc/passwd", 404),
        ("/musicgen/tempo\0", 404),
        ("/" + "x" * 5000, 400),
    ],
)
def test_statuses(target: str, status: int) -> None:
    code, content = get(target)
    assert code == status
    if status >= 400:
        assert isinstance(content, str)
        assert content.count("\n") == 0
        assert len(content) < 200


def test_one_attribute_is_all_that_comes() -> None:
    assert get("/musicgen/tempo?TYPE") == (200, {"TYPE": "f"})
    assert get("/musicgen/tempo?UNIT") == (200, {"UNIT": ["time.bpm"]})
    assert get("/musicgen/tempo?ACCESS") == (200, {"ACCESS": 3})


def test_host_info_promises_what_there_is_and_no_websocket() -> None:
    status, info = get("/?HOST_INFO")
    assert status == 200
    assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == ("127.0.0.1", 9770, "UDP")
    assert not {"WS_IP", "WS_PORT"} & set(info)
    offered = {name for name, there in info["EXTENSIONS"].items() if there}
    assert info["EXTENSIONS"]["LISTEN"] is False
    shown: set[str] = set()
    for path in ADDRESSES:
        shown |= set(node_of(path))
    assert offered == shown - {"FULL_PATH", "CONTENTS", "TYPE"}
