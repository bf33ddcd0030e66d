"""What the Models page says of each model: where it is, what it takes, whether it fits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QCoreApplication

STARTER = "starter"
GB = 1e9
GROWS = 1.15  # a model in memory, as a multiple of its download: the cache and the codec


@dataclass(frozen=True, slots=True)
class ModelRow:
    """here: it can be played now. part: some of it came. removable: from the hub."""

    name: str
    here: bool
    part: bool
    removable: bool
    disk: str
    memory: str
    fits: bool | None  # None: nobody knows
    licence: str
    about: str


def rows_of(table: Mapping[str, Any]) -> list[ModelRow]:
    """Those on this machine first, then those that can be downloaded."""
    free, total = table["memory_free"], table["memory_total"]
    public = {one["id"]: one for one in table["public"]}
    rows = []
    for one in table["installed"]:
        needs = one["memory"]
        known = public.get(one["name"], {})
        about = one["problem"] or _about(one["name"], known)
        rows.append(
            ModelRow(
                one["name"], not one["problem"], bool(one["problem"]), one["removable"],
                size(one["bytes"]), _memory(needs, free), _fits(needs, total),
                one["licence"] or known.get("licence", ""), about,
            )
        )  # fmt: skip
    here = {one.name for one in rows}
    for name, one in public.items():
        if name not in here:
            needs = {"float32": round(one["gigabytes"] * GB * GROWS)}
            rows.append(
                ModelRow(
                    name, False, False, False,
                    _tr("{size} to download").format(size=size(one["gigabytes"] * GB)),
                    _about_memory(needs["float32"], total),
                    _fits(needs, total), one["licence"], _about(name, one),
                )
            )  # fmt: skip
    return rows


def disk_text(table: Mapping[str, Any]) -> str:
    """What the downloads take, and what is left."""
    taken = sum(one["bytes"] for one in table["installed"] if one["removable"])
    text = _tr("Downloads take {taken} in {folder}; {free} is free on that disk.").format(
        taken=size(taken), folder=table["cache"], free=size(table["disk_free"])
    )
    if table["memory_free"] is not None:
        memory = _tr("{free} of memory is free.").format(free=size(table["memory_free"]))
        text = f"{text} {memory}"
    return text


def size(count: float) -> str:
    return f"{count / GB:.1f} GB" if count >= 0.95 * GB else f"{count / 1e6:.0f} MB"


def _about(name: str, known: Mapping[str, Any]) -> str:
    """What it plays: "stereo, follows a melody"."""
    if name == STARTER:
        return _tr("built in")
    if not known:
        return ""
    sound = _tr("stereo") if "stereo" in known["plays"] else _tr("mono")
    if "melody" in known["plays"]:
        sound = _tr("{sound}, follows a melody").format(sound=sound)
    if "style" in known["plays"]:
        sound = _tr("{sound}, follows a style").format(sound=sound)
    return sound


def _memory(needs: Mapping[str, int], free: int | None) -> str:
    """In the widest precision that there is room for now, else in the narrowest."""
    if not needs:
        return ""
    room = [name for name, count in needs.items() if free is None or count <= free]
    name = room[0] if room else min(needs, key=lambda name: needs[name])
    text = f"{size(needs[name])} ({name})"
    return text if room else _tr("{needs}, more than is free").format(needs=text)


def _about_memory(needs: int, total: int | None) -> str:
    text = _tr("about {size}").format(size=size(needs))
    return text if total is None or needs <= total else _tr("{needs}, too much").format(needs=text)


def _fits(needs: Mapping[str, int], total: int | None) -> bool | None:
    if not needs or total is None:
        return None
    return min(needs.values()) <= total


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelRows", text)
