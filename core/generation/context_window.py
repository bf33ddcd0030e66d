"""Past the trained window: which of its own tokens a generation still looks at. Pure.

The model learnt positions up to its window (30 s). When a generation reaches the end of
it, the state is made again from the last 40 % of the tokens (12 s of 30, AudioCraft's
stride of 18 s) and goes on from there. The token that comes next is drawn as ever, so
nothing is repeated or left out.

Where bars are known, a context begins on a bar line: the starter has learnt that position 0 is
one. It is then up to a bar longer, never shorter.

Where the prompt changes, the context ends too, but for one bar or two: enough for beat, key and
sound to go on. With half a minute of the old music in sight the starter sank by 4 dB after a change
(`make bench ARGS=prompts`).

Where the context begins depends on the step, the bars and the last change of the prompt alone, not
on how the generation got there: so continuing from stored tokens meets the same contexts as the
run that stored them.
"""

from __future__ import annotations

import math

from core.generation.params import BarGrid

KEPT_SHARE = 0.4
KEPT_AT_CHANGE = 100  # frames that stay where the prompt changes and no bars are known


def kept_frames(window_frames: int) -> int:
    """Frames of context that stay when the window is full."""
    return max(1, round(KEPT_SHARE * window_frames))


def first_frame_seen(
    step: int, window_frames: int, max_delay: int, bars: BarGrid | None = None, told: int = 0
) -> int:
    """The first frame the model looks at when it is about to draw `step` (1 is the first).

    The steps it reads then are `first_frame_seen` … `step - 1`: never more than a
    window's frames with their delay. bars: counted from frame 0; None: there are none.
    told: the frame from which on the prompt has been what it is.
    """
    room = window_frames + max_delay
    heard = _kept_at_change(told, window_frames, bars) if told else 0
    if step <= heard + room:
        return heard
    return heard + _in_window(step - heard, room, window_frames, bars and bars.moved(-heard))


def _kept_at_change(told: int, window_frames: int, bars: BarGrid | None) -> int:
    """The first frame that is still seen: on a line, at least a bar before the change."""
    most = kept_frames(window_frames)
    if bars is None:
        return max(0, told - min(KEPT_AT_CHANGE, most))
    bar = _no_longer(bars.frames, min(2 * KEPT_AT_CHANGE, most / 2))
    return _line(bars.first, bar, math.floor((told - bars.first) / bar) - 1)


def _in_window(step: int, room: int, window_frames: int, bars: BarGrid | None) -> int:
    stride: float = room - min(kept_frames(window_frames), room - 1)
    origin = 0.0
    if bars is not None:
        bar = _no_longer(bars.frames, stride)
        stride = math.floor(stride / bar) * bar
        origin = -(-bars.first % bar)  # the last line at frame 0 or before
    number = max(1, math.floor((step - room - origin) / stride))
    while room + _line(origin, stride, number) < step:
        number += 1
    return _line(origin, stride, number)


def _no_longer(bar: float, most: float) -> float:
    """A bar; of a very long one a half, a quarter …"""
    while bar > most:
        bar /= 2
    return bar


def _line(origin: float, stride: float, number: int) -> int:
    return max(0, round(origin + stride * number))
