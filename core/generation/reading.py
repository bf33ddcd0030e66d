"""What the model has read of a stream: its state, and what that was made of.

Usually a step's state is the one of the step before. It is made anew, by reading the codes again,
where the window or a change of the prompt moves the first frame that is seen, after a rewind that
goes farther back than it does, and in a melody model wherever its prompt changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

GOES_BACK = 1_250  # steps, 25 s: farther than an endless take runs ahead of the ear


class PromptKeys(Protocol):
    """What a stream needs of a conditioner (`core.model.conditioner.Conditioner`)."""

    def text_keys(self, prompt: Prompt) -> TextKeys | None:
        """Cross-attention keys and values of a prompt, None for an empty one."""
        ...

    def negative_keys(self, prompt: Prompt) -> TextKeys | None:
        """Those of what it keeps away from, None for nothing."""
        ...

    def prefix(self, prompt: Prompt, branches: Sequence[str], frame: int) -> Tensor:
        """What a melody model reads before codes from `frame` on, [rows,P,H]."""
        ...


@dataclass(frozen=True, slots=True)
class _Past:
    """A state whose window is over, for a rewind to before that."""

    until: int  # the step up to which it is kept
    state: LMState
    first: int
    branches: Branches
    read: tuple[Prompt, Branches] | None


class Reading:
    """One stream's. Steps are those of its plan, codes [K,…] those that it has drawn so far."""

    def __init__(
        self,
        model: LanguageModel,
        conditioner: PromptKeys,
        codes: DelayedCodes,
        plan: StreamPlan,
        lent_room: bool,
    ) -> None:
        """lent_room: steps are made in room that is another's (`core.generation.device_loop`), so
        that the state needs room for what it has read alone."""
        self.model, self._conditioner = model, conditioner
        self._codes, self._plan, self._lent_room = codes, plan, lent_room
        self.state: LMState | None = None
        self.first = 0  # the first frame that it was made from
        self.branches: Branches = ()  # what its rows are
        self._past: _Past | None = None
        self._text: tuple[object, TextKeys | None] | None = None  # the keys used last, and of what
        self._read: tuple[Prompt, Branches] | None = None  # what a melody model's state began with

    # ------------------------------------------------------------------ before a step

    def due(self, step: int) -> Tensor | None:
        """The logits [rows,K,V] for `step`, where the state had to be made for it; else None, and
        the state is ready for a step of the model."""
        held, branches = self._plan.at(step), self._plan.branches(step)
        first = self._plan.first_seen(step)
        if self._past is not None and step > self._past.until:
            self._past = None
        if self.state is None or first != self.first or self._reads_anew(held.prompt, branches):
            if self.state is not None and first > self.first:
                self._past = _Past(
                    step + GOES_BACK, self.state, self.first, self.branches, self._read
                )
            self.state, logits = self.primed(step, first, branches)
            return logits
        self._arrange_rows(self.state, branches, step)
        self.state.text = self.keys(held.prompt, branches)
        return None

    def primed(self, step: int, first: int, branches: Branches) -> tuple[LMState, Tensor]:
        """A state that has read all from frame `first` to before `step`, and the logits for it."""
        self.first, self.branches = first, branches
        return self._primed(branches, step)

    def keys(self, prompt: Prompt, branches: Branches) -> TextKeys | None:
        """What the rows of these branches are told."""
        if self.model.config.hears_melody:
            return None  # not by cross-attention
        wanted = (prompt, branches)
        if self._text is None or self._text[0] != wanted:
            with torch.inference_mode():
                told = self._conditioner.text_keys(prompt) if "told" in branches else None
                away = self._conditioner.negative_keys(prompt) if "null" in branches else None
                both = away if "told" not in branches else stacked(told, away)
                self._text = (wanted, both)
        return self._text[1]

    @property
    def most(self) -> int:
        """Positions that a state may come to reach, a melody model's prefix included."""
        return self._plan.longest + (0 if self.state is None else self.state.prefix_length)

    # ------------------------------------------------------------------ between steps

    def cut(self, step: int) -> None:
        """`step` is drawn next: what comes after it was not read."""
        if self.state is None:
            return
        past, first = self._past, self._plan.first_seen(step)
        if past is not None and first == past.first:
            # Else all of a full window would be read again, just when sound is wanted soon.
            self.state, self.first = past.state, past.first
            self.branches, self._read = past.branches, past.read
            self._past = None
        if first == self.first:
            # positions read before this step was due
            self.state.cut(step - 1 - self.first)
        else:
            self.state = self._past = None

    def take_over(self, state: LMState | None, first: int = 0, branches: Branches = ()) -> None:
        """Go on from this state, or from none."""
        self.state, self.first, self.branches, self._past = state, first, branches, None

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None:
        """The same model on another device, where all is to be read again."""
        self.model, self._conditioner, self._lent_room = model, conditioner, False
        self.take_over(None)
        self._text = self._read = None

    def forget_text(self) -> None:
        """The conditioner makes other keys now; past positions keep theirs."""
        self._text = None

    # ------------------------------------------------------------------ inside

    def _primed(self, branches: Branches, step: int) -> tuple[LMState, Tensor]:
        """A state that has read everything before `step`, and the logits for it.

        Each position is told what it was told when it was new, so that nothing shows of when
        the state was made.
        """
        columns = torch.from_numpy(self._codes.columns(self.first, step)).unsqueeze(0)
        columns, capacity = columns.to(self.model.device), self._capacity(step)
        if self.model.config.hears_melody:
            prompt = self._plan.at(step).prompt
            prefix = self._conditioner.prefix(prompt, branches, self.first)
            state = self.model.new_state(len(branches), capacity, prefix=prefix)
            self._read = (prompt, branches)
            return state, self.model.prefill(columns, state)
        spans = [
            (position - self.first, self.keys(prompt, branches))
            for position, prompt in self._plan.prompts(self.first, step)
        ]
        state = self.model.new_state(len(branches), capacity, spans[-1][1])
        return state, self.model.prefill(columns, state, spans)

    def _capacity(self, step: int) -> int:
        if self._lent_room:
            return step - self.first
        # Without an end a whole window: states of one size leave no holes in memory as they go.
        most, end = self._plan.longest, self._plan.end
        return most if end is None else min(most, end + self._plan.max_delay)

    def _reads_anew(self, prompt: Prompt, branches: Branches) -> bool:
        """Whether a melody model's state began with something else than it is told now.

        Such a model reads melody and text before the codes, so that what it is told is told of
        its past too: all of it is read once more.
        """
        return self.model.config.hears_melody and self._read != (prompt, branches)

    def _arrange_rows(self, state: LMState, branches: Branches, step: int) -> None:
        """Fit the state to guidance's branches of this step. Usually nothing to do."""
        if branches == self.branches:
            return
        rows = [self._row(state.cache, branch, step) for branch in branches]
        state.cache = rows[0].joined(rows[1]) if len(rows) == 2 else rows[0]
        self.branches = branches

    def _row(self, cache: KVCache, branch: str, step: int) -> KVCache:
        """One branch's past: as it is, or run over what has been drawn."""
        if branch in self.branches:
            return cache.row(self.branches.index(branch))
        if not self._plan.says_anything(self.first, step - 1):
            return cache.row(0)  # all branches are alike so far
        return self._primed((branch,), step - 1)[0].cache
