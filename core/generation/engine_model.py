"""The engine's model: loaded, told of, weighed with adapters, moved to the CPU."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import torch

from core.errors import BadAdapter, BadInput, DawBridgeError
from core.generation.beside import Running
from core.generation.engine_pipe import EnginePipe
from core.generation.engine_problems import OUT_OF_MEMORY, NoModel, one_line
from core.generation.generator import Generator
from core.generation.messages import (
    NOTICE,
    AdaptersLoaded,
    EngineProblem,
    HearStyle,
    LoadModel,
    ModelLoaded,
    ModelLoading,
    StyleHeard,
    UseAdapter,
)
from core.model import melody, style_clip
from core.model.checkpoint import check_checkpoint
from core.model.device_choice import resolve_device
from core.model.lighter import fewer_bits, smaller_model
from core.model.location import Progress

log = logging.getLogger(__name__)

Loader = Callable[[str, str, str, Progress], Generator]


class EngineModel:
    """One, or none yet. Used by the engine's thread."""

    def __init__(self, pipe: EnginePipe, load: Loader) -> None:
        self._pipe, self._loader = pipe, load
        self._generator: Generator | None = None
        self._loaded_as: LoadModel | None = None
        self._before: LoadModel | None = None  # while another is loaded in its place

    @property
    def generator(self) -> Generator:
        """Raises NoModel."""
        if self._generator is None:
            raise NoModel
        return self._generator

    def load(self, request: LoadModel, end_takes: Callable[[], None]) -> None:
        """The model asked for, if it is not the one that is there, and word of it.

        What is seen at a glance to be wrong with it leaves the model before and its takes alone.
        Else takes end. Raises what loading raises; `lost` then says what was there before.
        """
        if self._is_loaded(request):
            end_takes()
        elif self._looks_good(request):
            end_takes()
            self._before = self._loaded_as
            self._generator = self._loaded_as = None  # two models may not fit in memory
            self._generator = self._made(request)
            self._loaded_as, self._before = request, None
            self._pipe.emit(AdaptersLoaded(()))  # those of the model before are gone with it
        self.tell()

    def lost(self) -> LoadModel | None:
        """The model that was let go for one that could not be loaded; told once."""
        before, self._before = self._before, None
        return before

    def _is_loaded(self, request: LoadModel) -> bool:
        same = self._loaded_as
        wanted = (request.model, request.device, request.dtype)
        return same is not None and wanted == (same.model, same.device, same.dtype)

    def _looks_good(self, request: LoadModel) -> bool:
        self._pipe.emit(ModelLoading(request.model, 0.0, "starting"))
        try:
            resolve_device(request.device, request.dtype)
            check_checkpoint(request.model, self._progress(request))
        except DawBridgeError as problem:
            self._pipe.emit(EngineProblem(None, problem.code, one_line(problem)))
            return False
        return True

    def _made(self, request: LoadModel) -> Generator:
        progress = self._progress(request)
        generator = self._loader(request.model, request.device, request.dtype, progress)
        self._pipe.emit(ModelLoading(request.model, 0.9, "warming up"))
        threads = generator.warm_up()
        if generator.loaded.config.hears_melody:
            melody.get_ready()
        if generator.loaded.ear is not None:
            style_clip.get_ready(generator.loaded.ear)
        log.info("%s ready with %d threads", request.model, threads)
        return generator

    def _progress(self, request: LoadModel) -> Progress:
        def report(fraction: float, what: str) -> None:
            self._pipe.emit(ModelLoading(request.model, 0.9 * fraction, what))

        return report

    def tell(self) -> None:
        """Which model is in memory, if one is."""
        if self._generator is None or self._loaded_as is None:
            return
        loaded = self._generator.loaded
        self._pipe.emit(
            ModelLoaded(
                model=self._loaded_as.model,
                name=loaded.name,
                device=str(loaded.device),
                dtype=loaded.precision,
                codebooks=loaded.config.codebooks,
                channels=loaded.config.audio_channels,
                licence=loaded.licence,
                digest=loaded.digest,
                window_frames=loaded.window_frames,
                fewer_bits=fewer_bits(loaded),
                hears_melody=loaded.config.hears_melody,
                hears_style=loaded.config.hears_style,
                smaller=smaller_model(loaded),
                why=loaded.why,
            )
        )
        if self._generator.notice:
            self._pipe.emit(EngineProblem(None, NOTICE, self._generator.notice))
            self._generator.notice = ""

    def go_on_without(self, problem: BaseException, takes: Sequence[Running]) -> bool:
        """Whether model and takes are on the CPU now, the device having failed."""
        generator, loaded_as = self._generator, self._loaded_as
        if generator is None or loaded_as is None or generator.loaded.device.type == "cpu":
            return False
        self._pipe.emit(ModelLoading(loaded_as.model, 0.0, "going on on the CPU"))
        try:
            if not generator.go_on_without(problem, [one.stream for one in takes]):
                return False
        except (DawBridgeError, MemoryError):
            log.exception("the CPU cannot go on either")
            self.tell()
            return False
        self.tell()
        return True

    def hear_style(self, request: HearStyle) -> None:
        """Between two steps: no frame is drawn meanwhile."""
        begun, style, problem = time.perf_counter(), "", ""
        ear = None if self._generator is None else self._generator.loaded.ear
        try:
            if ear is None:
                raise BadInput("the model follows no style; load facebook/musicgen-style")
            style = style_clip.heard_style(ear, request.clip, request.rate, request.seconds)
        except BadInput as refused:
            problem = one_line(refused)
        except (MemoryError, torch.OutOfMemoryError):
            problem = f"the style cannot be heard: {OUT_OF_MEMORY}; close other programs"
        took = time.perf_counter() - begun
        log.info("a style clip was heard in %.2f s", took)
        self._pipe.emit(StyleHeard(request.token, style, took, problem))

    def use_adapter(self, request: UseAdapter, takes: Sequence[Running]) -> None:
        """Between two steps, so that the next one uses it. Whatever is wrong, takes go on."""
        if self._generator is None:
            self._pipe.emit(AdaptersLoaded((), request.adapter, one_line(NoModel())))
            return
        rack, problem = self._generator.adapters, ""
        try:
            stale = rack.use(request.adapter, request.weight)
            for take in takes if stale else []:
                take.stream.tokens.forget_text()
        except (BadAdapter, OSError) as refused:
            problem = one_line(refused)
        except (MemoryError, torch.OutOfMemoryError):
            problem = f"the adapter does not fit: {OUT_OF_MEMORY}; close other programs"
        where = tuple((take.request.take, take.stream.frames) for take in takes)
        self._pipe.emit(AdaptersLoaded(rack.loaded, request.adapter, problem, where))
