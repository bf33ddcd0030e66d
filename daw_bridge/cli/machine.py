"""`daw-bridge devices` and `daw-bridge doctor`: what this machine has, and what works on it."""

from __future__ import annotations

import typer
from rich.table import Table

from daw_bridge.cli.console import console
from daw_bridge.cli.options import Model, Takes


def devices() -> None:
    """List audio devices and MIDI ports."""
    from daw_bridge.audio.devices import full_name, list_devices
    from daw_bridge.midi_ports import midi_ports

    table = Table("", "audio device", "in", "out", "rate", box=None)
    for d in list_devices():
        mark = ("o" if d.default_output else "") + ("i" if d.default_input else "")
        table.add_row(mark, full_name(d), str(d.inputs), str(d.outputs), str(d.rate))
    if table.row_count:
        console.print(table)
    else:
        console.print("no audio device; start JACK or PulseAudio, or use --output wav:PATH")
    api, ports = midi_ports()
    console.print(f"MIDI ({api}): {', '.join(ports) or 'no ports'}", soft_wrap=True)


def doctor(takes: Takes = None, model: Model = None) -> None:
    """Check what works on this machine, and say what to do about what does not."""
    from daw_bridge.doctor import CHECKS, Finding, check_takes, examine

    def check_model() -> Finding:
        from core.model.checkpoint import read_info

        info = read_info(model or "starter")
        return Finding("model", True, f"{info.name} ({info.licence})")

    def check_compute() -> Finding:
        from core.generation.generator import resolve_device
        from core.model.config import ModelConfig
        from core.model.cpu_precision import AUTO, chosen

        device, dtype = resolve_device("auto", "auto")
        if dtype == AUTO:
            dtype = f"{chosen(ModelConfig()).precision} for models from musicgen-small's size on"
        return Finding("compute", True, f"{device}, {dtype}")

    checks = [(lambda: check_takes(takes)) if c is check_takes else c for c in CHECKS]
    found = examine((*checks, check_compute, check_model))
    table = Table("", "", "", box=None, show_header=False)
    for finding in found:
        mark = "[green]ok[/green]" if finding.fine else "[yellow]--[/yellow]"
        if not finding.fine and finding.need:
            mark = "[red]no[/red]"
        table.add_row(mark, finding.what, finding.detail)
    console.print(table)
    if any(f.need and not f.fine for f in found):
        raise typer.Exit(1)
