"""What the panel and the tray say about a status: pure text, translated."""

from __future__ import annotations

from pathlib import PurePath

from PyQt6.QtCore import QCoreApplication

from daw_bridge.events import Filling, LoopMade, Problem, Scheduled, Status
from daw_bridge.take_record import TakeRecord

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


def clock_name(status: Status) -> str:
    """The clock that leads."""
    return {
        "link": _tr("Link"),
        "midi": _tr("MIDI clock"),
        "jack": _tr("JACK transport"),
        "osc": _tr("OSC tempo"),
        "internal": _tr("Internal clock"),
    }.get(status.clock, status.clock)


def clock_text(status: Status) -> str:
    """Which clock leads and how fast, for example "MIDI clock 121.5 bpm, rolling"."""
    name = clock_name(status)
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
    fills = _tr("starts in {seconds} s").format(seconds=f"{status.starts_in:.0f}")
    parts = [
        headroom_text(status),
        "" if status.latency == "normal" else status.latency,
        fills if status.starts_in >= 1 else ahead if status.state in BUSY else "",
        underruns_text(status),
    ]
    return [part for part in parts if part]


def what_to_do(status: Status) -> str:
    """What would help, a line each; '' while there is no need."""
    lines = []
    if status.underruns:
        lines.append(
            _tr("Dropouts: choose a larger buffer in Set-up; the loopback doctor there finds one")
        )
    if status.state in BUSY and 0 < status.headroom < 1:
        lines.append(
            _tr("The model is slower than the music: choose a smaller one, or less guidance")
        )
    if status.latency != "normal":
        lines.append(
            _tr("{step}, so that the sound has no gaps; undone when there is time again").format(
                step=status.latency.capitalize()
            )
        )
    return "\n".join(lines)


def compute_text(status: Status) -> str:
    """Where the model runs and its licence: "runs on cpu, float32 · licence MIT"."""
    where = ", ".join(part for part in (status.device, status.dtype) if part)
    parts = (
        _tr("runs on {where}").format(where=where) if where else "",
        _tr("licence {name}").format(name=status.licence) if status.licence else "",
    )
    return " · ".join(part for part in parts if part)


def route_text(status: Status) -> str:
    """What plays where: "starter → speakers, hears microphone"."""
    text = _tr("{model} → {output}").format(
        model=model_text(status.model), output=status.output or _tr("no output")
    )
    if status.input:
        text = _tr("{text}, hears {input}").format(text=text, input=status.input)
    return text


def loop_text(event: LoopMade) -> str:
    """What was found of a take that is a loop now."""
    if event.mended < 0:
        return _tr("Take {take} loops; it has no clear beat").format(take=event.take)
    drift = f"{event.drift:+.0f}"
    if event.mended:
        return _tr("Take {take} loops; its beat had strayed {ms} ms and is mended").format(
            take=event.take, ms=drift
        )
    return _tr("Take {take} loops; its beat strayed {ms} ms").format(take=event.take, ms=drift)


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


def filling_text(event: Filling) -> str:
    return _tr("Take {take} starts when enough of it is made, in about {seconds} s").format(
        take=event.take, seconds=f"{event.seconds:.0f}"
    )


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


def take_title(record: TakeRecord) -> str:
    """What a take is called: its name, else its prompt, after its number."""
    said = record.name or record.prompt or _tr("no prompt")
    return f"{record.take} · {said}"


def take_facts(record: TakeRecord) -> str:
    """Length, tempo and whence, for example "8 bars · 85 bpm · 22.6 s · from 3 at 11.3 s"."""
    parts = []
    if record.bars:
        bars = _tr("1 bar") if record.bars == 1 else _tr("{count} bars").format(count=record.bars)
        parts.append(_tr("loop of {bars}").format(bars=bars) if record.loop else bars)
    parts.append(_tr("{tempo} bpm").format(tempo=f"{record.tempo:g}"))
    if record.seconds:
        parts.append(duration_text(record.seconds))
    if record.parent:
        parts.append(_tr("goes on from {take}").format(take=record.parent))
    elif record.source:
        source = _tr("the input") if record.source == "input" else PurePath(record.source).name
        parts.append(_tr("continues {source}").format(source=source))
    if record.path and not record.complete:
        parts.append(_tr("cut short"))
    return " · ".join(parts)


def duration_text(seconds: float) -> str:
    """22.6 s, 3:05 min."""
    if seconds < 60:
        return _tr("{seconds} s").format(seconds=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    return _tr("{minutes}:{rest} min").format(minutes=minutes, rest=f"{rest:02d}")
