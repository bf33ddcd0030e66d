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

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from core.generation.shared_stream import SharedStream
from core.generation.steering_timeline import Branches
from core.model.kv_cache import KVCache
from core.model.language_model import LanguageModel, LMState
from core.model.text_keys import TextKeys, repeated


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
