"""`daw-bridge devices` and `daw-bridge doctor`: what this machine has, and what works on it."""

from __future__ import annotations

import typer
from rich.table import Table

from daw_bridge.cli.console import console, say
from daw_bridge.cli.options import Buffer, Input, Loopback, Model, Output, Takes


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


def doctor(
    takes: Takes = None,
    model: Model = None,
    loopback: Loopback = False,
    output: Output = None,
    input: Input = None,
    buffer: Buffer = "auto",
) -> None:
    """Check what works on this machine, and say what to do about what does not."""
    if loopback:
        _measure_loopback(output, input, buffer)
        return
    from daw_bridge.doctor import CHECKS, Finding, check_takes, examine

    def check_model() -> Finding:
        from core.model.checkpoint import read_info

        info = read_info(model or "starter")
        return Finding("model", True, f"{info.name} ({info.licence})")

    def check_compute() -> Finding:
        from core.model.config import ModelConfig
        from core.model.cpu_precision import AUTO, chosen
        from core.model.device_choice import resolve_device

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


def _measure_loopback(output: str | None, input: str | None, buffer: str) -> None:
    from daw_bridge.loopback.direct import DirectDoctor
    from daw_bridge.loopback.report import advice
    from daw_bridge.parameters import parameter
    from daw_bridge.session_loopback import block_frames

    chosen = parameter("buffer").from_word(buffer)
    with DirectDoctor(output, input, block_frames(chosen)) as measuring:
        say(f"a quiet sweep goes out through {measuring.devices[0]}, heard at"
            f" {measuring.devices[1]}")  # fmt: skip
        report = measuring.measure(
            int(chosen), lambda: say("nothing came back yet; connect the two, it is played again")
        )
    if report.found:
        drift = "unknown" if report.drift is None else f"{report.drift + 0.0:.1f} ppm"
        say(f"{1000 * report.round_trip:.1f} ms out and back, drift {drift}")
        for dropout in report.dropouts:
            shift = f", {dropout.lost:.1f} ms lost" if dropout.lost else ""
            say(f"dropout at {dropout.at:.1f} s{shift}")
    say(advice(report))
    if not report.clean:
        raise typer.Exit(1)
