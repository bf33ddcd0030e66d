"""Codes of a stream, read into states of the model.

Each position is told what it was told when it was new, so that nothing shows of when a state was
made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from core.generation.delay_pattern import DelayedCodes
from core.generation.params import Prompt
from core.generation.steering_timeline import Branches
from core.generation.stream_plan import StreamPlan
from core.model.kv_cache import KVCache
from core.model.language_model import LanguageModel, LMState
from core.model.text_keys import TextKeys, stacked


class PromptKeys(Protocol):
    """What a stream needs of a conditioner (`core.model.conditioner.Conditioner`)."""

    def text_keys(self, prompt: Prompt) -> TextKeys | None:
        """Cross-attention keys and values of a prompt, None for an empty one."""
        ...

    def negative_keys(self, prompt: Prompt) -> TextKeys | None:
        """Those of what it keeps away from, None for nothing."""
        ...

    def prefix(self, prompt: Prompt, branches: Sequence[str], frame: int) -> Tensor:
        """What a melody or style model reads before codes from `frame` on, [rows,P,H]."""
        ...


class Reader:
    """One stream's. Steps are those of its plan, codes those that it has drawn so far."""

    def __init__(
        self,
        model: LanguageModel,
        conditioner: PromptKeys,
        codes: DelayedCodes,
        plan: StreamPlan,
        lent_room: bool,
    ) -> None:
        """lent_room: steps are made in room that is another's (`core.generation.device_loop`), so
        that a state needs room for what it has read alone."""
        self.model, self._conditioner, self.lent_room = model, conditioner, lent_room
        self._codes, self._plan = codes, plan
        self._text: tuple[object, TextKeys | None] | None = None  # the keys used last, and of what

    # ------------------------------------------------------------------ what is told

    def prepare(self, prompt: Prompt, branches: Branches) -> None:
        """Encode what will be told, while nothing is waiting. Raises BadInput: a style that the
        model has not."""
        if self.model.config.reads_prefix:
            self._conditioner.prefix(prompt, branches, 0)
        else:
            self.keys(prompt, branches)

    def keys(self, prompt: Prompt, branches: Branches) -> TextKeys | None:
        """What the rows of these branches are told."""
        if self.model.config.reads_prefix:
            return None  # not by cross-attention
        wanted = (prompt, branches)
        if self._text is None or self._text[0] != wanted:
            with torch.inference_mode():
                told = self._conditioner.text_keys(prompt) if "told" in branches else None
                away = self._conditioner.negative_keys(prompt) if "null" in branches else None
                both = away if "told" not in branches else stacked(told, away)
                self._text = (wanted, both)
        return self._text[1]

    def forget_text(self) -> None:
        """The conditioner makes other keys now."""
        self._text = None

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None:
        """The same model on another device."""
        self.model, self._conditioner, self.lent_room = model, conditioner, False
        self._text = None

    # ------------------------------------------------------------------ states

    def primed(self, step: int, first: int, branches: Branches) -> tuple[LMState, Tensor]:
        """A state that has read all from frame `first` to before `step`, and the logits for it."""
        state = self.empty(step, first, branches)
        return state, self.read_on(state, step, first, branches)

    def empty(self, step: int, first: int, branches: Branches) -> LMState:
        """A state for a window from frame `first` on, with room for `step` and for what follows.

        A melody or style model is told by what the state begins with.
        """
        prefix = None
        if self.model.config.reads_prefix:
            prefix = self._conditioner.prefix(self._plan.at(step).prompt, branches, first)
        room = step - first if self.lent_room else self._room()
        return self.model.new_state(len(branches), room, prefix=prefix)

    def read_on(self, state: LMState, step: int, first: int, branches: Branches) -> Tensor:
        """Read what the state has not read yet, to before `step`; → the logits for `step`.

        first, branches: what the state was made for.
        """
        start = first + state.codes
        columns = torch.from_numpy(self._codes.columns(first, step, start)).unsqueeze(0)
        columns = columns.to(self.model.device)
        if state.prefix is not None:
            return self.model.prefill(columns, state)
        spans = [
            (position - start, self.keys(prompt, branches))
            for position, prompt in self._plan.prompts(start, step)
        ]
        state.text = spans[-1][1]
        return self.model.prefill(columns, state, spans)

    def rows(
        self, cache: KVCache, there: Branches, wanted: Branches, step: int, first: int
    ) -> KVCache:
        """The past of guidance's branches that are wanted: as it is, or run over what was drawn."""
        made = [
            cache.row(there.index(branch))
            if branch in there
            else cache.row(0)  # all branches are alike so far
            if not self._plan.says_anything(first, step - 1)
            else self.primed(step - 1, first, (branch,))[0].cache
            for branch in wanted
        ]
        return made[0].joined(made[1]) if len(made) == 2 else made[0]

    def _room(self) -> int:
        # Without an end a whole window: states of one size leave no holes in memory as they go.
        most, end = self._plan.longest, self._plan.end
        return most if end is None else min(most, end + self._plan.max_delay)
