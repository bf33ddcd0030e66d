"""Continuing what was just played: which bars of the input, and on which bar the take starts.

The bars that are heard end on a bar line, and the take starts on another one: it has to be made
in between. An engine that is quick enough also makes the music of the bars in between, which are
not heard: so a four-bar round goes on where it would be by then. A slower one goes on from the
line where the bars ended.
"""

from __future__ import annotations

import numpy as np

from core.errors import BadClip, BadInput
from core.generation.params import BarGrid
from core.types import FRAME_RATE, frames_of
from daw_bridge.audio.messages import Capture, Captured, OpenInput
from daw_bridge.commands import ContinueInput, Record
from daw_bridge.events import Accepted, Problem
from daw_bridge.session_continue import start
from daw_bridge.session_flight import Context
from daw_bridge.session_melody import listen
from daw_bridge.session_schedule import MARGIN, SPEED_TRUSTED
from daw_bridge.session_state import InputPlan, Pending, SessionState, Wish
from daw_bridge.session_takes import start_take
from daw_bridge.session_turn import Turn

SILENT = 1e-4  # a clip whose peak stays below this (-80 dB) has nothing to continue
CLIPPED, CLIPPED_SHARE = 0.999, 1e-3  # of the samples: a few may be peaks
CAPTURE_TIMEOUT = 5.0  # seconds
ARRIVAL = 0.06  # seconds from a bar line until the input up to it is here
QUICK = 1.5  # times as fast as the ear an engine must be to make bars that are not heard
PLANNED = 64  # bar lines that are looked at


def plan(state: SessionState, now: float) -> InputPlan | None:
    """The earliest bar that the take can start on, and the last one that it can hear.

    None while no clock rolls, or without quantisation: then what was played until now is
    continued at once.
    """
    every, transport = int(state.values["quantize"]), state.transport
    line = transport.next_bar(now, beats=state.beats, every=every)
    if line is None:
        return None
    bar, speed = state.bar_seconds, SPEED_TRUSTED * state.speed
    ready = state.ready_after + state.latency + MARGIN
    starts = line.at
    while True:
        ends = starts
        while ends > now:
            ends -= bar
            skipped = starts - ends if speed >= QUICK else 0.0
            made = max(now, ends + ARRIVAL) + ready + (skipped / speed if skipped else 0.0)
            if made <= starts:
                return InputPlan(ends, starts, frames_of(skipped))
        starts += every * bar
        if starts > line.at + PLANNED * every * bar:  # an engine that never gets there
            return InputPlan(ends, starts)


def continue_input(turn: Turn, command: ContinueInput) -> None:
    state = turn.state
    if state.recorded is not None:
        turn.change(recorded=None)  # a recording is continued once, then the input again
        start_take(turn, command.origin, state.recorded, command.prompt)
        return
    if not state.input:
        raise BadInput("no input is open; choose one with --input or in the panel")
    pending = Pending(Wish.INPUT, command.origin, command.prompt, turn.now)
    if state.recording_since is not None:
        _capture(turn, pending, turn.now - state.recording_since)
        return
    planned = plan(state, turn.now)
    pending = Pending(Wish.INPUT, command.origin, command.prompt, turn.now, planned)
    _capture(turn, pending, state.values["context"] * state.bar_seconds)


def record_input(turn: Turn, command: Record) -> None:
    """On: from now. Off: what was played since is what `continue` continues next."""
    state, since = turn.state, turn.state.recording_since
    if command.on:
        if not state.input:
            turn.send(OpenInput(state.input_wanted))
        turn.change(recording_since=turn.now, recorded=None)
    elif since is not None:
        turn.change(recording_since=None)
        _capture(turn, Pending(Wish.RECORDING, command.origin, None, turn.now), turn.now - since)
    turn.send(Accepted(0, command.origin))


def _capture(turn: Turn, pending: Pending, seconds: float) -> None:
    longest = turn.state.window_seconds
    if pending.plan and seconds > longest:  # whole bars, if one fits
        bar = turn.state.bar_seconds
        longest = max(1, longest // bar) * bar
    seconds = min(max(seconds, 0.1), longest)
    until = pending.plan.ends if pending.plan else 0.0
    turn.send(Capture(turn.new_token(pending), seconds, until))


def forget_late_questions(turn: Turn) -> None:
    """An input that does not answer is said to be dead, not waited for."""
    for token, pending in turn.state.pending.items():
        waits_for_input = pending.wish in (Wish.INPUT, Wish.RECORDING, Wish.TUNE)
        due = max(pending.asked_at, pending.plan.ends if pending.plan else 0.0)
        if waits_for_input and turn.now - due > CAPTURE_TIMEOUT:
            turn.take_pending(token)
            text = "the input did not answer; open it again with --input or in the panel"
            turn.send(Problem("audio", text, pending.origin))


# ---------------------------------------------------------------- answers


def clip_captured(turn: Turn, captured: Captured) -> None:
    pending = turn.take_pending(captured.token)
    if pending is None:
        return
    pcm, rate = captured.pcm, captured.rate
    if pending.plan:
        pcm = _whole_bars(pcm, turn.state.bar_seconds * rate)
    if not len(pcm):
        text = "nothing was captured; choose an input with --input or in the panel"
        turn.send(Problem(BadClip.code, text, pending.origin))
        return
    if not np.isfinite(pcm).all():
        text = "the input holds samples that are no numbers; check what is routed to it"
        turn.send(Problem(BadClip.code, text, pending.origin))
        return
    size = np.abs(pcm).max(axis=1)
    if float(size.max()) < SILENT:
        text = "the input is silent; check what is routed to it"
        turn.send(Problem(BadClip.code, text, pending.origin))
        return
    if pending.wish is Wish.TUNE:
        listen(turn, pending, pcm, rate)
        return
    if float((size >= CLIPPED).mean()) > CLIPPED_SHARE:
        text = "the input clips; it is continued as it is, turn it down for a cleaner take"
        turn.send(Problem("clipped_input", text, pending.origin))
    context = Context(clip=pcm, clip_rate=rate, source="input")
    if pending.wish is Wish.RECORDING:
        turn.change(recorded=context)
    elif pending.plan is None:
        start(turn, pending, context)
    else:
        grid = BarGrid(FRAME_RATE * turn.state.bar_seconds)
        begin, skip = pending.plan.starts, pending.plan.skip
        pending = Pending(pending.wish, pending.origin, pending.prompt, turn.now)
        start(turn, pending, Context(clip=pcm, clip_rate=rate, source="input",
                                     bars=grid, skip=skip, begin=begin))  # fmt: skip


def _whole_bars(pcm: np.ndarray, bar: float) -> np.ndarray:
    """Of an input that was opened lately: the whole bars at its end, if there is one."""
    bars = int((len(pcm) + 1) / bar)
    return pcm[-round(bars * bar) :] if bars else pcm
