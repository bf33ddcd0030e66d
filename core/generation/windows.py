"""The model's state of a stream: the window that is played, the one before it, the one to come.

Usually a step's state is the one of the step before. Another is wanted where the window is full or
a change of the prompt moves the first frame that is seen, after a rewind that goes back before
that, and in a melody or style model wherever its prompt changes.

The next window is read in pieces beforehand. To read its 12 s when it is due would hold up the
sound, just where a fader that moves may take the stream back to again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from core.generation.params import Prompt
from core.generation.reading import PromptKeys, Reader
from core.generation.steering_timeline import Branches
from core.generation.stream_plan import StreamPlan
from core.model.language_model import LanguageModel, LMState

GOES_BACK = 1_250  # steps, 25 s: farther than an endless take runs ahead of the ear
PIECE = 32  # positions of the next window that are read at once …
EVERY = 8  # … and steps from one piece to the next
EARLY = 1 / 8  # of a window before it is full, the next one is begun


@dataclass(slots=True)
class Window:
    """state: has read the codes from frame `first` on. branches: what its rows are."""

    state: LMState
    first: int
    branches: Branches
    told: Prompt | None = None  # what its prefix was made of, in a melody or style model
    until: int = 0  # of one that is over: the step up to which it is kept

    def cut(self, step: int) -> bool:
        """Keep what `step` is to see of it; → whether that is anything."""
        left = max(0, min(self.state.codes, step - 1 - self.first))
        self.state.cut(left)
        return left > 0


class Windows:
    """One stream's. `now` has read all before the step that is drawn next, or is None."""

    def __init__(self, reader: Reader, plan: StreamPlan) -> None:
        self.reader, self._plan = reader, plan
        self.now: Window | None = None
        self._before: Window | None = None
        self._next: Window | None = None

    # ------------------------------------------------------------------ before a step

    def due(self, step: int) -> Tensor | None:
        """The logits [rows,K,V] for `step`, where a state had to be made for it; else None, and
        the state is ready for a step of the model."""
        held, branches = self._plan.at(step), self._plan.branches(step)
        first, now = self._plan.first_seen(step), self.now
        if self._before is not None and step > self._before.until:
            self._before = None
        if now is None or first != now.first or self._reads_anew(now, held.prompt, branches):
            if now is not None and first > now.first:
                now.until = step + GOES_BACK
                self._before = now
            return self._begin(step, first, branches)
        if branches != now.branches:
            now.state.cache = self.reader.rows(now.state.cache, now.branches, branches, step, first)
            now.branches = branches
        now.state.text = self.reader.keys(held.prompt, branches)
        return None

    def _begin(self, step: int, first: int, branches: Branches) -> Tensor:
        """Another window; → the logits for `step`."""
        coming, self._next = self._next, None
        if coming is not None and (coming.first, coming.branches) == (first, branches):
            self.now = coming
            return self.reader.read_on(coming.state, step, first, branches)
        state, logits = self.reader.primed(step, first, branches)
        self.now = Window(state, first, branches, self._plan.at(step).prompt)
        return logits

    def _reads_anew(self, now: Window, prompt: Prompt, branches: Branches) -> bool:
        """Whether a melody or style model's state began with something else than it is told now.

        Such a model reads it before the codes, so that what it is told is told of its past too.
        """
        return now.state.prefix is not None and (now.told, now.branches) != (prompt, branches)

    @property
    def most(self) -> int:
        """Positions that a state may come to reach, a prefix included."""
        return self._plan.longest + (0 if self.now is None else self.now.state.prefix_length)

    # ------------------------------------------------------------------ between steps

    def read_ahead(self, step: int) -> None:
        """`step` is drawn next: read a piece of the window that comes after this one, if it comes
        soon. Nothing where a device reads all of it faster than that, or what it begins with
        depends on when it begins."""
        now = self.now
        if step % EVERY or now is None or now.state.prefix is not None or self.reader.lent_room:
            return
        soon = step + int(EARLY * self._plan.longest)
        if self._plan.end is not None:
            soon = min(soon, self._plan.end + self._plan.max_delay)
        first = self._plan.first_seen(soon)
        if first <= now.first:
            return
        coming = self._next
        if coming is None or (coming.first, coming.branches) != (first, now.branches):
            self._before = None  # three would be much memory
            coming = Window(self.reader.empty(step, first, now.branches), first, now.branches)
            self._next = coming
        stop = first + coming.state.codes + PIECE
        if stop < step:  # the last position is for when logits are wanted
            self.reader.read_on(coming.state, stop, first, coming.branches)

    def cut(self, step: int) -> None:
        """`step` is drawn next: what comes after it was not read."""
        if self.now is None:
            return
        first = self._plan.first_seen(step)
        if self._before is not None and self._before.first == first:
            # Else all of a full window would be read again, just when sound is wanted soon.
            self._next = None if self.now.state.prefix is not None else self.now
            self.now, self._before = self._before, None
        if self.now.first != first:
            self.now = self._before = None
        else:
            self.now.cut(step)
        if self._next is not None and not self._next.cut(step):
            self._next = None

    def take_over(self, now: Window | None) -> None:
        """Go on from this window, or from none."""
        self.now, self._before, self._next = now, None, None

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None:
        """The same model on another device, where all is to be read again."""
        self.reader.move(model, conditioner)
        self.take_over(None)

    def forget_text(self) -> None:
        """The conditioner makes other keys now; past positions keep theirs."""
        self.reader.forget_text()
        self._next = None
