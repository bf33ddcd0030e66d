"""One take to a file: what `generate` and `continue` are asked, checked before a model is
loaded, and how the result is written. The model itself is run by the command line."""

from __future__ import annotations

import math
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape

from core.errors import BadInput
from core.generation.messages import LoadedAdapter
from core.generation.params import (
    DEFAULT_TEXT_PUSH,
    MAX_SECONDS,
    STYLE_SECONDS,
    BarGrid,
    Prompt,
    SamplingParams,
    Steering,
    checked_style_seconds,
    style_in_books,
)
from core.types import (
    FRAME_RATE,
    MODEL_RATE,
    SAMPLES_PER_FRAME,
    Frames,
    frames_covering,
    frames_of,
    seconds_of_bars,
)
from daw_bridge.atomic import replace_file, write_wav
from daw_bridge.clips import read_head, read_tail
from daw_bridge.parameters import PARAMETERS
from daw_bridge.prompt_tempo import told
from daw_bridge.take_chunks import TakeFile, Tokens, chunks_for, read_take_file
from daw_bridge.take_length import frames_for
from daw_bridge.take_record import AdapterUse, TakeRecord
from daw_bridge.take_timeline import TakeChange

LONGEST_NAME = 230  # bytes; it is written under a longer one first
BEATS = 4  # in a bar
DEFAULT_SECONDS = 10.0
LONGEST_CLIP = 3600.0
CONTEXT_SECONDS = 30.0
MELODY_SECONDS = 121.0  # a little more than a model can be told
Pcm = NDArray[np.float32]
Chunks = Callable[[str], Sequence[tuple[bytes, bytes]]]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    pcm: Pcm
    rate: int


@dataclass(frozen=True, slots=True)
class StyleWanted:
    """A clip whose style is to be followed. Raises BadInput."""

    path: Path
    seconds: float = STYLE_SECONDS  # of its middle that are heard
    detail: int = int(PARAMETERS["style_detail"].default)

    def __post_init__(self) -> None:
        checked_style_seconds(self.seconds)
        PARAMETERS["style_detail"].checked(self.detail)


@dataclass(frozen=True, slots=True)
class Request:
    """One take, as asked for on the command line."""

    prompt: Prompt
    out: Path
    frames: Frames
    length: float  # seconds
    sampling: SamplingParams
    model: str
    device: str
    dtype: str
    tokens: Path | None
    clip: Path | None
    keep_clip: bool
    adapters: tuple[tuple[str, float], ...] = ()  # names or paths, and weights
    bars: int = 0
    bpm: float = 120.0
    melody: Path | None = None
    style: StyleWanted | None = None
    lead: int = 0  # samples that it begins before its first frame, where it continues a take
    grid: BarGrid | None = None  # where bar lines fall, counted from its first frame
    level: float = 1.0  # what its sound is multiplied with, to be as loud as its clip

    @classmethod
    def of(
        cls, prompt: str | Prompt, out: Path, seconds: float | None, bars: int | None,
        bpm: float | None, seed: int | None, greedy: bool, guidance: float, top_k: int,
        temperature: float,
        model: str | None, device: str, dtype: str, tokens: Path | None,
        clip: Path | None = None, keep_clip: bool = False,
        adapters: tuple[tuple[str, float], ...] = (), melody: Path | None = None,
        style: StyleWanted | None = None, text_push: float = DEFAULT_TEXT_PUSH,
    ) -> Request:  # fmt: skip
        """Raises BadInput for what makes no sense."""
        sampling = SamplingParams(
            seed=secrets.randbits(31) if seed is None else seed,
            temperature=temperature,
            top_k=top_k,
            guidance=guidance,
            greedy=greedy,
            text_push=text_push,
        )
        length = _length(seconds, bars, bpm)
        frames = frames_for(length)
        prompt = prompt if isinstance(prompt, Prompt) else Prompt(prompt)
        if bpm:
            prompt = told(prompt, bpm, leads=True)
        return cls(prompt, out, frames, length, sampling, model or "starter", str(device),
                   str(dtype), tokens, clip, keep_clip, adapters, bars or 0,
                   bpm if bpm and 1 <= bpm <= 1000 else 120.0, melody,
                   style, grid=_grid(bpm) if bpm and 1 <= bpm <= 1000 else None)  # fmt: skip

    def after(self, take: TakeFile) -> Request:
        """As the continuation of a take: it begins with the sample after that one's last."""
        lead = take.record.left_over
        frames = frames_for(self.length, lead) if self.bars else self.frames
        known, level = take.record.bar_grid, take.record.level
        grid = known.moved(-take.record.frames) if known else self.grid
        return replace(self, lead=lead, frames=frames, grid=grid, level=level)

    @property
    def samples(self) -> int:
        return round(self.length * MODEL_RATE)

    def check(self) -> None:
        """Whether the files can be written. Raises BadInput."""
        for path, suffix in ((self.out, ".wav"), (self.tokens, ".npy")):
            if path is None:
                continue
            if len(path.name.encode()) > LONGEST_NAME:
                raise BadInput(f"{path.name[:40]}… is too long a name; use a shorter one")
            if path.suffix.lower() != suffix:
                raise BadInput(f"{path} is no {suffix} file; end its name in {suffix}")
            if path.is_dir():
                raise BadInput(f"{path} is a folder; name a file")
            if not path.absolute().parent.is_dir():
                raise BadInput(f"there is no folder {path.parent}; make it first")
            try:  # before minutes of work, not after
                with tempfile.TemporaryFile(dir=path.absolute().parent):
                    pass
            except OSError as refused:
                raise BadInput(
                    f"{path.absolute().parent} cannot be written ({refused.strerror}); choose"
                    " another folder"
                ) from None

    def read_clip(self) -> Clip | None:
        """Raises BadClip. The whole clip is only read where it is to be kept."""
        if self.clip is None:
            return None
        seconds = LONGEST_CLIP if self.keep_clip else CONTEXT_SECONDS
        return Clip(*read_tail(str(self.clip), seconds))

    def read_melody(self) -> Clip | None:
        """Raises BadClip."""
        if self.melody is None:
            return None
        return Clip(*read_head(str(self.melody), MELODY_SECONDS))

    def on(self, melody: str) -> Request:
        """The same, played on a melody (`Prompt.melody`)."""
        return replace(self, prompt=replace(self.prompt, melody=melody))

    def read_style(self) -> Clip | None:
        """Raises BadClip."""
        if self.style is None:
            return None
        return Clip(*read_head(str(self.style.path), MELODY_SECONDS))

    def like(self, style: str) -> Request:
        """The same in a style, as closely as is wanted (`Prompt.style`, with all its codebooks)."""
        assert self.style is not None
        style = style_in_books(style, self.style.detail)
        return replace(self, prompt=replace(self.prompt, style=style))

    def read_take(self) -> TakeFile | None:
        """The clip's tokens, where it is a take of ours that was not edited since."""
        try:
            found = None if self.clip is None else read_take_file(self.clip)
        except (OSError, ValueError):
            return None  # as a recording it may do
        return None if found is None or found.edited else found

    def report(self, model: str, licence: str, stopped: bool) -> str:
        """What was written, for a person."""
        what = "stopped; kept what was made in" if stopped else "wrote"
        rights = f", weights under {licence}" if licence else ""
        return escape(f"{what} {self.out} (seed {self.sampling.seed}, {model}{rights})")


def _grid(bpm: float) -> BarGrid:
    return BarGrid(FRAME_RATE * seconds_of_bars(1, BEATS, bpm))


def _length(seconds: float | None, bars: int | None, bpm: float | None) -> float:
    """Seconds: of bars exactly, else of whole frames. Raises BadInput."""
    if seconds is not None and bars is not None:
        raise BadInput("give --seconds or --bars, not both")
    if bars is None:
        length = DEFAULT_SECONDS if seconds is None else seconds
    else:
        length = seconds_of_bars(bars, BEATS, bpm or 120.0)
    if not (math.isfinite(length) and 0 < length <= MAX_SECONDS) or frames_of(length) < 1:
        raise BadInput(f"{length:g} s is out of range; use 0.02 to {MAX_SECONDS:g} s")
    return length if bars else frames_of(length) / FRAME_RATE


def write_result(
    request: Request,
    blocks: Sequence[Pcm],
    codes: Sequence[NDArray[np.int64]],
    model: str,
    licence: str,
    join: Callable[[Pcm], Pcm] | None = None,
    adapters: Sequence[LoadedAdapter] = (),
    context: NDArray[np.int64] | None = None,
) -> None:
    """Write the WAV, and the tokens where they are wanted, each whole or not at all.

    context: the tokens that were continued [codebooks, frames].
    """
    pcm = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    pcm = pcm[: request.samples]
    if join is not None:
        pcm = join(pcm)
    sampling = request.sampling
    comment = f"seed {sampling.seed}, temperature {sampling.temperature:g}, top-k {sampling.top_k}"
    comment += f", guidance {sampling.guidance:g}, model {model}"
    if request.melody is not None:
        comment += f", melody of {request.melody.name}"
    if request.style is not None:
        comment += f", style of {request.style.path.name}, text push {sampling.text_push:g}"
    if request.prompt.negative:
        comment += f", away from {request.prompt.negative}"
    rights = [f"{model}: {licence}"] if licence else []
    for used in adapters:
        comment += f", adapter {used.name} {used.digest} at {used.weight:g}"
        rights += [f"adapter {used.name}: {used.licence}"] if used.licence else []
    tags = {
        "title": request.prompt.text,
        "comment": comment,
        "copyright": f"made with {'; '.join(rights)}" if rights else "",
    }
    drawn = np.concatenate(codes, axis=1) if codes else np.zeros((4, 0), np.int64)
    chunks = None
    if join is None:  # a clip before it has no tokens in the file
        uses = tuple(AdapterUse(a.name, a.weight, a.digest, a.licence) for a in adapters)
        chunks = _chunks(request, len(pcm), drawn, context, model, licence, uses)
    try:
        _write_somewhere(request.out, pcm, tags, chunks)
        if request.tokens is not None:
            with replace_file(request.tokens) as file:
                np.save(file, drawn.astype(np.int64), allow_pickle=False)
    except OSError as refused:
        why = refused.strerror or refused
        raise OutputRefused(f"cannot write {request.tokens}: {why}; make room") from None


def _chunks(
    request: Request,
    samples: int,
    drawn: Tokens,
    context: Tokens | None,
    model: str,
    licence: str,
    adapters: tuple[AdapterUse, ...],
) -> Chunks:
    """What makes the file a take that can be dropped and continued from its tokens."""
    complete, own = samples == request.samples, max(0, samples - request.lead)
    heard = frames_covering(own) if complete else own // SAMPLES_PER_FRAME
    frames = min(drawn.shape[1], heard)  # the end may not be heard
    sampling = request.sampling
    name, _, digest = model.rpartition(" ")
    record = TakeRecord(
        1,
        prompts=((0, request.prompt.text),),
        seed=sampling.seed,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        guidance=sampling.guidance,
        changes=(TakeChange.to(Steering(0, request.prompt, sampling)),),
        tempo=request.bpm,
        bars=request.bars,
        model=name,
        digest=digest,
        licence=licence,
        adapters=adapters,
        source=str(request.clip or ""),
        frames=frames,
        complete=complete,
        lead=request.lead,
        length=request.length,
        bar_frames=request.grid.frames if request.grid else 0.0,
        bar_first=request.grid.first if request.grid else 0.0,
        level=request.level,
    )
    before = drawn[:, :0] if context is None else context
    # Named after its sound: the same seed is to give the same bytes.
    return lambda sound: chunks_for(
        replace(record, uid=sound[:32]), samples, drawn[:, :frames], before, sound
    )


def _write_somewhere(
    out: Path, pcm: Pcm, tags: Mapping[str, str], chunks: Chunks | None = None
) -> None:
    """To `out`. Raises OutputRefused; the take is then in a temporary folder, if that has room."""
    try:
        write_wav(out, [pcm], channels=pcm.shape[1], tags=tags, chunks=chunks)
    except OSError as refused:
        why = refused.strerror or refused
        rescued = Path(tempfile.mkdtemp(prefix="daw-bridge-")) / out.name
        try:
            write_wav(rescued, [pcm], channels=pcm.shape[1], tags=tags, chunks=chunks)
        except OSError:
            raise OutputRefused(f"cannot write {out}: {why}; make room and do it again") from None
        raise OutputRefused(f"cannot write {out}: {why}; the take is in {rescued}") from None


class OutputRefused(BadInput):
    """The disk or the folder does not take the file."""

    code = "disk"
    exit_status = 1
