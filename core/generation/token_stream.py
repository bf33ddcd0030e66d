"""The language model's loop: one finished frame of codes at a time.

    stream = TokenStream(lm, conditioner, Prompt("…"), SamplingParams(), frames=500)
    while (frame := stream.next_frame()) is not None:
        ...  # [K] int64 on the host

Nothing runs between calls: to cancel is to stop calling. `change_prompt` and
`change_sampling` take effect at the next step, and what was drawn before stays in the
cache. A frame is finished `max_delay + 1` steps after it was begun, so the first call
runs that many steps (4), and each later call one.

With the same model, device, arguments and calls the codes are the same, and a stream that
goes on from the first F frames of another (same prompt, sampling and end) gives the others'
remainder, drawn or greedy, past the window too. Where the end differs, the last `max_delay`
frames do: at its end the first codebook has stopped while the others catch up. A stream with
an open end (`closed=False`) stops as if the music went on, so where it ended does not show.
Greedy codes of a closed one are those of `transformers`' MusicGen for a prompt that is not
empty, up to the window's end.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import BadInput
from core.generation.context_window import first_frame_seen
from core.generation.delay_pattern import DelayedCodes
from core.generation.guidance import guide
from core.generation.params import Prompt, SamplingParams
from core.generation.sampling import draw, seed_of_step
from core.model.language_model import LanguageModel, LMState, TextKeys

ENDLESS_CAPACITY = 512  # positions allocated at first when the end is not known


class PromptKeys(Protocol):
    """What a stream needs of a conditioner (`core.model.conditioner.Conditioner`)."""

    def text_keys(self, prompt: Prompt) -> TextKeys | None:
        """Cross-attention keys and values of a prompt, None for an empty one."""
        ...


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
    ) -> None:
        """context: codes [K,F0] to continue from, the delay undone; they are not given out again.
        frames: new frames wanted; None goes on without end.
        window_frames: frames one pass may span; None takes the model's trained window.
        closed: the model is told of the end, as `transformers` does; False: as if it went on.
        Raises BadInput when the context does not fit the model.
        """
        config = model.config
        self._model, self._conditioner = model, conditioner
        self._window = window_frames or config.window_frames
        self._max_delay = config.max_delay
        known = _checked(context, config.codebooks, config.vocab)
        begun = 0 if known is None else known.shape[1]
        self._end = None if frames is None else begun + max(0, frames)
        told = self._end if closed else None
        self._codes = DelayedCodes(config.delays, config.special_token, known, told)
        self._step = begun + 1  # the step that is drawn next
        self._first = 0  # the first frame the state was made from
        self._state: LMState | None = None
        self._told = False  # whether the state's first row sees a text
        self._sampling = sampling
        self._generator = torch.Generator(model.device)  # its own: nobody else disturbs it
        self.frames_done = 0
        self.prompt = prompt
        self._text = self._keys_of(prompt)

    @property
    def sampling(self) -> SamplingParams:
        return self._sampling

    @property
    def context_frames(self) -> int:
        """Frames of context this stream continues from."""
        return self._codes.context_frames

    def change_prompt(self, prompt: Prompt) -> None:
        """From the next step on. Past positions keep what they were computed with."""
        self.prompt, self._text = prompt, self._keys_of(prompt)

    def change_sampling(self, sampling: SamplingParams) -> None:
        """From the next step on."""
        self._sampling = sampling

    @torch.inference_mode()
    def next_frame(self) -> Tensor | None:
        """The next frame's codes [K], int64 on the host; None when all wanted are done."""
        frame = self._codes.context_frames + self.frames_done
        if self._end is not None and frame >= self._end:
            return None
        while self._step <= frame + self._codes.last_lag:
            self._advance()
        self.frames_done += 1
        return torch.from_numpy(self._codes.frames(frame, frame + 1)[:, 0])

    def codes(self) -> NDArray[np.int64]:
        """A copy of the new frames given out so far [K,frames_done]."""
        first = self._codes.context_frames
        return self._codes.frames(first, first + self.frames_done)

    # ------------------------------------------------------------------ one step

    def _advance(self) -> None:
        """Draw one step: every codebook, each for the frame it is at."""
        logits = self._logits()
        scale = self._sampling.guidance
        combined = guide(logits, scale) if logits.shape[0] == 2 else logits[0]
        self._generator.manual_seed(seed_of_step(self._sampling.seed, self._step))
        tokens = draw(combined, self._sampling, self._generator)
        self._codes.write(self._step, tokens.cpu().numpy())
        self._step += 1

    def _logits(self) -> Tensor:
        """Logits [rows,K,V] for the step that is due."""
        first = first_frame_seen(self._step, self._window, self._max_delay)
        if self._state is None or first != self._first:
            self._first = first
            self._state, logits = self._primed(self._rows_wanted, self._text, self._step)
            self._told = self._text is not None
            return logits
        self._arrange_rows(self._state)
        column = torch.from_numpy(self._codes.column(self._step - 1, first))
        return self._model.step(column.unsqueeze(0).to(self._model.device), self._state)

    def _primed(self, rows: int, text: TextKeys | None, step: int) -> tuple[LMState, Tensor]:
        """A state that has read everything before `step`, and the logits for it."""
        columns = torch.from_numpy(self._codes.columns(self._first, step))
        state = self._model.new_state(rows, self._capacity(), text)
        return state, self._model.prefill(columns.unsqueeze(0).to(self._model.device), state)

    def _capacity(self) -> int:
        most = self._window + self._max_delay
        if self._end is None:
            return min(most, self._step - self._first + ENDLESS_CAPACITY)
        return min(most, self._end + self._max_delay)

    # ------------------------------------------------------------------ guidance's rows

    @property
    def _rows_wanted(self) -> int:
        """Two where guidance has two branches to compare: with text and without.

        An empty prompt has one branch: both would be the null branch (AudioCraft).
        """
        return 2 if self._text is not None and self._sampling.guidance != 1 else 1

    def _arrange_rows(self, state: LMState) -> None:
        """Fit the state to the prompt and guidance of this step. Usually nothing to do."""
        rows, told = self._rows_wanted, self._text is not None
        cache = state.cache
        if rows < cache.rows:
            # Without guidance the branch with text goes on; without text the null branch,
            # which has never seen one.
            state.cache = cache.row(0 if told else 1)
        elif rows > cache.rows and self._told:
            # The null branch was never run: run it over what has been drawn.
            null, _ = self._primed(1, None, self._step - 1)
            state.cache = cache.joined(null.cache)
        elif rows > cache.rows:
            state.cache = cache.repeated()
        state.text, self._told = self._text, told

    def _keys_of(self, prompt: Prompt) -> TextKeys | None:
        with torch.inference_mode():
            return self._conditioner.text_keys(prompt)


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
