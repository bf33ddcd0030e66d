"""Takes drawn side by side: one step of the model moves all of them on.

    streams = [SharedStream(…, seed) for seed in seeds]     # on one context, say
    TokenBatch(streams)
    while (frames := [stream.next_frame() for stream in streams])[0] is not None: ...

A step of the model reads all its weights whether one row is asked for or many, so two takes cost
little more than one; and a context that they have in common is read once. Each stream draws with
its own seed, so its codes are those that it would have drawn alone (to the rounding of a product
with more rows). A stream leaves the batch when it is to go another way: rewound, told something
else, or drawn before the others; its past comes along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.generation.params import Prompt, SamplingParams
from core.generation.reading import PromptKeys
from core.generation.steering_timeline import Branches
from core.generation.steps_ahead import Lane, StepsAhead
from core.generation.token_stream import TokenStream
from core.model.kv_cache import KVCache
from core.model.language_model import LanguageModel, LMState
from core.model.text_keys import TextKeys, repeated


class SharedStream(TokenStream):
    """A token stream that can be one of a batch, and is one of its own until then."""

    _batch: TokenBatch | None = None

    def leave(self) -> None:
        """From now on it is drawn by itself. Nothing to do for one that is not in a batch."""
        if self._batch is not None:
            self._batch.let_go(self)

    def change_prompt(self, prompt: Prompt) -> None:
        self.leave()
        super().change_prompt(prompt)

    def change_sampling(self, sampling: SamplingParams) -> None:
        self.leave()
        super().change_sampling(sampling)

    def rewind(self, frames: int) -> None:
        self.leave()
        super().rewind(frames)

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None:
        if self._batch is not None:
            self._batch.disband()
        super().move(model, conditioner)

    def forget_text(self) -> None:
        if self._batch is None:
            super().forget_text()
        else:  # all of the batch, from the next flight of steps on
            self._reading.forget_text()
            self._batch.drop_ahead()

    def _advance(self) -> None:
        if self._batch is None:
            super()._advance()
        else:
            self._batch.advance()

    # ------------------------------------------------------------------ for its batch

    def join(self, batch: TokenBatch) -> None:
        self._batch = batch
        self._reading.take_over(None)

    def part(self, state: LMState | None, first: int, branches: Branches) -> None:
        """Out of the batch, with its own rows of the batch's state."""
        self._batch = None
        self._reading.take_over(state, first, branches)

    def stands(self) -> tuple[object, ...]:
        """What streams must have in common to be drawn side by side.

        Raises ValueError for one that will be told something else on its way.
        """
        self._drop_ahead()
        plan = self._plan
        if plan.changes_to_come:
            raise ValueError("a stream with changes ahead is drawn by itself")
        if self.model.config.hears_melody:
            raise ValueError("a melody model's streams are drawn by themselves")
        told = plan.at(self._step).prompt, plan.branches(self._step)
        return (*told, self._step, plan.end, plan.window_frames, plan.bars)

    def due(self) -> tuple[Branches, int]:
        """The rows of the next step, and the first frame that it looks back on."""
        return self._plan.branches(self._step), self._plan.first_seen(self._step)

    def keys(self) -> TextKeys | None:
        """What the rows of the next step are told."""
        prompt = self._plan.at(self._step).prompt
        return self._reading.keys(prompt, self._plan.branches(self._step))

    def past(self, first: int) -> NDArray[np.int64]:
        """What the model has read from frame `first` on, before the next step [K,S]."""
        return self._codes.columns(first, self._step)

    def last_column(self, first: int) -> NDArray[np.int64]:
        """What the model reads for the next step [K]."""
        return self._codes.column(self._step - 1, first)

    def primed(self, first: int, branches: Branches) -> tuple[LMState, Tensor]:
        """A state of its own that has read all before the next step, and the logits for it."""
        return self._reading.primed(self._step, first, branches)

    def take_drawn(self, logits: Tensor) -> None:
        """Draw the next step from its rows of the logits [branches,K,V]."""
        self._draw(logits)

    def ahead(self) -> StepsAhead | None:
        """What draws steps of several on the device; None where they are drawn from here."""
        return None if self._ahead is None else StepsAhead(self._ahead.loops)

    def drawn_ahead(
        self, ahead: StepsAhead, lanes: Sequence[Lane], state: LMState, first: int, branches: int
    ) -> Iterator[NDArray[np.int64]]:
        """Tokens [streams,K] of the next steps of all, of which this is the first."""
        self._reading.first = first
        most = self._reading.most
        return ahead.draw(lanes, state, branches, first, self._step, self._alike, most)

    def lane(self) -> Lane:
        return self._lane()

    def keep(self, tokens: NDArray[np.int64]) -> None:
        """What was drawn for its next step [K]."""
        self._keep(tokens)


class TokenBatch:
    """Streams at the same step. One owner; ends when fewer than two are left.

    The state's rows are those of all streams for one of guidance's branches, then for the other.
    """

    def __init__(self, streams: Sequence[SharedStream]) -> None:
        """Raises ValueError for streams that are not at the same place of the same plan."""
        if any(stream.stands() != streams[0].stands() for stream in streams):
            raise ValueError("streams of a batch must be at one step, with one prompt and end")
        self._streams = list(streams)
        self._model: LanguageModel = streams[0].model
        self._state: LMState | None = None
        self._first = 0
        self._branches: Branches = ()
        self._ahead = streams[0].ahead()
        self._text: tuple[TextKeys | None, TextKeys | None] = (None, None)  # of one, of all
        for stream in self._streams:
            stream.leave()
            stream.join(self)
        self._end_if_alone()

    def advance(self) -> None:
        """Draw one step of every stream."""
        logits, count = self._made_anew(), len(self._streams)
        if logits is None and self._ahead is not None:
            assert self._state is not None
            lanes = [stream.lane() for stream in self._streams]
            for tokens in self._streams[0].drawn_ahead(
                self._ahead, lanes, self._state, self._first, len(self._branches)
            ):
                for stream, own in zip(self._streams, tokens, strict=True):
                    stream.keep(own)
            return
        logits = self._stepped() if logits is None else logits
        for place, stream in enumerate(self._streams):
            stream.take_drawn(logits[place::count])

    def disband(self) -> None:
        """Each goes on by itself, and reads its past anew."""
        for stream in self._streams:
            stream.part(None, self._first, self._branches)
        self._streams, self._state = [], None

    def drop_ahead(self) -> None:
        """Steps that were launched and not read are to be drawn anew."""
        if self._ahead is not None:
            self._ahead.drop()

    def let_go(self, stream: SharedStream) -> None:
        """The stream leaves with its rows; the others stay."""
        place = self._streams.index(stream)
        self.drop_ahead()
        stream.part(self._rows([place]), self._first, self._branches)
        left = [other for other in range(len(self._streams)) if other != place]
        self._state = self._rows(left)
        del self._streams[place]
        self._text = (None, None)
        self._end_if_alone()

    def _end_if_alone(self) -> None:
        if len(self._streams) == 1:
            self._streams.pop().part(self._state, self._first, self._branches)
            self._state = None

    def _rows(self, places: Sequence[int]) -> LMState | None:
        """A state of these streams alone."""
        if self._state is None or not places:
            return None
        count = len(self._streams)
        rows = [b * count + place for b in range(len(self._branches)) for place in places]
        return replace(self._state, cache=self._state.cache.picked(rows))

    # ------------------------------------------------------------------ one step

    def _made_anew(self) -> Tensor | None:
        """Logits [branches·streams,K,V] for the step that is due, where the state must be made for
        it; else the state is made ready."""
        branches, first = self._streams[0].due()
        if self._state is None or first != self._first or branches != self._branches:
            self._first, self._branches = first, branches
            return self._prime()
        self._state.text = self._keys()
        return None

    def _stepped(self) -> Tensor:
        """Those logits by a step of the model."""
        assert self._state is not None
        branches = self._branches
        columns = np.stack([stream.last_column(self._first) for stream in self._streams])
        told = torch.from_numpy(columns).to(self._model.device).repeat(len(branches), 1)
        return self._model.step(told, self._state)

    def _prime(self) -> Tensor:
        """Read what the streams have behind them: once, where that is the same."""
        self._state = None  # two may not fit in memory
        pasts = [stream.past(self._first) for stream in self._streams]
        same = all(np.array_equal(past, pasts[0]) for past in pasts)
        read = [s.primed(self._first, self._branches) for s in self._streams[: 1 if same else None]]
        made = read * len(self._streams) if same else read
        self._state = replace(made[0][0], cache=KVCache.woven([state.cache for state, _ in made]))
        return torch.stack([logits for _, logits in made], 1).flatten(0, 1)

    def _keys(self) -> TextKeys | None:
        of_one = self._streams[0].keys()
        if self._text[0] is not of_one:
            of_all = None if of_one is None else repeated(of_one, len(self._streams))
            self._text = (of_one, of_all)
        return self._text[1]
