"""What each step of a stream is drawn with, and how far it looks back. Pure.

Steps count as in `core.generation.delay_pattern`: step s draws frame s − 1 of the first codebook,
and frame s − 1 − `max_delay` of the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.generation.context_window import first_frame_seen
from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.steering_timeline import (
    Branches,
    Held,
    SteeringTimeline,
    branches_of,
    in_order,
)


class StreamPlan:
    """Prompt and sampling, what has changed and what is to change; the window, bars and the end."""

    def __init__(
        self,
        prompt: Prompt,
        sampling: SamplingParams,
        changes: Sequence[Steering],
        begun: int,
        end: int | None,
        window_frames: int,
        max_delay: int,
        bars: BarGrid | None,
    ) -> None:
        """begun: frames of context. end: frames that there will be with it, None: endless.

        prompt, sampling, changes, bars: as `TokenStream` is told, counted from the first new frame.
        """
        self.end, self.window_frames, self.max_delay = end, window_frames, max_delay
        self.bars = None if bars is None else bars.moved(begun)
        self._timeline = SteeringTimeline(prompt, sampling, changes, begun)
        self._to_come = [  # in order, by the frame from which on they hold, the context's included
            replace(one, frame=begun + one.frame) for one in in_order(changes) if one.frame > 0
        ]

    # ------------------------------------------------------------------ a step

    def at(self, step: int) -> Held:
        return self._timeline.at(step)

    def branches(self, step: int) -> Branches:
        """The rows that it is drawn from."""
        held = self._timeline.at(step)
        return branches_of(held.prompt, held.sampling)

    def first_seen(self, step: int) -> int:
        """The first frame that it looks back on."""
        told = self._timeline.told_since(step)
        return first_frame_seen(step, self.window_frames, self.max_delay, self.bars, told)

    def alike(self, step: int, first: int, most: int) -> int:
        """How many steps from `step` on, `most` of them, are drawn with the same and look back on
        frame `first`."""
        frame = self._to_come[0].frame if self._to_come else self.end
        last = step + most if frame is None else frame + self.max_delay
        held, count = self._timeline.at(step), 0
        while (
            count < most
            and step + count <= last
            and self._timeline.at(step + count) is held
            and self.first_seen(step + count) == first
        ):
            count += 1
        return count

    @property
    def longest(self) -> int:
        """Positions that a step may look back on."""
        return self.window_frames + self.max_delay

    # ------------------------------------------------------------------ the past

    def prompts(self, first: int, stop: int) -> list[tuple[int, Prompt]]:
        """What positions `first` … `stop − 1` are told: from which on, in order."""
        return self._timeline.prompts(first, stop)

    def says_anything(self, first: int, stop: int) -> bool:
        """Whether any of these positions is told a text, or a negative one."""
        return self._timeline.says_anything(first, stop)

    # ------------------------------------------------------------------ changes

    @property
    def changes_to_come(self) -> bool:
        return bool(self._to_come)

    def change(
        self, step: int, *, prompt: Prompt | None = None, sampling: SamplingParams | None = None
    ) -> None:
        """From `step` on, in place of whatever was to come."""
        self._timeline.change(step, prompt=prompt, sampling=sampling)
        self._to_come = []

    def changes_by(self, frame: int) -> bool:
        """Whether the next change holds from `frame` on or earlier."""
        return bool(self._to_come) and self._to_come[0].frame <= frame

    def make_change(self, step: int) -> None:
        """The next change has come; those after it stay."""
        change = self._to_come.pop(0)
        self._timeline.change(step, prompt=change.prompt, sampling=change.sampling)

    def rewind(self, step: int) -> None:
        """`step` is drawn next: changes after it are to come again, where they were."""
        self._to_come = [*self._timeline.cut(step), *self._to_come]
