"""A token stream that can be drawn side by side with others (`core.generation.token_batch`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.generation.params import Prompt, SamplingParams
from core.generation.reading import PromptKeys
from core.generation.steering_timeline import Branches
from core.generation.steps_ahead import Lane, StepsAhead
from core.generation.token_stream import TokenStream
from core.generation.windows import Window
from core.model.language_model import LanguageModel, LMState
from core.model.text_keys import TextKeys

if TYPE_CHECKING:
    from core.generation.token_batch import TokenBatch


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
            self._windows.forget_text()
            self._batch.drop_ahead()

    def _advance(self) -> None:
        if self._batch is None:
            super()._advance()
        else:
            self._batch.advance()

    # ------------------------------------------------------------------ for its batch

    def join(self, batch: TokenBatch) -> None:
        self._batch = batch
        self._windows.take_over(None)

    def part(self, state: LMState | None, first: int, branches: Branches) -> None:
        """Out of the batch, with its own rows of the batch's state."""
        self._batch = None
        self._windows.take_over(None if state is None else Window(state, first, branches))

    def stands(self) -> tuple[object, ...]:
        """What streams must have in common to be drawn side by side.

        Raises ValueError for one that will be told something else on its way.
        """
        self._drop_ahead()
        plan = self._plan
        if plan.changes_to_come:
            raise ValueError("a stream with changes ahead is drawn by itself")
        if self.model.config.reads_prefix:
            raise ValueError("a melody or style model's streams are drawn by themselves")
        told = plan.at(self._step).prompt, plan.branches(self._step)
        return (*told, self._step, plan.end, plan.window_frames, plan.bars)

    def due(self) -> tuple[Branches, int]:
        """The rows of the next step, and the first frame that it looks back on."""
        return self._plan.branches(self._step), self._plan.first_seen(self._step)

    def keys(self) -> TextKeys | None:
        """What the rows of the next step are told."""
        prompt = self._plan.at(self._step).prompt
        return self._windows.reader.keys(prompt, self._plan.branches(self._step))

    def past(self, first: int) -> NDArray[np.int64]:
        """What the model has read from frame `first` on, before the next step [K,S]."""
        return self._codes.columns(first, self._step)

    def last_column(self, first: int) -> NDArray[np.int64]:
        """What the model reads for the next step [K]."""
        return self._codes.column(self._step - 1, first)

    def primed(self, first: int, branches: Branches) -> tuple[LMState, Tensor]:
        """A state of its own that has read all before the next step, and the logits for it."""
        return self._windows.reader.primed(self._step, first, branches)

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
        return ahead.draw(
            lanes, state, branches, first, self._step, lambda step: self._alike(step, first),
            self._plan.longest,
        )  # fmt: skip

    def lane(self) -> Lane:
        return self._lane()

    def keep(self, tokens: NDArray[np.int64]) -> None:
        """What was drawn for its next step [K]."""
        self._keep(tokens)
