"""The options of the command line, each said once: its names, its range, its help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput
from core.generation.params import Prompt, checked_weight, is_adapter_name


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Dtype(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"
    INT4 = "int4"


def adapter_choices(texts: list[str] | None) -> tuple[tuple[str, float], ...]:
    """`--adapter NAME_OR_PATH[:WEIGHT]` → names or whole paths, and weights. Raises BadInput."""
    chosen = []
    for text in texts or ():
        adapter, colon, weight = text.rpartition(":")
        try:
            value = float(weight) if colon else 1.0
        except ValueError:  # a drive's letter, say
            adapter, value = text, 1.0
        adapter = adapter if colon and adapter else text
        if not is_adapter_name(adapter) or Path(adapter).is_file():
            adapter = str(Path(adapter).expanduser().absolute())
        chosen.append((adapter, checked_weight(value)))
    return tuple(chosen)


def blended_prompt(first: str | None, more: list[str] | None, negative: str) -> Prompt:
    """PROMPT and each `--prompt TEXT[:WEIGHT]` as one prompt. Raises BadInput without any."""
    if first is None and not more:
        raise BadInput('say what to play: a prompt in quotes ("" leaves it to the model)')
    weighted = [] if first is None else [(first, 1.0)]
    for text in more or ():
        words, colon, weight = text.rpartition(":")
        try:
            weighted.append((words, float(weight)) if colon else (text, 1.0))
        except ValueError:  # the text has a colon of its own
            weighted.append((text, 1.0))
    return Prompt.of(weighted, negative)


def _option(*names: str, text: str) -> object:
    return typer.Option(*names, help=text, show_default=False)


OscPort = Annotated[int, typer.Option("--osc-port", min=1, max=65_535, help="UDP port for OSC.")]
OscHost = Annotated[str, typer.Option("--osc-host", help="Address to listen on.")]
Output = Annotated[
    str | None, _option("--output", text="Audio device, wav:PATH for a file, or none.")
]
Input = Annotated[str | None, _option("--input", text="Device to continue from, or none.")]
MidiIn = Annotated[
    str | None, _option("--midi-in", text="MIDI ports to open: part of a name, or all.")
]
MidiChannel = Annotated[
    int | None, typer.Option("--midi-channel", min=1, max=16, help="Hear this channel alone.")
]
Link = Annotated[bool | None, _option("--link/--no-link", text="Follow Ableton Link; remembered.")]


class Latency(StrEnum):
    LOW = "low"
    AUTO = "auto"
    SAFE = "safe"


LatencyMode = Annotated[
    Latency | None,
    _option("--latency", text="auto adapts to the machine, low and safe pin it; remembered."),
]
Loopback = Annotated[
    bool, typer.Option("--loopback", help="Measure the way from the output to the input instead.")
]
Buffer = Annotated[
    str, typer.Option("--buffer", help="With --loopback: frames that the device takes at once.")
]
Model = Annotated[str | None, _option("--model", text="starter, a folder or a hub id.")]
ComputeDevice = Annotated[Device, typer.Option("--device", help="Where the model runs.")]
ComputeDtype = Annotated[Dtype, typer.Option("--dtype", help="Precision; auto: it is chosen.")]
Adapters = Annotated[
    list[str] | None,
    _option("--adapter", text="LoRA adapter, NAME or PATH, with :WEIGHT if not 1; repeatable."),
]
Takes = Annotated[Path | None, _option("--takes", text="Folder that keeps the takes.")]
NoDiscovery = Annotated[
    bool, typer.Option("--no-discovery", help="No OSCQuery over HTTP, and nothing announced.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log what happens inside.")]

# ---------------------------------------------------------------- one take to a file

Prompt_ = Annotated[
    str | None, typer.Argument(metavar="PROMPT", help="What to play.", show_default=False)
]
MorePrompts = Annotated[
    list[str] | None,
    _option("--prompt", text="Blend this in, TEXT or TEXT:WEIGHT (1 if not said); repeatable."),
]
Negative = Annotated[str, _option("--negative", text="What to keep away from, in words.")]
Style = Annotated[
    Path | None, _option("--style", text="Sound file whose style to follow (style models).")
]
StyleSeconds = Annotated[
    float, _option("--style-seconds", text="Of its middle, how much is heard (1.5 to 4.5).")
]
StyleDetail = Annotated[
    int, _option("--style-detail", text="How closely it is followed (1 loosely, to 6).")
]
TextPush = Annotated[
    float,
    _option("--text-push", text="How much more than the style the words count (1 as much)."),
]
Melody = Annotated[
    Path | None, _option("--melody", text="Sound file with a melody to follow (melody models).")
]
Out = Annotated[Path, typer.Option("-o", "--out", help="The WAV file to write.")]
Seconds = Annotated[float | None, _option("--seconds", text="Length; 10 if nothing is said.")]
BarCount = Annotated[int | None, typer.Option("--bars", min=1, help="Length in bars of four.")]
BeatsPerMinute = Annotated[
    float | None, typer.Option("--bpm", min=20, max=400, help="Tempo that bars are counted at.")
]
Seed = Annotated[int | None, _option("--seed", text="Same seed, same take.")]
Greedy = Annotated[bool, typer.Option("--greedy", help="Always the most likely token.")]
Guidance = Annotated[float, typer.Option("--guidance", help="How closely the prompt is followed.")]
TopK = Annotated[int, typer.Option("--top-k", help="Tokens considered; 0 all.")]
Temperature = Annotated[float, typer.Option("--temperature", help="Low is safe, high is wild.")]
Tokens = Annotated[Path | None, _option("--tokens", text="Also write the tokens, as NPY.")]
