"""The command line, and the one place that names core, daw_bridge and gui together.

Nothing heavy is imported here: Qt is loaded by the tray application alone, torch by the
commands that run the model in this process. Child processes import this module too.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import BadInput, DawBridgeError
from daw_bridge.console import NewsReader, complain, exit_status, unexpected_line
from daw_bridge.options import (
    Adapters,
    BarCount,
    BeatsPerMinute,
    ComputeDevice,
    ComputeDtype,
    Device,
    Dtype,
    Greedy,
    Guidance,
    Input,
    MidiChannel,
    MidiIn,
    Model,
    OscHost,
    OscPort,
    Out,
    Output,
    Prompt_,
    Seconds,
    Seed,
    Takes,
    Temperature,
    Tokens,
    TopK,
    Verbose,
    adapter_choices,
)

if TYPE_CHECKING:
    from daw_bridge.offline import Request
    from daw_bridge.serving import ServeOptions

Panel = Callable[..., int]  # gui.app.run

app = typer.Typer(
    name="daw-bridge",
    help="MusicGen beside your DAW. Without a command: the tray application.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()
# typer brings a click of its own; of its errors it shows BadParameter, whose base they share.
UsageError: Any = typer.BadParameter.__mro__[1]


# ---------------------------------------------------------------- the running program


@app.callback(invoke_without_command=True)
def tray(
    context: typer.Context,
    osc_port: OscPort = 9770,
    osc_host: OscHost = "127.0.0.1",
    output: Output = None,
    input: Input = None,
    midi_in: MidiIn = None,
    midi_channel: MidiChannel = None,
    model: Model = None,
    device: ComputeDevice = Device.AUTO,
    dtype: ComputeDtype = Dtype.AUTO,
    takes: Takes = None,
    adapter: Adapters = None,
    verbose: Verbose = False,
) -> None:
    """Open the tray application; without a display, serve headless."""
    if context.invoked_subcommand is not None:
        return
    from daw_bridge.serving import ServeOptions, has_display

    options = ServeOptions(
        osc_host,
        osc_port,
        output,
        input,
        midi_in,
        midi_channel,
        model,
        device.value,
        dtype.value,
        takes,
        adapter_choices(adapter),
    )
    if has_display(dict(os.environ)):
        run_panel = _load_panel()
        why = "Qt cannot be loaded (pip install PyQt6; on Linux also its libraries)"
    else:
        run_panel, why = None, "no display"
    if run_panel is None:
        console.print(f"{why}; serving without a panel")
    _serve(options, verbose, run_panel)


@app.command()
def serve(
    osc_port: OscPort = 9770,
    osc_host: OscHost = "127.0.0.1",
    output: Output = None,
    input: Input = None,
    midi_in: MidiIn = None,
    midi_channel: MidiChannel = None,
    model: Model = None,
    device: ComputeDevice = Device.AUTO,
    dtype: ComputeDtype = Dtype.AUTO,
    takes: Takes = None,
    adapter: Adapters = None,
    verbose: Verbose = False,
) -> None:
    """Run without a panel: OSC and MIDI in, audio out, until Ctrl-C."""
    from daw_bridge.serving import ServeOptions

    options = ServeOptions(
        osc_host,
        osc_port,
        output,
        input,
        midi_in,
        midi_channel,
        model,
        device.value,
        dtype.value,
        takes,
        adapter_choices(adapter),
    )
    _serve(options, verbose)


def _serve(options: ServeOptions, verbose: bool, run_panel: Panel | None = None) -> None:
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
            raise typer.Exit(run_panel(serving.controller, prompts, serving.osc.port, devices))
        while not stopped.wait(0.5):
            pass
        news.say("stopping")


def _load_panel() -> Panel | None:
    """The panel's door, or None where Qt is missing or lacks its libraries."""
    try:
        from gui.app import run
    except ImportError as missing:
        logging.getLogger(__name__).debug("no panel: %s", missing)
        return None
    return run


# ---------------------------------------------------------------- one take, to a file


@app.command()
def generate(
    prompt: Prompt_,
    out: Out,
    seconds: Seconds = None,
    bars: BarCount = None,
    bpm: BeatsPerMinute = None,
    seed: Seed = None,
    greedy: Greedy = False,
    guidance: Guidance = 3.0,
    top_k: TopK = 250,
    temperature: Temperature = 1.0,
    model: Model = None,
    device: ComputeDevice = Device.AUTO,
    dtype: ComputeDtype = Dtype.AUTO,
    tokens: Tokens = None,
    adapter: Adapters = None,
) -> None:
    """Generate a take into a WAV file."""
    from daw_bridge.offline import Request

    _to_file(
        Request.of(prompt, out, seconds, bars, bpm, seed, greedy, guidance, top_k, temperature,
                   model, device, dtype, tokens, adapters=adapter_choices(adapter))
    )  # fmt: skip


@app.command("continue")
def continue_(
    clip: Annotated[Path, typer.Argument(help="The sound file to continue.")],
    out: Out,
    prompt: Prompt_ = "",
    seconds: Seconds = None,
    bars: BarCount = None,
    bpm: BeatsPerMinute = None,
    seed: Seed = None,
    greedy: Greedy = False,
    guidance: Guidance = 3.0,
    top_k: TopK = 250,
    temperature: Temperature = 1.0,
    model: Model = None,
    device: ComputeDevice = Device.AUTO,
    dtype: ComputeDtype = Dtype.AUTO,
    tokens: Tokens = None,
    keep_clip: Annotated[
        bool, typer.Option("--keep-clip", help="Put the clip before the continuation.")
    ] = False,
    adapter: Adapters = None,
) -> None:
    """Continue a sound file; OUT holds the continuation alone."""
    from daw_bridge.offline import Request

    _to_file(
        Request.of(prompt, out, seconds, bars, bpm, seed, greedy, guidance, top_k, temperature,
                   model, device, dtype, tokens, clip, keep_clip, adapter_choices(adapter))
    )  # fmt: skip


def _to_file(request: Request) -> None:
    """Run the model in this process. Ctrl-C keeps what was made and exits with 130."""
    from daw_bridge.offline import Progress, write_result

    request.check()
    if request.adapters:  # before the model is loaded
        from core.model.adapter_location import locate_adapter

        for adapter, _ in request.adapters:
            locate_adapter(adapter)
    clip = request.read_clip()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with Progress(console) as progress:
        progress.say("starting")
        from core.codec.resampler import to_model_rate
        from core.generation.generator import Generator
        from core.generation.seam import join_clip

        generator = Generator.load(request.model, request.device, request.dtype, progress.loading)
        for adapter, weight in request.adapters:
            generator.adapters.use(adapter, weight)
        stream = generator.open(
            request.prompt, request.sampling, request.frames,
            clip=clip.pcm if clip else None, clip_rate=clip.rate if clip else 32_000,
        )  # fmt: skip
        stopped, blocks, codes = False, [], []
        try:
            while not stream.ended:
                if (block := stream.step()) is not None:
                    blocks.append(block.pcm)
                progress.made(stream.frames, request.frames)
        except KeyboardInterrupt:
            stopped = True
            if not stream.ended and (block := stream.hand_over()) is not None:
                blocks.append(block.pcm)
        if (drawn := stream.untold_codes()) is not None:
            codes.append(drawn)
    join = None
    if clip is not None and request.keep_clip:
        channels = generator.codec.channels
        before = to_model_rate(clip.pcm, clip.rate, channels)
        join = lambda pcm: join_clip(before, stream.seam, pcm)  # noqa: E731
    loaded = generator.loaded
    write_result(request, blocks, codes, f"{loaded.name} {loaded.digest}", loaded.licence, join,
                 generator.adapters.loaded)  # fmt: skip
    console.print(request.report(loaded.name, loaded.licence, stopped), soft_wrap=True)
    if stopped:
        raise typer.Exit(130)


# ---------------------------------------------------------------- training


@app.command()
def tokenize(
    folder: Annotated[Path, typer.Argument(help="A folder of music, in any format but AAC.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the tokens.")],
    model: Annotated[
        str, typer.Option("--model", help="Whose codec: a model, or a codec run.")
    ] = "starter",
    loudness: Annotated[
        str, typer.Option("--loudness", help="LUFS that every file is brought to, or none.")
    ] = "-18",
    device: ComputeDevice = Device.AUTO,
) -> None:
    """Turn a folder of music into EnCodec tokens; goes on where it was stopped."""
    from core.training.cli import tokenize as run

    try:
        target = None if loudness == "none" else float(loudness)
    except ValueError:
        raise BadInput(f"--loudness {loudness}: use a number of LUFS, -18 say, or none") from None
    try:
        report = run(folder, out, model, target, device.value)
    except KeyboardInterrupt:
        console.print("stopped; what was done is kept, and the same command goes on")
        raise
    console.print(escape(f"{report.summary()}: {out}"), soft_wrap=True, highlight=False)


@app.command()
def train(
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file; kind = codec, transformer or lora.")
    ] = None,
    example: Annotated[
        str | None,
        typer.Option("--example", metavar="KIND", help="Print a commented file to start from."),
    ] = None,
) -> None:
    """Train a codec, a Transformer or a LoRA; goes on where the last run stopped."""
    if example is not None:
        from core.training.run.config_file import example_config

        typer.echo(example_config(example), nl=False)
        return
    if config is None:
        raise BadInput("name a TOML file; 'daw-bridge train --example transformer' prints one")
    from core.training.cli import train as run

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not run(config):
        raise typer.Exit(130)


@app.command()
def finetune(
    folder: Annotated[Path, typer.Argument(help="A folder of loops, ten or more.")],
    name: Annotated[
        str, typer.Option("-o", "--out", help="The adapter's name, or a .safetensors file.")
    ],
    model: Model = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="How long it learns.")] = 400,
    rank: Annotated[int, typer.Option("--rank", min=1, max=256, help="How much it holds.")] = 8,
    trigger: Annotated[
        str, typer.Option("--trigger", help="A word to ask for this music by.")
    ] = "",
    licence: Annotated[
        str, typer.Option("--licence", help="Of the adapter; the model's if nothing is said.")
    ] = "",
    device: ComputeDevice = Device.AUTO,
) -> None:
    """Make a LoRA adapter of your own loops; goes on where it was stopped."""
    from core.training.lora.finetune import Finetune
    from core.training.lora.finetune import finetune as run

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    asked = Finetune(folder, name, model or "starter", device.value, steps, rank, trigger, licence)

    def say(line: str) -> None:
        console.print(escape(line), soft_wrap=True, highlight=False)

    try:
        finished = run(asked, say)
    except KeyboardInterrupt:  # while it tokenized
        finished = False
    if not finished:
        say("stopped; what was done is kept, and the same command goes on")
        raise typer.Exit(130)
    say(f"wrote {asked.file}; try: daw-bridge generate PROMPT -o OUT.wav --adapter {asked.name}")


# ---------------------------------------------------------------- what there is


@app.command()
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


@app.command()
def doctor(takes: Takes = None, model: Model = None) -> None:
    """Check what works on this machine, and say what to do about what does not."""
    from daw_bridge.doctor import CHECKS, Finding, check_takes, examine

    def check_model() -> Finding:
        from core.model.checkpoint import read_info

        info = read_info(model or "starter")
        return Finding("model", True, f"{info.name} ({info.licence})")

    def check_compute() -> Finding:
        from core.generation.generator import resolve_device

        device, dtype = resolve_device("auto", "auto")
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


# ---------------------------------------------------------------- the door


def main() -> None:
    """Run the command line. Errors are one line on stderr; the status says what kind."""
    multiprocessing.freeze_support()
    # Idle OpenMP threads sleep instead of spinning: beside a busy DAW, spinning ones made a
    # take ten times slower. Read when torch is loaded; child processes inherit it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    status = 0
    try:
        command = typer.main.get_command(app)
        status = command.main(prog_name="daw-bridge", standalone_mode=False) or 0
    except typer.Exit as left:
        status = left.exit_code
    except UsageError as wrong:
        complain(f"{wrong.format_message()} (see daw-bridge --help)")
        status = 2
    except typer.Abort:
        status = 130
    except (DawBridgeError, KeyboardInterrupt) as error:
        if isinstance(error, DawBridgeError):
            complain(str(error))
        status = exit_status(error)
    except ImportError as missing:
        complain(f"{missing.name or missing} is missing; install daw-bridge again")
        status = 1
    except OSError as refused:
        complain(f"{refused.strerror or refused}: {refused.filename or ''}")
        status = 1
    except Exception as unexpected:  # noqa: BLE001 — one line, whatever it is
        complain(f"{unexpected_line(unexpected)}")
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
