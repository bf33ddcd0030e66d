"""`daw-bridge generate` and `daw-bridge continue`: one take to a file, made in this process."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import BadInput
from daw_bridge.cli.console import console
from daw_bridge.cli.options import (
    Adapters,
    BarCount,
    BeatsPerMinute,
    ComputeDevice,
    ComputeDtype,
    Device,
    Dtype,
    Greedy,
    Guidance,
    Melody,
    Model,
    MorePrompts,
    Negative,
    Out,
    Prompt_,
    Seconds,
    Seed,
    Style,
    StyleDetail,
    StyleSeconds,
    Temperature,
    TextPush,
    Tokens,
    TopK,
    adapter_choices,
    blended_prompt,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.model.checkpoint import LoadedModel
    from daw_bridge.offline import Clip, Request


def generate(
    out: Out,
    prompt: Prompt_ = None,
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
    more: MorePrompts = None,
    negative: Negative = "",
    melody: Melody = None,
    style: Style = None,
    style_seconds: StyleSeconds = 3.0,
    style_detail: StyleDetail = 3,
    text_push: TextPush = 5.0,
) -> None:
    """Generate a take into a WAV file."""
    from daw_bridge.offline import Request, StyleWanted

    wanted = None if style is None else StyleWanted(style, style_seconds, style_detail)
    _to_file(
        Request.of(blended_prompt(prompt, more, negative), out, seconds, bars, bpm, seed, greedy,
                   guidance, top_k, temperature,
                   model, device, dtype, tokens, adapters=adapter_choices(adapter), melody=melody,
                   style=wanted, text_push=text_push)
    )  # fmt: skip


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
    more: MorePrompts = None,
    negative: Negative = "",
    melody: Melody = None,
    style: Style = None,
    style_seconds: StyleSeconds = 3.0,
    style_detail: StyleDetail = 3,
    text_push: TextPush = 5.0,
) -> None:
    """Continue a sound file; OUT holds the continuation alone."""
    from daw_bridge.offline import Request, StyleWanted

    wanted = None if style is None else StyleWanted(style, style_seconds, style_detail)
    _to_file(
        Request.of(blended_prompt(prompt, more, negative), out, seconds, bars, bpm, seed, greedy,
                   guidance, top_k, temperature,
                   model, device, dtype, tokens, clip, keep_clip, adapter_choices(adapter), melody,
                   wanted, text_push)
    )  # fmt: skip


def _heard(melody: Clip, model: str, progress: Callable[[float, str], None]) -> str:
    """What a melody model is told of a clip. Raises BadInput where the model is another kind."""
    from core.model.checkpoint import read_info
    from core.model.melody import melody_of

    if not read_info(model, progress).config.hears_melody:  # before it is loaded
        raise BadInput(
            f"{model} follows no melody; leave out --melody, or take --model"
            " facebook/musicgen-melody"
        )
    return melody_of(melody.pcm, melody.rate)


def _check_hears_style(model: str, progress: Callable[[float, str], None]) -> None:
    """Before it is loaded. Raises BadInput where the model is another kind."""
    from core.model.checkpoint import read_info

    if not read_info(model, progress).config.hears_style:
        raise BadInput(
            f"{model} follows no style; leave out --style, or take --model facebook/musicgen-style"
        )


def _in_style(request: Request, style: Clip, loaded: LoadedModel) -> Request:
    """The request, told of the clip; says how long hearing it took."""
    from core.model.style_clip import heard_style

    assert loaded.ear is not None
    assert request.style is not None
    begun = time.perf_counter()
    heard = heard_style(loaded.ear, style.pcm, style.rate, request.style.seconds)
    console.print(f"the style was heard in {time.perf_counter() - begun:.2f} s")
    return request.like(heard)


def _to_file(request: Request) -> None:
    """Run the model in this process. Ctrl-C keeps what was made and exits with 130."""
    from daw_bridge.cli.take_progress import TakeProgress
    from daw_bridge.offline import write_result

    request.check()
    if request.adapters:  # before the model is loaded
        from core.model.adapter_location import locate_adapter

        for adapter, _ in request.adapters:
            locate_adapter(adapter)
    clip, take, melody = request.read_clip(), request.read_take(), request.read_melody()
    style = request.read_style()
    with TakeProgress(console) as progress:
        progress.say("starting")
        from core.codec.resampler import to_model_rate
        from core.generation.generator import Generator
        from core.generation.seam import join_clip

        if melody is not None:
            request = request.on(_heard(melody, request.model, progress.loading))
        if style is not None:
            _check_hears_style(request.model, progress.loading)
        generator = Generator.load(request.model, request.device, request.dtype, progress.loading)
        if style is not None:
            request = _in_style(request, style, generator.loaded)
        for adapter, weight in request.adapters:
            generator.adapters.use(adapter, weight)
        source: dict[str, Any] = {}
        if take is not None and take.codes.shape[0] == generator.loaded.config.codebooks:
            request = request.after(take)  # no second pass through the encoder
            source = {"codes": take.with_context, "lead": request.lead, "level": request.level}
        elif clip is not None:
            source = {"clip": clip.pcm, "clip_rate": clip.rate}
        stream = generator.attempt(
            lambda: generator.open(
                request.prompt, request.sampling, request.frames, bars=request.grid, **source
            )
        )
        request = replace(request, level=stream.level)
        stopped, blocks, codes = False, [], []
        try:
            while not stream.ended:
                if (block := generator.attempt(stream.step, [stream])) is not None:
                    blocks.append(block.pcm)
                progress.made(stream.frames, request.frames)
        except KeyboardInterrupt:
            stopped = True
            if not stream.ended and (block := stream.hand_over()) is not None:
                blocks.append(block.pcm)
        if (drawn := stream.untold_codes()) is not None:
            codes.append(drawn)
    if generator.loaded.why:
        console.print(f"computed in {generator.loaded.why}", soft_wrap=True)
    if generator.notice:
        console.print(generator.notice, soft_wrap=True)
    join = None
    if clip is not None and request.keep_clip:
        channels = generator.codec.channels
        before = to_model_rate(clip.pcm, clip.rate, channels)
        join = lambda pcm: join_clip(before, stream.seam, pcm)  # noqa: E731
    loaded = generator.loaded
    write_result(request, blocks, codes, f"{loaded.name} {loaded.digest}", loaded.licence, join,
                 generator.adapters.loaded, stream.context if clip else None)  # fmt: skip
    console.print(request.report(loaded.name, loaded.licence, stopped), soft_wrap=True)
    if stopped:
        raise typer.Exit(130)
