"""`daw-bridge` and `daw-bridge serve`: the running program, with its panel and without."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from daw_bridge.cli.console import NewsReader, console
from daw_bridge.cli.options import (
    Adapters,
    ComputeDevice,
    ComputeDtype,
    Device,
    Dtype,
    Input,
    LatencyMode,
    Link,
    MidiChannel,
    MidiIn,
    Model,
    NoDiscovery,
    OscHost,
    OscPort,
    Output,
    Takes,
    Verbose,
    adapter_choices,
)

if TYPE_CHECKING:
    from daw_bridge.serving import ServeOptions

Panel = Callable[..., int]  # gui.app.run


def run_program(
    context: typer.Context,
    osc_port: OscPort = 9770,
    osc_host: OscHost = "127.0.0.1",
    output: Output = None,
    input: Input = None,
    midi_in: MidiIn = None,
    midi_channel: MidiChannel = None,
    link: Link = None,
    latency: LatencyMode = None,
    model: Model = None,
    device: ComputeDevice = Device.AUTO,
    dtype: ComputeDtype = Dtype.AUTO,
    takes: Takes = None,
    adapter: Adapters = None,
    no_discovery: NoDiscovery = False,
    verbose: Verbose = False,
) -> None:
    """Both commands, which take the same options: as `serve` it opens no panel."""
    if context.invoked_subcommand is not None:
        return
    from daw_bridge.serving import ServeOptions

    options = ServeOptions(
        osc_host=osc_host,
        osc_port=osc_port,
        output=output,
        input=input,
        midi_in=midi_in,
        midi_channel=midi_channel,
        link=link,
        latency=None if latency is None else latency.value,
        model=model,
        device=device.value,
        dtype=dtype.value,
        takes=takes,
        adapters=adapter_choices(adapter),
        discovery=not no_discovery,
    )
    is_serve = context.parent is not None
    _serve(options, verbose, None if is_serve else _panel_or_say_why())


def _panel_or_say_why() -> Panel | None:
    """The panel's door; None, and a line that says so, where there can be no panel."""
    from daw_bridge.serving import has_display

    if not has_display(dict(os.environ)):
        console.print("no display; serving without a panel")
        return None
    run_panel = _load_panel()
    if run_panel is None:
        why = "Qt cannot be loaded (pip install PyQt6; on Linux also its libraries)"
        console.print(f"{why}; serving without a panel")
    return run_panel


def _load_panel() -> Panel | None:
    """The panel's door, or None where Qt is missing or lacks its libraries."""
    try:
        from gui.app import run
    except ImportError as missing:
        logging.getLogger(__name__).debug("no panel: %s", missing)
        return None
    return run


def _serve(options: ServeOptions, verbose: bool, run_panel: Panel | None) -> None:
    from core.generation.worker import run_engine
    from daw_bridge.audio.devices import full_name, list_devices
    from daw_bridge.audio_client import AudioClient
    from daw_bridge.engine_client import EngineClient
    from daw_bridge.serving import Serving, preset_prompts

    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING)
    if not verbose:  # python-osc logs broken datagrams there; their senders are answered instead
        logging.getLogger().addFilter(lambda record: False)
    stopped = threading.Event()
    news = NewsReader(console)
    serving = Serving(options, EngineClient(run_engine), AudioClient(), news.say)
    serving.controller.subscribe(news)

    def devices() -> list[tuple[str, str]]:
        found = list_devices()
        outputs = [("output", full_name(d)) for d in found if d.outputs]
        return outputs + [("input", full_name(d)) for d in found if d.inputs]

    def stop(number: int, frame: object) -> None:
        if stopped.is_set():  # asked twice: at once
            os._exit(130)
        stopped.set()

    if run_panel is None:  # the panel has handlers of its own
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
    with serving:
        if run_panel is not None:
            prompts = preset_prompts(serving.presets)
            osc, notes = serving.osc, serving.notes
            raise typer.Exit(
                run_panel(serving.controller, prompts, osc.port, devices, osc.log, notes)
            )
        while not stopped.wait(0.5):
            pass
        news.say("stopping")
