"""The OSC addresses of the library: takes that are there. A table of entries."""

from __future__ import annotations

from core.errors import BadInput
from daw_bridge import commands as ask
from daw_bridge.commands import Command
from daw_bridge.osc_arguments import ROOT, Address, Arguments

MOST_TOLD = 200


def _current(a: Arguments) -> Command:
    if not a:
        return ask.AskCurrent(a.end())
    return ask.ChooseTake(a.whole("the number of the take"), a.end())


def _takes(a: Arguments) -> Command:
    count = a.whole("how many takes") if a else 50
    below = a.whole("the number below which to look") if a else None
    if not 1 <= count <= MOST_TOLD:
        raise BadInput(f"{count} takes are out of range; ask for 1 to {MOST_TOLD} at a time")
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


TAKES = (
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
)  # fmt: skip
