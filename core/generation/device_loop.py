"""The language model's loop on the device: steps, draws and feedback without the host.

Several steps are launched at once. Each draws its tokens there, puts them into the next step's
column as the delay pattern has it, and keeps them for the host, which reads all of them together
(`core.generation.steps_ahead`). What the host decides comes along: the noise of each draw, and
each column's codes that are known already (a context's, and the special token where the pattern
has no code).
"""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.generation.params import SamplingParams
from core.generation.static_draw import StaticSampling, drawn, guided
from core.model.acceleration import Played
from core.model.language_model import LanguageModel, LMState
from core.model.static_step import StaticStep, reach_for
from core.model.static_text import StaticText, TextShape

MOST_STEPS = 8  # launched at once; the first block of sound takes five frames, which are eight


@dataclass(slots=True, eq=False)
class Flight:
    """Steps that were launched. tokens: [steps,n,K] on the host, once `read` has waited."""

    step: int  # the first
    steps: int
    tokens: Tensor
    began: float | torch.cuda.Event
    ended: float | torch.cuda.Event

    def read(self) -> NDArray[np.int64]:
        if isinstance(self.ended, torch.cuda.Event):
            self.ended.synchronize()
        return self.tokens.numpy()

    @property
    def seconds_a_step(self) -> float:
        """On the device. After `read`."""
        if isinstance(self.ended, torch.cuda.Event):
            assert isinstance(self.began, torch.cuda.Event)
            return self.began.elapsed_time(self.ended) / 1000 / self.steps
        assert isinstance(self.began, float)
        return (self.ended - self.began) / self.steps


class DeviceLoop:
    """n streams of one model, each with the same branches: the rows are branch after branch.

    One stream, or group of them, at a time holds it; another's past is put aside when it comes.
    """

    def __init__(
        self, model: LanguageModel, branches: int, count: int, capacity: int, capture: bool
    ) -> None:
        config, device = model.config, model.device
        self.capacity, self.model = capacity, model
        self._device = model.device
        self._pool = torch.cuda.graph_pool_handle() if capture else None
        self._step = StaticStep(model, branches * count, capacity)
        self._holder: weakref.ref[LMState] | None = None
        self._written = 0  # positions, of the holder
        self.latest: Flight | None = None  # whose last tokens lie in the column
        self._texts: dict[TextShape, StaticText] = {}
        self._played: dict[tuple[object, ...], Played] = {}
        self._revision = model.revision
        books = (count, config.codebooks)
        integer = {"dtype": torch.int64, "device": device}
        self._counts = torch.zeros(2, **integer)  # both move on by one a step
        self._slot = self._counts[:1]  # of the flight's steps, the one that is due
        self._step.position = self._counts[1:]
        self._column = torch.zeros(books, **integer)  # what it reads
        self._known = torch.full((MOST_STEPS + 1, *books), -1, **integer)  # -1: what is drawn
        self._drawn = torch.zeros((MOST_STEPS, *books), **integer)
        self._noise = torch.ones((MOST_STEPS, *books, config.vocab), device=device)
        self._sampling = StaticSampling.made(count, device)
        self._params: tuple[SamplingParams, ...] = ()

    def _hold(self, state: LMState) -> None:
        """This state's steps come next."""
        holder = self._holder and self._holder()
        if holder is not None and holder is not state:
            self._step.let_go(holder, self._written)
        self._step.hold(state)
        self._holder = weakref.ref(state)

    @torch.inference_mode()
    def launch(
        self,
        state: LMState,
        position: int,
        step: int,
        known: NDArray[np.int64],
        noise: Tensor | None,
        params: Sequence[SamplingParams],
    ) -> Flight:
        """Begin to draw. Does not wait, but for a first time.

        position: of the cache, that the first step writes; step: its number. known: the columns
        that the steps read, and the one after them, [steps+1,n,K]; -1 where a code is drawn
        before. noise: [steps,n,K,V] on the host, pinned; None where all are greedy.
        """
        steps = len(known) - 1
        self._hold(state)
        self._written = position + steps
        text = None if state.text is None else self._text_for(state)
        self._set_params(params)
        columns = torch.from_numpy(known)
        columns = columns.pin_memory() if self.pins else columns
        self._known[: steps + 1].copy_(columns, non_blocking=True)
        if noise is not None:
            self._noise[:steps].copy_(noise, non_blocking=True)
        self._slot.zero_()
        self._step.position.fill_(position)
        first = self._known[0]
        self._column.copy_(torch.where(first >= 0, first, self._column))
        # Fused attention stops at the position by itself: then one graph is enough.
        all_of_it = self._step.fused is not None
        reach = self._step.capacity if all_of_it else reach_for(position + steps)
        one = self._one_step(text, reach, noise is not None)
        began = self._mark()
        for _ in range(steps):
            one()
        there = torch.empty(self._drawn[:steps].shape, dtype=torch.int64, pin_memory=self.pins)
        there.copy_(self._drawn[:steps], non_blocking=True)
        self.latest = Flight(step, steps, there, began, self._mark())
        return self.latest

    # ------------------------------------------------------------------ one step

    def _one_step(self, text: StaticText | None, reach: int, drawing: bool) -> Played:
        if self._revision != self.model.revision:  # adapters stand beside other layers now
            self._played.clear()
            self._revision = self.model.revision
        key = (text, reach, drawing)
        if key not in self._played:

            def work() -> None:
                self._work(text, reach, drawing)

            keeps = (self._counts, self._column)
            self._played[key] = Played(work, keeps, self._pool)
        return self._played[key]

    def _work(self, text: StaticText | None, reach: int, drawing: bool) -> None:
        logits = self._step.logits(self._column, text, reach)
        fused = self._step.fused
        if fused is not None:
            fused.draw(logits, self._noise, self._sampling, self._slot, self._known, self._drawn,
                       self._column, drawing)  # fmt: skip
            self._counts.add_(1)
            return
        logits = guided(logits, self._sampling)
        if drawing:
            tokens = drawn(logits, self._noise.index_select(0, self._slot)[0], self._sampling)
        else:
            tokens = logits.argmax(-1)
        self._drawn.index_copy_(0, self._slot, tokens.unsqueeze(0))
        self._counts.add_(1)
        known = self._known.index_select(0, self._slot)[0]
        self._column.copy_(torch.where(known >= 0, known, tokens))

    # ------------------------------------------------------------------ what it is told

    def _text_for(self, state: LMState) -> StaticText:
        assert state.text is not None
        shape = TextShape.of(state.text)
        if shape not in self._texts:
            self._texts[shape] = StaticText(
                self.model.config, self._step.rows, shape, self._device, self.model.dtype
            )
        self._texts[shape].hold(state.text)
        return self._texts[shape]

    def _set_params(self, params: Sequence[SamplingParams]) -> None:
        if tuple(params) != self._params:
            self._sampling.hold(params, self.model.config.vocab)
            self._params = tuple(params)

    @property
    def pins(self) -> bool:
        """Whether the host's tensors are to be pinned: only then a copy does not wait."""
        return self._device.type == "cuda"

    def _mark(self) -> float | torch.cuda.Event:
        if not self.pins:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


class DeviceLoops:
    """The loops of one model, made when they are needed. One thread.

    capture: as CUDA graphs; else each step is launched kernel by kernel, on any device.
    """

    def __init__(self, model: LanguageModel, capture: bool) -> None:
        self._model, self._capture = model, capture
        self._made: dict[tuple[int, int], DeviceLoop] = {}

    def loop(self, branches: int, count: int, capacity: int) -> DeviceLoop:
        """One with room for so many positions. Raises torch.OutOfMemoryError."""
        shape = (branches, count)
        found = self._made.get(shape)
        if found is None or found.capacity < capacity:
            try:
                self._made[shape] = self._new(shape, capacity)
            except torch.OutOfMemoryError:
                self._made.clear()  # states that lie there keep what they have
                self._made[shape] = self._new(shape, capacity)
        return self._made[shape]

    def _new(self, shape: tuple[int, int], capacity: int) -> DeviceLoop:
        return DeviceLoop(self._model, *shape, capacity, self._capture)

    def give_up(self) -> None:
        """Free what they hold, as far as no stream is on it."""
        self._made.clear()
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
