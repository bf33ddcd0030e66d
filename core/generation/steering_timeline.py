"""What held at which step: prompts and sampling that change while a generation runs. Pure.

Step s draws the first codebook of frame s − 1, so what holds from frame F on holds from step
F + 1 on. Position p of the state is read when step p + 1 is drawn, and told what holds then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.generation.params import Prompt, SamplingParams, Steering

# The rows that are run: "told" sees what it is told, "style" of that the style alone, "null" the
# negative text.
Branches = tuple[str, ...]


def branches_of(prompt: Prompt, sampling: SamplingParams) -> Branches:
    """Two where guidance has two branches to compare; three where words are pushed beyond a style.

    An empty prompt without a negative one, a melody or a style has one branch: both would be the
    null branch (AudioCraft).
    """
    if not prompt.guidable:
        return ("null",)
    if sampling.guidance == 1:
        return ("told",)
    pushed = prompt.style and prompt.texts and sampling.text_push != 1
    return ("told", "style", "null") if pushed else ("told", "null")


@dataclass(frozen=True, slots=True)
class Held:
    """From this step on."""

    step: int
    prompt: Prompt
    sampling: SamplingParams


class SteeringTimeline:
    """Never empty: the first entry holds from the start."""

    def __init__(
        self,
        prompt: Prompt,
        sampling: SamplingParams,
        changes: Sequence[Steering] = (),
        context_frames: int = 0,
    ) -> None:
        """prompt, sampling: what new frames begin with. changes: of the context, those from its
        frames (below 0); without any it is read with the prompt of the new frames, as a clip's
        is. Others are not looked at."""
        self._held: list[Held] = []
        past = [change for change in in_order(changes) if change.frame < 0]
        for change in past or [Steering(0, prompt, sampling)]:
            step = max(1, context_frames + change.frame + 1)
            self._put(Held(step, change.prompt, change.sampling))
        self._held[0] = replace(self._held[0], step=1)
        if past:
            self._put(Held(context_frames + 1, prompt, sampling))

    def at(self, step: int) -> Held:
        """What holds when `step` is drawn."""
        return self._held[self._place(step)]

    def told_since(self, step: int) -> int:
        """The frame from which on the prompt has been what it is when `step` is drawn."""
        place = self._place(step)
        while place and self._held[place - 1].prompt == self._held[place].prompt:
            place -= 1
        return self._held[place].step - 1

    def change(
        self, step: int, *, prompt: Prompt | None = None, sampling: SamplingParams | None = None
    ) -> None:
        """From `step` on, in place of whatever was to come."""
        held = self.at(step)
        self._held = [one for one in self._held if one.step < step]
        self._put(Held(step, prompt or held.prompt, sampling or held.sampling))

    def cut(self, step: int) -> list[Steering]:
        """Take out what holds from later steps on, by the frames they draw."""
        later = [Steering(h.step - 1, h.prompt, h.sampling) for h in self._held if h.step > step]
        self._held = [one for one in self._held if one.step <= step]
        return later

    def prompts(self, first: int, stop: int) -> list[tuple[int, Prompt]]:
        """What positions `first` … `stop − 1` are told: from which on, in order."""
        told = [(first, self.at(first + 1).prompt)]
        for held in self._held:
            if first + 1 < held.step <= stop and held.prompt != told[-1][1]:
                told.append((held.step - 1, held.prompt))
        return told

    def says_anything(self, first: int, stop: int) -> bool:
        """Whether any of these positions is told a text, or a negative one."""
        return any(p.texts or p.negative.strip() for _, p in self.prompts(first, stop))

    def _place(self, step: int) -> int:
        return max(0, bisect_right(self._held, step, key=lambda held: held.step) - 1)

    def _put(self, held: Held) -> None:
        if self._held and self._held[-1].step == held.step:
            self._held.pop()
        self._held.append(held)


def in_order(changes: Sequence[Steering]) -> list[Steering]:
    return sorted(changes, key=lambda change: change.frame)
