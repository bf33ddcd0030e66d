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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import BadInput
from core.generation.delay_pattern import DelayedCodes, checked_codes
from core.generation.device_loop import MOST_STEPS, DeviceLoops
from core.generation.guidance import guide
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.reading import PromptKeys, Reader
from core.generation.sampling import draw, seed_of_step
from core.generation.steering_timeline import branches_of
from core.generation.steps_ahead import Lane, StepsAhead
from core.generation.stream_plan import StreamPlan
from core.generation.windows import Windows
from core.model.language_model import LanguageModel


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
        Raises BadInput when the context does not fit the model, or it hears no melody or style.
        """
        config = model.config
        if prompt.melody and not config.hears_melody:
            raise BadInput(
                "this model follows no melody; leave it out or load facebook/musicgen-melody"
            )
        to_come = (prompt, *(one.prompt for one in changes if one.frame >= 0))
        if any(one.style for one in to_come) and not config.hears_style:
            raise BadInput("this model follows no style; leave it out or load"
                           " facebook/musicgen-style")  # fmt: skip
        known = checked_codes(context, config.codebooks, config.vocab)
        begun = 0 if known is None else known.shape[1]
        end = None if frames is None else begun + max(0, frames)
        window_frames = window_frames or config.window_frames
        self._plan = StreamPlan(
            prompt, sampling, changes, begun, end, window_frames, config.max_delay, bars
        )
        told = end if closed else None
        self._codes = DelayedCodes(config.delays, config.special_token, known, told)
        reader = Reader(model, conditioner, self._codes, self._plan, loops is not None)
        self._windows = Windows(reader, self._plan)
        self._ahead = None if loops is None else StepsAhead(loops)
        self._step = begun + 1  # the step that is drawn next
        self._asked = begun + 1  # … or would be, if none was drawn before it is needed
        self._generator = torch.Generator()  # its own: nobody else disturbs it
        self.frames_done = 0
        reader.prepare(prompt, branches_of(prompt, sampling))

    @property
    def model(self) -> LanguageModel:
        return self._windows.reader.model

    @property
    def prompt(self) -> Prompt:
        return self._plan.at(self._asked).prompt

    @property
    def sampling(self) -> SamplingParams:
        return self._plan.at(self._asked).sampling

    @property
    def context_frames(self) -> int:
        """Frames of context this stream continues from."""
        return self._codes.context_frames

    # ------------------------------------------------------------------ changes

    def change_prompt(self, prompt: Prompt) -> None:
        """From the next step on. Positions that are still seen keep what they were told."""
        self._drop_ahead()
        self._plan.change(self._step, prompt=prompt)

    def change_sampling(self, sampling: SamplingParams) -> None:
        """From the next step on."""
        self._drop_ahead()
        self._plan.change(self._step, sampling=sampling)

    def move(self, model: LanguageModel, conditioner: PromptKeys) -> None:
        """Go on with the same model on another device, from the tokens that there are."""
        self._ahead = None
        self._windows.move(model, conditioner)

    def forget_text(self) -> None:
        """The conditioner makes other keys now; past positions keep theirs."""
        self._drop_ahead()
        self._windows.forget_text()

    def rewind(self, frames: int) -> None:
        """Keep `frames` new frames and draw those after them anew; below 0 context goes too.

        Changes on the way are made again, where they were: the same is drawn again. But one that
        is made now, before anything is drawn, holds from the first frame that is drawn anew.
        """
        last = self.context_frames + max(-self.context_frames, min(frames, self.frames_done))
        self.frames_done = max(0, last - self.context_frames)
        self._back_to(last)
        self._plan.rewind(self._step)

    def _back_to(self, frame: int) -> None:
        """Nothing is known from `frame` on, the context's included in the count."""
        self._step = min(self._step, frame + 1)
        self._asked = min(self._asked, frame + 1)
        self._codes.forget(frame)
        self._forget_read()

    def _drop_ahead(self) -> None:
        """Nothing is known that was not asked for."""
        if self._step > self._asked:
            self._step = self._asked
            self._codes.forget_drawn(self._step)
            self._forget_read()
        elif self._ahead is not None:
            self._ahead.drop()

    def _forget_read(self) -> None:
        """The model has read nothing from the step on that is drawn next."""
        if self._ahead is not None:
            self._ahead.drop()
        self._windows.cut(self._step)

    # ------------------------------------------------------------------ frames

    @torch.inference_mode()
    def next_frame(self) -> Tensor | None:
        """The next frame's codes [K], int64 on the host; None when all wanted are done."""
        frame = self._codes.context_frames + self.frames_done
        if self._plan.end is not None and frame >= self._plan.end:
            return None
        if self._plan.changes_by(frame):
            self._back_to(frame)
            self._plan.make_change(self._step)
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
        windows = self._windows
        logits = windows.due(self._step)
        if logits is not None:
            self._draw(logits)
            return
        now = windows.now
        assert now is not None
        if self._ahead is None:
            column = torch.from_numpy(self._codes.column(self._step - 1, now.first))
            column = column.unsqueeze(0).to(self.model.device)
            self._draw(self.model.step(column, now.state))
            windows.read_ahead(self._step)
            return
        for tokens in self._ahead.draw(
            [self._lane()], now.state, len(now.branches), now.first, self._step,
            lambda step: self._alike(step, now.first), windows.most,
        ):  # fmt: skip
            self._keep(tokens[0])

    def _draw(self, logits: Tensor) -> None:
        """The tokens of the step that is due, from its rows of logits [rows,K,V]."""
        sampling = self._plan.at(self._step).sampling
        combined = logits[0]
        if len(logits) > 1:
            combined = guide(logits, sampling.guidance, sampling.text_push)
        self._generator.manual_seed(seed_of_step(sampling.seed, self._step))
        self._keep(draw(combined, sampling, self._generator).cpu().numpy())

    def _keep(self, tokens: NDArray[np.int64]) -> None:
        """What was drawn for the step that is due [K]."""
        self._codes.write(self._step, tokens)
        self._step += 1

    def _lane(self) -> Lane:
        return Lane(self._codes, self._plan.at(self._step).sampling, self._generator)

    def _alike(self, step: int, first: int) -> int:
        """How many steps from `step` on are drawn from the window from `first` on, told and drawn
        the same."""
        return self._plan.alike(step, first, MOST_STEPS)
