"""A take's recipe: all that it was made of and with, for a person to read and to copy."""

from __future__ import annotations

from html import escape

from PyQt6.QtCore import QCoreApplication

from core.types import FRAME_RATE
from daw_bridge.take_length import second_of
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_timeline import TakeChange
from gui.wording import duration_text, take_facts


def _tr(text: str) -> str:
    return QCoreApplication.translate("recipe", text)


def recipe(record: TakeRecord, parent: TakeRecord | None) -> list[tuple[str, str]]:
    """Names and values, in the order in which a musician asks for them."""
    rows = [(_tr("Length"), take_facts(record))]
    for number, (when, text) in enumerate(_prompts(record)):
        rows.append((_tr("Prompt") if number == 0 else _tr("from {when}").format(when=when), text))
    rows.append((_tr("Seed"), str(record.seed)))
    rows += [(_tr("Settings"), line) for line in _settings(record)]
    rows.append((_tr("Bars"), _tr("{beats} beats each").format(beats=record.beats)))
    model = " · ".join(part for part in (record.model, record.digest[:12]) if part)
    rows.append((_tr("Model"), model or _tr("unknown")))
    rows.append((_tr("Licence of the weights"), record.licence or _tr("not known")))
    for use in record.adapters:
        told = f"{use.name} {use.weight:g}" + (f" · {use.licence}" if use.licence else "")
        rows.append((_tr("Adapter"), told))
    if record.parent:
        at = f"{second_of(parent, record):.2f}"
        rows.append(
            (_tr("Comes from"), _tr("take {n}, {at} s into it").format(n=record.parent, at=at))
        )
    if record.source:
        rows.append((_tr("Continues"), record.source))
    if record.loop:
        rows.append(
            (_tr("Drift"), _tr("{ms} ms at its end, as made").format(ms=f"{record.drift:.1f}"))
        )
    rows.append((_tr("Made"), record.created.replace("T", " ")))
    rows.append((_tr("File"), record.path or _tr("still being made")))
    return rows


def as_text(rows: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in rows)


def as_html(rows: list[tuple[str, str]], muted: str) -> str:
    cells = "".join(
        f'<tr><td style="color:{muted}; padding-right:12px; white-space:nowrap">{escape(name)}</td>'
        f"<td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _prompts(record: TakeRecord) -> list[tuple[str, str]]:
    """When each took over, and what it said: shares of a blend and what was kept away from."""
    if not record.changes:
        return [(_when(frame), text) for frame, text in record.prompts] or [("", "")]
    told: list[tuple[str, str]] = []
    for change in record.changes:
        text = _text(change)
        if not told or told[-1][1] != text:
            told.append((_when(change.frame), text))
    return told


def _text(change: TakeChange) -> str:
    blend = change.texts
    said = blend[0][0] if len(blend) == 1 else " + ".join(f"{t} {s:.0%}" for t, s in blend)
    if change.negative:
        said += _tr(" — away from: {text}").format(text=change.negative)
    said = said or _tr("none")
    if change.melody:
        said += _tr(" — following a melody")
    if change.style:
        said += _tr(" — in a clip's style")
    return said


def _settings(record: TakeRecord) -> list[str]:
    """Sampling, and how it changed."""
    first = TakeChange(
        0, temperature=record.temperature, top_k=record.top_k, guidance=record.guidance
    )
    lines: list[str] = []
    for change in record.changes or (first,):
        said = _tr("temperature {t} · top-k {k} · guidance {g}").format(
            t=f"{change.temperature:g}", k=change.top_k or _tr("all"), g=f"{change.guidance:g}"
        )
        if not lines:
            lines.append(said)
        elif said not in lines[-1]:
            lines.append(_tr("from {when}: {said}").format(when=_when(change.frame), said=said))
    return lines


def _when(frame: int) -> str:
    return duration_text(max(0, frame) / FRAME_RATE)
