"""`daw-bridge models`: which there are, which are here, and what they take."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core.errors import BadInput
from core.types import FRAME_RATE
from daw_bridge.cli.console import console, say
from daw_bridge.cli.models_table import JsonProgress, models_table, tell

if TYPE_CHECKING:
    from core.model.catalogue import Installed
    from core.model.checkpoint import CheckpointInfo

app = typer.Typer(help="List, download, describe and delete models.", no_args_is_help=True)
GB = 1e9
Id = Annotated[str, typer.Argument(metavar="ID", help="A hub id: facebook/musicgen-small.")]

Json = Annotated[bool, typer.Option("--json", help="For a program to read, a line each.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """What is on this machine, and what can be downloaded. Needs no network."""
    if as_json:
        tell(models_table(_folders_used()))
        return
    from core.model.catalogue import PUBLIC, installed
    from core.model.checkpoint import PUBLIC_LICENCE

    here = installed(_folders_used())
    table = _table("on this machine", "disk", "licence", "")
    for one in here:
        table.add_row(*(escape(t) for t in (one.name, _gb(one.bytes), one.licence, one.problem)))
    console.print(table)
    names = {one.name for one in here}
    table = _table("to download", "weights", "download", "plays")
    for model in PUBLIC:
        if model.id not in names:
            plays = ", ".join(part for part in ("text", model.plays) if part)
            table.add_row(model.id, model.size, f"{model.gigabytes} GB", plays)
    console.print("")
    console.print(table)
    say(f" weights of these under {PUBLIC_LICENCE}; `daw-bridge models get ID` downloads one")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None)
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other)
    return table


@app.command()
def get(model: Id, as_json: Json = False) -> None:
    """Download a model; of one that was broken off only what is missing."""
    from core.model.catalogue import PUBLIC, begun
    from core.model.checkpoint import read_info
    from core.model.location import HUB_ID, cached, missing_bytes
    from daw_bridge.cli.take_progress import TakeProgress

    if Path(model).is_dir():
        raise BadInput(f"{model} is a folder: use it as it is, with --model {model}")
    if not HUB_ID.fullmatch(model):
        raise BadInput(f"{model!r} is no hub id; give one such as facebook/musicgen-small")
    if cached(model) is None:
        licences = [one.licence for one in PUBLIC if one.id == model]
        missing = missing_bytes(model)
        _check_disk(missing)
        under = f", weights under {licences[0]}" if licences else ""
        had = begun(model)
        rest = f" ({_gb(had)} are here already)" if had else ""
        say(f"{model}: {_gb(missing)} to download{rest}{under}; Ctrl-C keeps what has come")
    with _leaving_at_once(model), JsonProgress() if as_json else TakeProgress(console) as progress:
        info = read_info(model, progress.loading)  # with T5 and codec, where it has none
    say(f"{model} is here (licence {info.licence}): --model {model}")


@app.command()
def remove(
    model: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a downloaded model from this machine."""
    from core.model import catalogue

    size, folder = catalogue.on_disk(model)
    if not yes and not typer.confirm(f"delete {model}, {_gb(size)} in {folder}?"):
        raise typer.Exit(1)
    say(f"deleted {model}; {_gb(catalogue.remove(model))} came free")


@app.command()
def info(
    model: Annotated[str, typer.Argument(metavar="ID|DIR", help="A hub id or a folder.")],
) -> None:
    """What a model is, its licence, and whether it fits into memory. Needs no network."""
    from core.model.catalogue import PUBLIC, described
    from core.model.checkpoint import read_info
    from core.model.location import without_downloads

    public = next((one for one in PUBLIC if one.id == model), None)
    with without_downloads():
        found = described(model)
        if found is None and public is not None:
            extra = f", {public.plays}" if public.plays else ""
            say(f"{model}: {public.size}{extra}, licence {public.licence}")
            say(f"not downloaded, about {public.gigabytes} GB: daw-bridge models get {model}")
            return
        _tell(read_info(model), found)


def _tell(read: CheckpointInfo, found: Installed | None) -> None:
    from core.model.memory import WEIGHT_BYTES, memory_of

    config = read.config
    disk = "" if found is None else f", {_gb(found.bytes)} on the disk"
    say(f"{read.name}: {read.folder}{disk}")
    say(f"licence {read.licence}")
    layout = "Hugging Face" if read.audiocraft is None else "AudioCraft"
    heard = {"melody": config.hears_melody, "style": config.hears_style}
    kind = " and ".join(["text", *(what for what, hears in heard.items() if hears)])
    channels = "stereo" if config.audio_channels == 2 else "mono"
    say(
        f"plays {kind}, {channels}; {layout} layout; {config.layers} layers of {config.hidden},"
        f" window {read.window_frames / FRAME_RATE:g} s"
    )
    needs = [f"{_gb(read.memory(name).all)} in {name}" for name in WEIGHT_BYTES]
    memory = memory_of()
    there = "" if memory.free is None else f"; {_gb(memory.free)} is free"
    say(f"memory, with a take: {', '.join(needs)}{there}")


@contextmanager
def _leaving_at_once(model: str) -> Iterator[None]:
    """Ctrl-C ends the process there and then: huggingface_hub would first wait for the files
    that are on their way. Whole files stay, and pieces of large ones, which are taken up again.
    """
    from core.model.catalogue import drop_pieces

    def leave(number: int, frame: object) -> None:
        console.show_cursor(True)
        say(f"stopped; `daw-bridge models get {model}` goes on from here")
        drop_pieces(model)
        sys.stdout.flush()
        os._exit(130)

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _check_disk(missing: int) -> None:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if missing > free:
        raise BadInput(
            f"it takes {_gb(missing)} and {_gb(free)} is free on the disk of {cache}; make room, or"
            " set HF_HOME to a folder on another disk"
        )


def _folders_used() -> list[str]:
    """The folder that the program was last used with, if it was one."""
    from daw_bridge.settings import SettingsFile

    model = SettingsFile().settings.model
    return [model] if model and Path(model).is_dir() else []


def _gb(size: int) -> str:
    return f"{size / GB:.1f} GB" if size >= 0.95 * GB else f"{size / 1e6:.0f} MB"
