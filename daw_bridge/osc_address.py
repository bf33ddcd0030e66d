"""OSC message → Command. Pure; every message gives a command, a `Refused`, or None for the
release of a button. The address table drives the parser, OSCQuery and docs/osc.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from core.errors import BadInput
from daw_bridge.commands import Command, Origin, Refused
from daw_bridge.osc_arguments import Address, Arguments
from daw_bridge.osc_clients import CLIENTS, TRANSPORT
from daw_bridge.osc_music import MUSIC
from daw_bridge.osc_setup import SETUP
from daw_bridge.osc_takes import TAKES

ADDRESSES: dict[str, Address] = {
    entry.path: entry for entry in (*MUSIC, *TAKES, *SETUP, *CLIENTS, *TRANSPORT)
}


def parse(address: str, values: Sequence[object], origin: Origin, now: float) -> Command | None:
    """What a message asks for. None: the release of a button, which asks for nothing."""
    origin = replace(origin, address=address)
    entry = ADDRESSES.get(address.rstrip("/"))
    if entry is None:
        near = difflib.get_close_matches(address[:200], ADDRESSES, n=1)
        hint = f"did you mean {near[0]}?" if near else "docs/osc.md lists them"
        return Refused("unknown_address", f"no address {address[:200]}; {hint}", origin)
    arguments = Arguments(values, origin, now)
    if entry.button and arguments.released:
        return None
    try:
        return entry.build(arguments)
    except BadInput as refused:
        return Refused(refused.code, str(refused), origin)
