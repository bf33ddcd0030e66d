"""What the panel and the tray say about a status: pure text, translated."""

from __future__ import annotations

from pathlib import PurePath

from PyQt6.QtCore import QCoreApplication

from daw_bridge.events import Problem, Scheduled, Status

BUSY = ("scheduled", "generating", "playing")  # states with a take in flight
FOLLOWED_CLOCKS = ("midi", "jack")  # clocks whose tempo is not ours to set; Link's is anybody's


def _tr(text: str) -> str:
    return QCoreApplication.translate("wording", text)


def state_text(status: Status) -> str:
    """The state in one or two words."""
    if status.state == "loading" and 0 < status.model_progress < 1:
        return _tr("Loading model {percent} %").format(percent=round(100 * status.model_progress))
    return {
        "starting": _tr("Starting"),
        "loading": _tr("Loading model"),
        "idle": _tr("Ready"),
        "scheduled": _tr("Waiting for the bar"),
        "generating": _tr("Generating"),
        "playing": _tr("Playing"),
        "error": _tr("Needs attention"),
    }.get(status.state, status.state)


def model_text(model: str) -> str:
    """A model as people call it: a folder by its last name, a hub id whole."""
    if not model:
        return _tr("no model")
    path = PurePath(model)
    return path.name if path.is_absolute() else model


def headroom_text(status: Status) -> str:
    """Generated seconds a second; nothing while that is unknown."""
    if status.headroom <= 0:
        return ""
    return _tr("{factor}× real time").format(factor=f"{status.headroom:.1f}")


def clock_text(status: Status) -> str:
    """Which clock leads and how fast, for example "MIDI clock 121.5 bpm, rolling"."""
    name = {
        "link": _tr("Link"),
        "midi": _tr("MIDI clock"),
        "jack": _tr("JACK transport"),
        "osc": _tr("OSC tempo"),
        "internal": _tr("Internal clock"),
    }.get(status.clock, status.clock)
    text = _tr("{clock} {tempo} bpm").format(clock=name, tempo=f"{status.tempo:.1f}")
    return _tr("{clock}, rolling").format(clock=text) if status.rolling else text


def underruns_text(status: Status) -> str:
    if status.underruns == 0:
        return _tr("no dropouts")
    if status.underruns == 1:
        return _tr("1 dropout")
    return _tr("{count} dropouts").format(count=status.underruns)


def details(status: Status) -> list[str]:
    """The parts of the status line."""
    ahead = _tr("{seconds} s ahead").format(seconds=f"{status.buffered:.1f}")
    parts = [headroom_text(status), ahead if status.state in BUSY else "", underruns_text(status)]
    return [part for part in parts if part]


def compute_text(status: Status) -> str:
    """Model, where it runs and its licence: "starter · cpu float32"."""
    where = " ".join(part for part in (status.device, status.dtype) if part)
    return " · ".join(part for part in (where, status.licence) if part)


def tooltip(status: Status) -> str:
    """The tray's: state, model, clock and headroom, a line each."""
    model = model_text(status.model)
    where = _tr("{model} on {device}").format(model=model, device=status.device)
    lines = [
        f"daw-bridge: {state_text(status)}",
        where if status.device else model,
        clock_text(status),
        headroom_text(status),
    ]
    lines.append(status.problem)
    return "\n".join(line for line in lines if line)


def scheduled_text(event: Scheduled) -> str:
    text = _tr("Take {take} starts on bar {bar}, in {seconds} s").format(
        take=event.take, bar=event.bar, seconds=f"{event.seconds:.1f}"
    )
    if event.slipped == 0:
        return text
    late = _tr("one bar late") if event.slipped == 1 else _tr("{bars} bars late")
    return f"{text} ({late.format(bars=event.slipped)})"


def progress_text(take: int, fraction: float) -> str:
    """Endless takes report the seconds so far, negated."""
    if fraction < 0:
        return _tr("Take {take}: {seconds} s so far").format(take=take, seconds=f"{-fraction:.0f}")
    return _tr("Take {take}: {percent} %").format(take=take, percent=round(100 * fraction))


def problem_text(event: Problem) -> str:
    """The line, and who asked where it was not this panel."""
    if event.origin.source == "osc" and event.origin.address:
        return f"OSC {event.origin.address}: {event.text}"
    if event.origin.source == "midi":
        return f"MIDI: {event.text}"
    return event.text
