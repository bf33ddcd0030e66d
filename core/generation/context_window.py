"""Past the trained window: which of its own tokens a generation still looks at. Pure.

The model learnt positions up to its window (30 s). When a generation reaches the end of
it, the state is made again from the last 40 % of the tokens (12 s of 30, AudioCraft's
stride of 18 s) and goes on from there. The token that comes next is drawn as ever, so
nothing is repeated or left out.

Where bars are known, a context begins on a bar line: the starter has learnt that position 0 is
one. It is then up to a bar longer, never shorter.

Where the context begins depends on the step and the bars alone, not on how the generation got
there: so continuing from stored tokens meets the same contexts as the run that stored them.
"""

from __future__ import annotations

import math

from core.generation.params import BarGrid

KEPT_SHARE = 0.4


def kept_frames(window_frames: int) -> int:
    """Frames of context that stay when the window is full."""
    return max(1, round(KEPT_SHARE * window_frames))


def first_frame_seen(
    step: int, window_frames: int, max_delay: int, bars: BarGrid | None = None
) -> int:
    """The first frame the model looks at when it is about to draw `step` (1 is the first).

    The steps it reads then are `first_frame_seen` … `step - 1`: never more than a
    window's frames with their delay. bars: counted from frame 0; None: there are none.
    """
    room = window_frames + max_delay
    if step <= room:
        return 0
    stride: float = room - min(kept_frames(window_frames), room - 1)
    origin = 0.0
    if bars is not None:
        bar = bars.frames
        while bar > stride:  # of very long bars a half, a quarter …
            bar /= 2
        stride = math.floor(stride / bar) * bar
        origin = -(-bars.first % bar)  # the last line at frame 0 or before
    number = max(1, math.floor((step - room - origin) / stride))
    while room + _line(origin, stride, number) < step:
        number += 1
    return _line(origin, stride, number)


def _line(origin: float, stride: float, number: int) -> int:
    return max(0, round(origin + stride * number))
