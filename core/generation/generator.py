"""A loaded checkpoint as an instrument: takes are opened on it, one after the other.

Used by the engine process and, in their own process, by the command line's `generate` and
`continue`.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from core.codec.encodec import Codec
from core.errors import BadAdapter, BadInput
from core.generation.adapter_rack import AdapterRack
from core.generation.audio_stream import FIRST_BLOCKS, LATER_BLOCKS, AudioStream, frames_ahead
from core.generation.clip_context import clip_context
from core.generation.context_window import kept_frames
from core.generation.device_loop import DeviceLoops
from core.generation.messages import Codes, Pcm
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.shared_stream import SharedStream
from core.generation.steering_timeline import in_order
from core.generation.token_batch import TokenBatch
from core.generation.token_stream import TokenStream
from core.model.acceleration import graphs_wanted
from core.model.checkpoint import LoadedModel, load_checkpoint
from core.model.device_choice import resolve_device
from core.model.device_fault import device_fault
from core.model.location import Progress
from core.model.placement import NoRoom

WARM_UP_FRAMES = sum(FIRST_BLOCKS) + LATER_BLOCKS
_REHEARSAL_SECONDS = 1.0
Made = TypeVar("Made")
_WORTH_A_CORE = 0.8  # more threads must bring a step below this share of the time of one …
_AT_EASE = 0.01  # … where that is below this, in seconds: twice real time; else any gain counts


class Generator:
    """One model, ready to play. One take at a time, one thread."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.notice = loaded.notice  # what the musician should be told of how it runs, one line
        self._hold(loaded)

    def _hold(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.codec = Codec(loaded.codec, loaded.config.audio_channels)
        self.adapters = AdapterRack(loaded)
        graphs = graphs_wanted(loaded.device)
        self._loops = DeviceLoops(loaded.lm, capture=True) if graphs else None

    @classmethod
    def load(
        cls,
        model: str,
        device: str = "auto",
        dtype: str = "auto",
        progress: Progress | None = None,
    ) -> Generator:
        """Load a checkpoint: a folder, a hub id or 'starter'. Raises BadCheckpoint, BadDevice.

        On the CPU where the device fails at it or has no room; `notice` then says so.
        """
        device, dtype = resolve_device(device, dtype)
        try:
            return cls(load_checkpoint(model, device, dtype, progress))
        except NoRoom as problem:
            why = problem.needs
        except RuntimeError as problem:
            fault = device_fault(problem)
            if device == "cpu" or not fault:
                raise
            why = f"the {device.upper()} device {fault}"
        made = cls(load_checkpoint(model, *resolve_device("cpu", "auto"), progress))
        made.notice = f"{why}; the model runs on the CPU"
        return made

    def go_on_without(self, problem: BaseException, streams: Sequence[AudioStream] = ()) -> bool:
        """After a fault of the device: the model and these takes go on on the CPU.

        Each take goes on from its own tokens, with the sample after the last one that was given;
        `notice` says so. False, and nothing is done, where it is no such fault. Takes as long
        as loading the checkpoint does. Raises BadCheckpoint where that is gone.
        """
        fault, device = device_fault(problem), self.loaded.device.type
        if device == "cpu" or not fault:
            return False
        adapters, info = self.adapters.loaded, self.loaded.info
        named = info.name if info.name != info.folder.name else str(info.folder)
        loaded = load_checkpoint(named, *resolve_device("cpu", "auto"))
        self._hold(loaded)
        for adapter in adapters:
            with contextlib.suppress(BadAdapter, OSError):  # its file is gone: the take is not
                self.adapters.use(adapter.name, adapter.weight)
        for stream in streams:
            stream.tokens.move(loaded.lm, loaded.conditioner)
            stream.move(self.codec.streaming)
        what = "the take goes on" if streams else "the model runs"
        self.notice = f"the {device.upper()} device {fault}; {what} on the CPU"
        return True

    def open(
        self,
        prompt: Prompt,
        sampling: SamplingParams,
        frames: int | None = None,
        codes: Codes | None = None,
        clip: Pcm | None = None,
        clip_rate: int = 32_000,
        done: int = 0,
        first_sample: int | None = None,
        open_end: bool = False,
        changes: Sequence[Steering] = (),
        bars: BarGrid | None = None,
        level: float = 1.0,
        skip: int = 0,
        lead: int = 0,
    ) -> AudioStream:
        """A new take; the arguments are those of `messages.StartTake`.

        open_end: it ends as music that goes on, so that a take that continues it joins exactly:
        tokens and samples are those of one longer take. Costs `frames_ahead` steps. Else it ends
        as `transformers` ends one: the codebooks run out, and the decoder mirrors the end.

        Of a clip the last 12 s (of a 30 s window) are continued, whole bars where they are
        known: as much as the model looks back on when it goes past its window. The take sounds
        as loud as the clip. Raises BadInput and BadClip.
        """
        if codes is not None and clip is not None:
            raise BadInput("a take continues from codes or from a clip, not from both")
        if clip is not None:
            before = bars and bars.moved(skip)
            heard = clip_context(
                self.codec, clip, clip_rate, kept_frames(self.window_frames), before
            )
            level, codes = heard.level, heard.codes
            if skip:
                codes = self._gone_on(prompt, sampling, codes, skip, before)
        if codes is not None:
            codes = np.ascontiguousarray(codes, np.int64)
            done = min(done, codes.shape[1])
        moved = [replace(one, frame=one.frame - done) for one in changes]
        if done:  # it was interrupted: what holds by now, and what held before
            moved = in_order([Steering(-done, prompt, sampling), *moved])
            held = [one for one in moved if one.frame <= 0][-1]
            prompt, sampling = held.prompt, held.sampling
        left = None if frames is None else max(0, frames - done)
        decoder, wanted = self.codec.streaming, frames if open_end else None
        if left is not None and open_end:
            left += frames_ahead(decoder)
        tokens = SharedStream(
            self.loaded.lm, self.loaded.conditioner, prompt, sampling, codes, left,
            closed=not open_end, changes=moved, bars=bars and bars.moved(-done),
            loops=self._loops,
        )  # fmt: skip
        return AudioStream(tokens, decoder, codes, done, first_sample, wanted, lead, level=level)

    def _gone_on(
        self, prompt: Prompt, sampling: SamplingParams, codes: Codes, frames: int,
        bars: BarGrid | None,
    ) -> Codes:  # fmt: skip
        """A clip's codes and the `frames` that come next. Takes as long as they take."""
        tokens = TokenStream(
            self.loaded.lm, self.loaded.conditioner, prompt, sampling, codes, frames,
            closed=False, bars=bars, loops=self._loops,
        )  # fmt: skip
        while tokens.next_frame() is not None:
            pass
        return np.concatenate((codes, tokens.codes()), axis=1)

    def attempt(self, work: Callable[[], Made], streams: Sequence[AudioStream] = ()) -> Made:
        """Do it; after a fault of the device once more, with all these takes on the CPU."""
        try:
            return work()
        except RuntimeError as problem:
            if not self.go_on_without(problem, streams):
                raise
            return work()

    @staticmethod
    def side_by_side(streams: Sequence[AudioStream]) -> None:
        """From now on their tokens are drawn together, where they stand at one step."""
        tokens = [s.tokens for s in streams if isinstance(s.tokens, SharedStream)]
        with contextlib.suppress(ValueError):  # each by itself gives the same, only later
            TokenBatch(tokens)

    @staticmethod
    def set_apart(stream: AudioStream) -> None:
        """From now on its tokens are drawn by themselves."""
        if isinstance(stream.tokens, SharedStream):
            stream.tokens.leave()

    @property
    def window_frames(self) -> int:
        return self.loaded.window_frames

    def warm_up(self) -> int:
        """Run the shapes of a take's first second, so that the first take is as fast as the next.

        On a CPU it also settles how many threads torch uses: all cores if that pays, else one,
        which leaves the others to the audio. Returns the number of threads.
        """
        if self.loaded.device.type != "cpu":
            try:
                self._rehearse()
                return torch.get_num_threads()
            except RuntimeError as problem:
                if not self.go_on_without(problem):
                    raise
        cores = available_cores()
        most = cores if cores <= 2 else cores - 1  # breathing room for the audio process
        torch.set_num_threads(1)
        self._rehearse()
        if most > 1:
            alone = self._rehearse()
            torch.set_num_threads(most)
            self._rehearse()
            worth = _WORTH_A_CORE if alone < _AT_EASE else 1.0
            if self._rehearse() > worth * alone:
                torch.set_num_threads(1)
        return torch.get_num_threads()

    def _rehearse(self) -> float:
        """Play a short take to nobody, of a large model its start; the median step's seconds."""
        stream = self.open(Prompt("warm up"), SamplingParams(), WARM_UP_FRAMES)
        seconds: list[float] = []
        while not stream.ended and sum(seconds) < _REHEARSAL_SECONDS:
            begun = time.perf_counter()
            stream.step()
            seconds.append(time.perf_counter() - begun)
        if not stream.ended:
            stream.hand_over()
        return statistics.median(seconds)


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
