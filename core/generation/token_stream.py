"""The language model's loop: one finished frame of codes at a time.

    stream = TokenStream(lm, conditioner, Prompt("…"), SamplingParams(), frames=500)
    while (frame := stream.next_frame()) is not None:
        ...  # [K] int64 on the host

Nothing runs between calls: to cancel is to stop calling. `change_prompt` and
`change_sampling` take effect at the next step; of what was drawn before a new prompt leaves the
last bar or two (`core.generation.context_window`). `rewind` forgets the last frames, which are
then drawn anew. A frame is finished `max_delay + 1` steps after it was begun, so the first call
runs that many steps (4), and each later call one. With `loops` a device draws further steps
meanwhile, which a change drops: what is given is the same.

With the same model, device, arguments and calls the codes are the same, and a stream that
goes on from the first F frames of another (same prompt, sampling and end) gives the others'
remainder, drawn or greedy, past the window too, also where prompt and sampling changed on the
way and `changes` says when. Where the end differs, the last `max_delay`
frames do: at its end the first codebook has stopped while the others catch up. A stream with
an open end (`closed=False`) stops as if the music went on, so where it ended does not show.
Greedy codes of a closed one are those of `transformers`' MusicGen for a prompt that is not
empty, up to the window's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import BadInput
from core.generation.context_window import first_frame_seen
from core.generation.delay_pattern import DelayedCodes
from core.generation.device_loop import MOST_STEPS, DeviceLoops
from core.generation.guidance import guide
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.sampling import draw, seed_of_step
from core.generation.steering_timeline import Branches, SteeringTimeline, branches_of, in_order
from core.generation.steps_ahead import Lane, StepsAhead
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


class TokenStream:
    """One generation. Used by one thread; the model may be shared between streams in turn."""

    def __init__(
        self,
        model: LanguageModel,
        conditioner: PromptKeys,
        prompt: Prompt,
        sampling: SamplingParams,
        context: Tensor | NDArray[np.int64] | None = None,
        frames: int | None = None,
        window_frames: int | None = None,
        closed: bool = True,
        changes: Sequence[Steering] = (),
        bars: BarGrid | None = None,
        loops: DeviceLoops | None = None,
    ) -> None:
        """context: codes [K,F0] to continue from, the delay undone; they are not given out again.
        frames: new frames wanted; None goes on without end.
        window_frames: frames one pass may span; None takes the model's trained window.
        closed: the model is told of the end, as `transformers` does; False: as if it went on.
        changes: what holds from which new frame on in place of prompt and sampling; frames
            below 0 are the context's, so that its past is read as it was written.
        bars: where bar lines fall, counted from the first new frame; None: it is not known.
        loops: the model's, where its device draws by itself; None: each step is drawn from here.
        Raises BadInput when the context does not fit the model, or it hears no melody.
        """
        config = model.config
        if prompt.melody and not config.hears_melody:
            raise BadInput(
                "this model follows no melody; leave it out or load facebook/musicgen-melody"
            )
        self._model, self._conditioner = model, conditioner
        self._window = window_frames or config.window_frames
        self._max_delay = config.max_delay
        known = _checked(context, config.codebooks, config.vocab)
        begun = 0 if known is None else known.shape[1]
        self._end = None if frames is None else begun + max(0, frames)
        told = self._end if closed else None
        self._bars = None if bars is None else bars.moved(begun)
        self._codes = DelayedCodes(config.delays, config.special_token, known, told)
        self._step = begun + 1  # the step that is drawn next
        self._asked = begun + 1  # … or would be, if none was drawn before it is needed
        self._ahead = None if loops is None else StepsAhead(loops)
        self._first = 0  # the first frame the state was made from
        self._state: LMState | None = None
        self._branches: Branches = ()  # what the state's rows are
        self._past: _Past | None = None
        self._text: tuple[object, TextKeys | None] | None = None  # the keys used last, and of what
        self._read: tuple[Prompt, Branches] | None = None  # what a melody model's state began with
        self._timeline = SteeringTimeline(prompt, sampling, changes, begun)
        self._planned = [  # in order, by the frame from which on they hold, the context's included
            replace(one, frame=begun + one.frame) for one in in_order(changes) if one.frame > 0
        ]
        self._generator = torch.Generator()  # its own: nobody else disturbs it
        self.frames_done = 0
        self._keys_of(prompt, branches_of(prompt, sampling))  # now, while nothing is waiting

    @property
    def model(self) -> LanguageModel:
        return self._model

    @property
    def prompt(self) -> Prompt:
        return self._timeline.at(self._asked).prompt

    @property
    def sampling(self) -> SamplingParams:
        return self._timeline.at(self._asked).sampling

    @property
    def context_frames(self) -> int:
        """Frames of context this stream continues from."""
        return self._codes.context_frames

    def change_prompt(self, prompt: Prompt) -> None:
        """From the next step on. Positions that are still seen keep what they were told."""
        self._drop_ahead()
        self._timeline.change(self._step, prompt=prompt)
        self._planned = []

    def change_sampling(self, sampling: SamplingParams) -> None:
        """From the next step on."""
        self._drop_ahead()
        self._timeline.change(self._step, sampling=sampling)
        self._planned = []

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None:
        """Go on with the same model on another device, from the tokens that there are."""
        self._model, self._conditioner, self._ahead = model, conditioner, None
        self._state = self._past = self._text = self._read = None

    def forget_text(self) -> None:
        """The conditioner makes other keys now; past positions keep theirs."""
        self._drop_ahead()
        self._text = None

    def rewind(self, frames: int) -> None:
        """Keep `frames` new frames and draw those after them anew; below 0 context goes too.

        Changes on the way are made again, where they were: the same is drawn again. But one that
        is made now, before anything is drawn, holds from the first frame that is drawn anew.
        """
        last = self.context_frames + max(-self.context_frames, min(frames, self.frames_done))
        self.frames_done = max(0, last - self.context_frames)
        self._back_to(last)
        self._planned = [*self._timeline.cut(self._step), *self._planned]

    def _back_to(self, frame: int) -> None:
        """Nothing is known from `frame` on, the context's included in the count."""
        self._step = min(self._step, frame + 1)
        self._asked = min(self._asked, frame + 1)
        self._codes.forget(frame)
        self._cut_state()

    def _drop_ahead(self) -> None:
        """Nothing is known that was not asked for."""
        if self._step > self._asked:
            self._step = self._asked
            self._codes.forget_drawn(self._step)
            self._cut_state()
        elif self._ahead is not None:
            self._ahead.drop()

    def _cut_state(self) -> None:
        """It stands before the step that is drawn next."""
        if self._ahead is not None:
            self._ahead.drop()
        if self._state is None:
            return
        past, first = self._past, self._first_seen()
        if past is not None and first == past.first:
            # Else all of a full window would be read again, just when sound is wanted soon.
            self._state, self._first = past.state, past.first
            self._branches, self._read = past.branches, past.read
            self._past = None
        if first == self._first:
            # positions read before this step was due
            self._state.cut(self._step - 1 - self._first)
        else:
            self._state = self._past = None

    @torch.inference_mode()
    def next_frame(self) -> Tensor | None:
        """The next frame's codes [K], int64 on the host; None when all wanted are done."""
        frame = self._codes.context_frames + self.frames_done
        if self._end is not None and frame >= self._end:
            return None
        if self._planned and self._planned[0].frame <= frame:
            change = self._planned.pop(0)
            self._back_to(frame)
            self._timeline.change(self._step, prompt=change.prompt, sampling=change.sampling)
        while self._step <= frame + self._codes.last_lag:
            self._advance()
        self._asked = max(self._asked, frame + self._codes.last_lag + 1)
        self.frames_done += 1
        return torch.from_numpy(self._codes.frames(frame, frame + 1)[:, 0])

    def codes(self) -> NDArray[np.int64]:
        """A copy of the new frames given out so far [K,frames_done]."""
        first = self._codes.context_frames
        return self._codes.frames(first, first + self.frames_done)

    # ------------------------------------------------------------------ one step

    def _advance(self) -> None:
        """Draw one step: every codebook, each for the frame it is at. More where that is ahead."""
        logits = self._made_anew()
        if logits is not None:
            self._draw(logits)
            return
        assert self._state is not None
        if self._ahead is None:
            column = torch.from_numpy(self._codes.column(self._step - 1, self._first))
            column = column.unsqueeze(0).to(self._model.device)
            self._draw(self._model.step(column, self._state))
            return
        for tokens in self._ahead.draw(
            [self._lane()], self._state, len(self._branches), self._first, self._step,
            self._alike, self._most(),
        ):  # fmt: skip
            self._keep(tokens[0])

    def _draw(self, logits: Tensor) -> None:
        """The tokens of the step that is due, from its rows of logits [rows,K,V]."""
        sampling = self._timeline.at(self._step).sampling
        combined = guide(logits, sampling.guidance) if logits.shape[0] == 2 else logits[0]
        self._generator.manual_seed(seed_of_step(sampling.seed, self._step))
        self._keep(draw(combined, sampling, self._generator).cpu().numpy())

    def _keep(self, tokens: NDArray[np.int64]) -> None:
        """What was drawn for the step that is due [K]."""
        self._codes.write(self._step, tokens)
        self._step += 1

    def _made_anew(self) -> Tensor | None:
        """Logits [rows,K,V] for the step that is due, where the state must be made for it; else
        the state is made ready."""
        held = self._timeline.at(self._step)
        branches = self._due_branches()
        first = self._first_seen()
        if self._past is not None and self._step > self._past.until:
            self._past = None
        if self._state is None or first != self._first or self._reads_anew(held.prompt, branches):
            if self._state is not None and first > self._first:
                self._past = _Past(
                    self._step + GOES_BACK, self._state, self._first, self._branches, self._read
                )
            self._first, self._branches = first, branches
            self._state, logits = self._primed(branches, self._step)
            return logits
        self._arrange_rows(self._state, branches)
        self._state.text = self._keys_of(held.prompt, branches)
        return None

    def _lane(self) -> Lane:
        return Lane(self._codes, self._timeline.at(self._step).sampling, self._generator)

    def _alike(self, step: int) -> int:
        """How many steps from `step` on are drawn from one state, told and drawn the same."""
        frame = self._planned[0].frame if self._planned else self._end
        last = step + MOST_STEPS if frame is None else frame + self._codes.last_lag - 1
        held, count = self._timeline.at(self._step), 0
        while (
            count < MOST_STEPS
            and step + count <= last
            and self._timeline.at(step + count) is held
            and self._first_seen(step + count) == self._first
        ):
            count += 1
        return count

    def _due_branches(self) -> Branches:
        """The rows that the step which is due is drawn from."""
        held = self._timeline.at(self._step)
        return branches_of(held.prompt, held.sampling)

    def _first_seen(self, step: int | None = None) -> int:
        """The first frame that a step looks back on; None: the step which is due."""
        due = self._step if step is None else step
        told = self._timeline.told_since(due)
        return first_frame_seen(due, self._window, self._max_delay, self._bars, told)

    def _primed(self, branches: Branches, step: int) -> tuple[LMState, Tensor]:
        """A state that has read everything before `step`, and the logits for it.

        Each position is told what it was told when it was new, so that nothing shows of when
        the state was made.
        """
        columns = torch.from_numpy(self._codes.columns(self._first, step)).unsqueeze(0)
        columns = columns.to(self._model.device)
        if self._model.config.hears_melody:
            prompt = self._timeline.at(step).prompt
            prefix = self._conditioner.prefix(prompt, branches, self._first)
            state = self._model.new_state(len(branches), self._capacity(), prefix=prefix)
            self._read = (prompt, branches)
            return state, self._model.prefill(columns, state)
        spans = [
            (position - self._first, self._keys_of(prompt, branches))
            for position, prompt in self._timeline.prompts(self._first, step)
        ]
        state = self._model.new_state(len(branches), self._capacity(), spans[-1][1])
        return state, self._model.prefill(columns, state, spans)

    def _reads_anew(self, prompt: Prompt, branches: Branches) -> bool:
        """Whether a melody model's state began with something else than it is told now.

        Such a model reads melody and text before the codes, so that what it is told is told of
        its past too: all of it is read once more.
        """
        return self._model.config.hears_melody and self._read != (prompt, branches)

    def _most(self) -> int:
        """Positions that a state may come to reach, a melody model's prefix included."""
        prefix = 0 if self._state is None else self._state.prefix_length
        return prefix + self._window + self._max_delay

    def _capacity(self) -> int:
        most = self._window + self._max_delay
        if self._ahead is not None:  # the loop has the room
            return self._step - self._first
        # Without an end a whole window: states of one size leave no holes in memory as they go.
        return most if self._end is None else min(most, self._end + self._max_delay)

    # ------------------------------------------------------------------ guidance's rows

    def _arrange_rows(self, state: LMState, branches: Branches) -> None:
        """Fit the state to the branches of this step. Usually nothing to do."""
        if branches == self._branches:
            return
        rows = [self._row(state.cache, branch) for branch in branches]
        state.cache = rows[0].joined(rows[1]) if len(rows) == 2 else rows[0]
        self._branches = branches

    def _row(self, cache: KVCache, branch: str) -> KVCache:
        """One branch's past: as it is, or run over what has been drawn."""
        if branch in self._branches:
            return cache.row(self._branches.index(branch))
        if not self._timeline.says_anything(self._first, self._step - 1):
            return cache.row(0)  # all branches are alike so far
        return self._primed((branch,), self._step - 1)[0].cache

    def _keys_of(self, prompt: Prompt, branches: Branches) -> TextKeys | None:
        """What the rows of these branches are told."""
        if self._model.config.hears_melody:
            return None  # not by cross-attention
        wanted = (prompt, branches)
        if self._text is None or self._text[0] != wanted:
            with torch.inference_mode():
                told = self._conditioner.text_keys(prompt) if "told" in branches else None
                away = self._conditioner.negative_keys(prompt) if "null" in branches else None
                both = away if "told" not in branches else stacked(told, away)
                self._text = (wanted, both)
        return self._text[1]


def _checked(
    context: Tensor | NDArray[np.int64] | None, books: int, entries: int
) -> NDArray[np.int64] | None:
    """The context as host numpy int64 [K,F0], None when there is none."""
    if context is None:
        return None
    codes = context.cpu().numpy() if isinstance(context, Tensor) else np.asarray(context)
    if codes.ndim != 2 or codes.shape[0] != books:
        raise BadInput(
            f"context codes have shape {list(codes.shape)}; this model wants [{books}, frames]"
        )
    if codes.shape[1] == 0:
        return None
    if codes.min() < 0 or codes.max() >= entries:
        raise BadInput(f"context codes must be 0 to {entries - 1}; they are from another codec")
    return codes.astype(np.int64)
