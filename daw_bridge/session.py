"""What the program does: `apply(state, input, now)` gives the next state and what to send.

Pure. Time is an argument, seeds come from the state, files and devices are requests and
outcomes. The controller's thread is the only caller.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from core.errors import BadCheckpoint, DawBridgeError
from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import session_alternatives as alternatives
from daw_bridge import session_library as library
from daw_bridge import session_loop as loops
from daw_bridge import session_loopback as loopback
from daw_bridge import session_playing as playing
from daw_bridge import session_sound as sound
from daw_bridge import session_steering as steering
from daw_bridge import session_takes as takes
from daw_bridge.audio import messages as audio
from daw_bridge.events import MeterLevels, Problem, TakeSaved
from daw_bridge.session_adapters import hear_adapters, note_start
from daw_bridge.session_clocks import forget_lost_clocks, tell_clock
from daw_bridge.session_commands import obey
from daw_bridge.session_continue import (
    clip_read,
    continue_what_ended,
    question_failed,
    take_found,
    take_recalled,
)
from daw_bridge.session_input import clip_captured, forget_late_questions
from daw_bridge.session_io import SessionInput, SessionOutput, Tick
from daw_bridge.session_latency import hear_model
from daw_bridge.session_state import ModelState, SessionState
from daw_bridge.session_status import tell_status
from daw_bridge.session_swap import try_swap
from daw_bridge.session_tree import recipe_recalled, tell_tree
from daw_bridge.session_turn import Turn
from daw_bridge.take_heritage import note_level

ENGINE_RESTARTED = "engine"  # the code of a problem after which the take goes on
STARTER = "starter"  # the model that is always there


def apply(
    state: SessionState, item: SessionInput, now: float
) -> tuple[SessionState, tuple[SessionOutput, ...]]:
    """The next state, and what is to be sent, in order. Never raises on bad input: it answers."""
    turn = Turn(state, now)
    match item:
        case Tick():
            sound.on_tick(turn)
            steering.steer_late(turn)
            alternatives.recall(turn)
            try_swap(turn)
            forget_lost_clocks(turn)
            forget_late_questions(turn)
            loopback.forget_late(turn)
            loops.keep_loops(turn)
        case (
            engine.ModelLoading()
            | engine.ModelLoaded()
            | engine.AdaptersLoaded()
            | engine.MelodyHeard()
            | engine.StyleHeard()
            | engine.TakeStarted()
            | engine.TakeSteered()
            | engine.TakeTokens()
            | engine.TakeDone()
            | engine.EngineProblem()
            | engine.PcmBlock()
        ):
            _hear_engine(turn, item)
        case (
            audio.OutputOpened()
            | audio.InputOpened()
            | audio.DeviceLost()
            | audio.TakeHeard()
            | audio.Played()
            | audio.TakeEnded()
            | audio.Levels()
            | audio.Captured()
            | audio.AudioProblem()
        ):
            _hear_audio(turn, item)
        case (
            disk.TakeWritten()
            | disk.TakeDiscarded()
            | disk.TakeReclaimed()
            | disk.SoundRead()
            | disk.DiskProblem()
            | disk.ClipRead()
            | disk.TakeRecalled()
            | disk.TakeFound()
            | disk.RecipeRecalled()
            | disk.LoopReady()
            | disk.LoopStretched()
            | disk.LoopbackExamined()
        ):
            _hear_disk(turn, item)
        case _:
            try:
                obey(turn, item)
            except DawBridgeError as refused:
                turn = Turn(state, now)  # nothing half done
                turn.send(Problem(refused.code, str(refused), item_origin(item)))
    alternatives.settle(turn)
    tell_status(turn)
    tell_tree(turn, state.tree)
    tell_clock(turn)
    return turn.state, tuple(turn.out)


def item_origin(command: ask.Command) -> ask.Origin:
    """Who sent a command; clocks have no one to answer to."""
    return getattr(command, "origin", ask.Origin(source="clock"))


# ---------------------------------------------------------------- the other processes


def _hear_engine(turn: Turn, event: engine.EngineEvent) -> None:
    model = turn.state.model
    match event:
        case engine.ModelLoading(asked, fraction, what):
            turn.change(model=ModelState(asked, fraction, what, model.loaded, origin=model.origin))
        case engine.ModelLoaded():
            hear_model(turn, event)
            answers = event.model == model.asked  # or it is the one before, which is kept
            if answers and model.origin is not None:
                turn.send(disk.KeepSettings({"model": event.model}))
            origin = None if answers else model.origin
            turn.change(model=ModelState(event.model, 1.0, "", event, origin=origin))
            turn.change(problem=turn.state.device_problem)  # that one the model has not mended
        case engine.AdaptersLoaded():
            hear_adapters(turn, event)
        case engine.MelodyHeard() | engine.StyleHeard():
            steering.melody_heard(turn, event)
        case engine.TakeStarted(take, context=context):
            note_start(turn, event)
            note_level(turn, event)
            if context is not None:
                turn.send(disk.KeepContext(take, context))
        case engine.TakeSteered():
            steering.on_steered(turn, event)
            alternatives.forget_where_steered(turn, event)
        case engine.TakeTokens():
            takes.on_tokens(turn, event)
        case engine.PcmBlock():
            takes.on_block(turn, event)
        case engine.TakeDone():
            takes.on_done(turn, event)
            continue_what_ended(turn, event.take)
        case engine.EngineProblem(take, code, text):
            turn.change(problem=text)
            origin = ask.Origin(source="engine")
            if code == ENGINE_RESTARTED:
                turn.change(model=replace(model, progress=0.0))
            if take is None and model.asked and code != ENGINE_RESTARTED:
                if _can_do_with_the_starter(model, code):
                    text += "; the starter model is loaded instead"
                    state = turn.state
                    turn.change(model=ModelState(STARTER), problem=text)
                    turn.send(
                        engine.LoadModel(STARTER, state.compute, state.dtype),
                        Problem(code, text, origin),
                    )
                    return
                # Where the one before is still there, the engine tells that it is.
                turn.change(model=ModelState(model.asked, failed=text))
                origin = model.origin or origin
            elif take is not None and code != ENGINE_RESTARTED:
                origin = takes.fail_take(turn, take)
            turn.send(Problem(code, text, origin))
        case _:
            assert_never(event)


def _can_do_with_the_starter(model: ModelState, code: str) -> bool:
    """At the start a model that is gone (a folder that was moved, say) must not mean silence."""
    at_start = model.loaded is None and model.origin is None
    return at_start and code == BadCheckpoint.code and model.asked != STARTER


def _hear_audio(turn: Turn, event: audio.AudioEvent) -> None:
    match event:
        case audio.OutputOpened(device, rate, _, latency):
            turn.change(output=device, output_rate=rate, latency=latency)
            _opened(turn, "output")
        case audio.InputOpened(device, latency=latency):
            turn.change(input=device, input_latency=latency)
            _opened(turn, "input")
        case audio.DeviceLost(kind, text):
            if kind == "output":
                turn.change(output="", output_rate=0)
            else:
                turn.change(input="", recording_since=None)
            turn.change(problem=text, device_problem=text)
            origin = turn.asked_to_open(kind, None) or ask.Origin(source="audio")
            turn.send(Problem("bad_device", text, origin))
        case audio.TakeHeard():
            sound.on_heard(turn, event)
            loopback.heard(turn, event)
        case audio.Played():
            sound.on_played(turn, event)
        case audio.TakeEnded():
            sound.on_ended(turn, event)
            loopback.ended(turn, event)
        case audio.Levels(output, inputs):
            turn.send(MeterLevels(output, inputs))
        case audio.Captured():
            if not loopback.captured(turn, event):
                clip_captured(turn, event)
        case audio.AudioProblem(code, text):
            turn.change(problem=text)
            turn.send(Problem(code, text, ask.Origin(source="audio")))
        case _:
            assert_never(event)


def _opened(turn: Turn, kind: str) -> None:
    turn.asked_to_open(kind, None)
    if turn.state.problem == turn.state.device_problem:
        turn.change(problem="", device_problem="")


def _hear_disk(turn: Turn, outcome: disk.DiskOutcome) -> None:
    match outcome:
        case disk.TakeWritten(record):
            turn.change(tree=turn.state.tree.with_record(record))
            origin = turn.state.askers.get(record.take)
            turn.send(TakeSaved(record.take, record.path, record.seconds, origin))
        case disk.TakeDiscarded() | disk.TakeReclaimed():
            library.hear(turn, outcome)
        case disk.SoundRead():
            playing.on_sound(turn, outcome)
        case disk.ClipRead():
            clip_read(turn, outcome)
        case disk.TakeRecalled():
            take_recalled(turn, outcome)
        case disk.TakeFound():
            take_found(turn, outcome)
        case disk.RecipeRecalled():
            recipe_recalled(turn, outcome)
        case disk.LoopReady():
            loops.on_ready(turn, outcome)
        case disk.LoopStretched():
            loops.on_stretched(turn, outcome)
        case disk.LoopbackExamined():
            loopback.examined(turn, outcome)
        case disk.DiskProblem():
            playing.give_up(turn, outcome)
            question_failed(turn, outcome)
        case _:
            assert_never(outcome)
