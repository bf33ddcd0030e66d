"""`daw-bridge tokenize`, `train` and `finetune`: music in, a model out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput
from daw_bridge.cli.console import say
from daw_bridge.cli.options import ComputeDevice, Device, Model

STOPPED = "stopped; what was done is kept, and the same command goes on"


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
        say(STOPPED)
        raise
    say(f"{report.summary()}: {out}")


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

    if not run(config):
        raise typer.Exit(130)


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

    asked = Finetune(folder, name, model or "starter", device.value, steps, rank, trigger, licence)

    try:
        finished = run(asked, say)
    except KeyboardInterrupt:  # while it tokenized
        finished = False
    if not finished:
        say(STOPPED)
        raise typer.Exit(130)
    say(f"wrote {asked.file}; try: daw-bridge generate PROMPT -o OUT.wav --adapter {asked.name}")
