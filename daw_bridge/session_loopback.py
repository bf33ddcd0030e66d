"""The loopback doctor in the session: plays, captures and tells; beside music it refuses."""

from __future__ import annotations

from dataclasses import replace

from core.errors import BadInput
from daw_bridge.audio.messages import Captured, OpenOutput, TakeEnded, TakeHeard
from daw_bridge.commands import MeasureLoopback
from daw_bridge.disk_messages import ExamineLoopback, LoopbackExamined
from daw_bridge.events import Accepted, LoopbackMeasured, Problem
from daw_bridge.loopback.report import advice, better_buffer
from daw_bridge.loopback.run import LoopbackRun
from daw_bridge.parameters import PARAMETERS
from daw_bridge.session_io import PlayBlock
from daw_bridge.session_state import LoopbackState, SessionState
from daw_bridge.session_turn import Turn


def open_output(state: SessionState, device: str | None) -> OpenOutput:
    """The device, with the block that was chosen for it."""
    return OpenOutput(device, block_frames=block_frames(state.values["buffer"]))


def block_frames(buffer: float) -> int:
    """Of a value of the parameter; 0: the device's own choice."""
    word = PARAMETERS["buffer"].words[int(buffer)]
    return int(word) if word.isdecimal() else 0


def choose_buffer(turn: Turn) -> None:
    """A device is opened again; what plays goes on where it was. A file has no buffer, and would
    be begun anew."""
    if not _is_file(turn.state.output_wanted or ""):
        turn.send(open_output(turn.state, turn.state.output_wanted))


def measure(turn: Turn, command: MeasureLoopback) -> None:
    """Raises BadInput where there is nothing to measure, or music that it would disturb."""
    state = turn.state
    if state.loopback is not None:
        raise BadInput("the loopback is being measured already; it takes a few seconds")
    if not state.output or _is_file(state.output):
        raise BadInput("no sound device is open for output; choose one first")
    if not state.input:
        raise BadInput("no input is open; choose the one that the output leads to first")
    if any(flight.sounding or flight.start_at is not None for flight in state.flights):
        raise BadInput("stop the music first: the test signal would sound over it")
    number, epoch = state.next_token, state.next_epoch
    run = LoopbackRun(number, epoch, turn.now)
    turn.change(
        next_token=number + 1,
        next_epoch=epoch + 1,
        loopback=LoopbackState(run, command.origin, state.underruns),
    )
    begin, blocks = run.begin()
    turn.send(begin, *(PlayBlock(block) for block in blocks), Accepted(0, command.origin))


def heard(turn: Turn, told: TakeHeard) -> None:
    asked = turn.state.loopback
    if asked is not None and told.take == asked.run.take:
        run, capture = asked.run.heard(told)
        turn.change(loopback=replace(asked, run=run))
        turn.send(capture)


def ended(turn: Turn, told: TakeEnded) -> None:
    """Before its end: a take or Stop came in between."""
    asked = turn.state.loopback
    if asked is not None and told.take == asked.run.take and not told.completed:
        _give_up(turn, "measuring was broken off, as something else was to sound; measure again")


def captured(turn: Turn, told: Captured) -> bool:
    """Whether this answers our question."""
    asked, state = turn.state.loopback, turn.state
    if asked is None or told.token != asked.run.number:
        return False
    late = state.underruns - asked.underruns
    turn.send(
        ExamineLoopback(
            told.token, asked.run.captured(told), asked.run.train,
            state.latency + state.input_latency, late, int(state.values["buffer"]),
        )
    )  # fmt: skip
    return True


def examined(turn: Turn, outcome: LoopbackExamined) -> None:
    asked = turn.state.loopback
    if asked is None or outcome.token != asked.run.number:
        return
    turn.change(loopback=None)
    report = outcome.report
    better = better_buffer(report)
    turn.send(LoopbackMeasured(report, advice(report), better, asked.origin))


def forget_late(turn: Turn) -> None:
    """An audio process that was started again does not answer."""
    asked = turn.state.loopback
    if asked is not None and asked.run.overdue(turn.now):
        _give_up(turn, "the sound devices did not answer; choose them again, then measure again")


def _is_file(output: str) -> bool:
    """… or nothing at all: no sound device."""
    return output == "none" or output.startswith("wav:")


def _give_up(turn: Turn, text: str) -> None:
    asked = turn.state.loopback
    assert asked is not None
    turn.change(loopback=None)
    turn.send(Problem("loopback", text, asked.origin))
