"""What each command does to the session: one case each."""

from __future__ import annotations

from types import MappingProxyType
from typing import assert_never

from core.errors import DawBridgeError
from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import controllers
from daw_bridge import disk_messages as disk
from daw_bridge import session_library as library
from daw_bridge import session_loopback as loopback
from daw_bridge import session_playing as playing
from daw_bridge import session_sound as sound
from daw_bridge import session_steering as steering
from daw_bridge import session_takes as takes
from daw_bridge import session_tree as tree
from daw_bridge.audio import messages as audio
from daw_bridge.events import (
    Accepted,
    ControllerMapped,
    CurrentTake,
    ParameterChanged,
    Pong,
    Problem,
    StatusChanged,
)
from daw_bridge.parameters import parameter
from daw_bridge.presets import find_preset
from daw_bridge.session_adapters import adapters_told, use_adapter
from daw_bridge.session_alternatives import make_alternatives
from daw_bridge.session_clocks import hear_clock, note_parameter, tell_tempo
from daw_bridge.session_continue import continue_file, continue_take
from daw_bridge.session_flight import Context
from daw_bridge.session_input import continue_input, record_input
from daw_bridge.session_latency import choose_mode
from daw_bridge.session_loop import switched
from daw_bridge.session_melody import melody_told, set_melody, set_style, style_told
from daw_bridge.session_state import ModelState
from daw_bridge.session_status import status_of
from daw_bridge.session_swap import swap
from daw_bridge.session_turn import Turn


def obey(turn: Turn, command: ask.Command) -> None:
    """Apply one command. Raises DawBridgeError for what cannot be done; nothing is then sent."""
    state, now = turn.state, turn.now
    match command:
        case ask.Generate(prompt, origin):
            _needs_model(turn)
            takes.start_take(turn, origin, Context(), prompt)
        case ask.MakeAlternatives():
            _needs_model(turn)
            make_alternatives(turn, command)
        case ask.Swap():
            swap(turn, command)
        case ask.Retry(origin):
            _needs_model(turn)
            tree.retry(turn, origin)
        case ask.Undo(origin):
            tree.undo(turn, origin)
        case ask.Redo(origin):
            tree.redo(turn, origin)
        case ask.ChooseTake(take, origin):
            tree.choose(turn, take, origin)
        case ask.AskCurrent(origin):
            turn.send(CurrentTake(state.tree.current, origin, answer=True))
        case ask.AskTakes():
            tree.tell_takes(turn, command)
        case ask.AskTree():
            tree.tell_whole_tree(turn)
            turn.change(clock_shown=None)  # and so told again
        case ask.ContinueFile():
            _needs_model(turn)
            continue_file(turn, command)
        case ask.ContinueInput():
            _needs_model(turn)
            continue_input(turn, command)
        case ask.ContinueTake():
            _needs_model(turn)
            continue_take(turn, command)
        case ask.Stop(origin):
            takes.drop_next(turn)
            sound.stop_takes(turn)
            turn.send(Accepted(state.last_take, origin))
        case ask.Panic(origin):
            takes.drop_next(turn)
            turn.send(audio.Silence())
            for flight in state.flights:
                takes.cancel(turn, flight)
                turn.change_flight(flight.take, muted=True, held=())
            turn.send(Accepted(state.last_take, origin))
        case ask.Record():
            record_input(turn, command)
        case ask.KeepTake() | ask.RenameTake() | ask.DeleteTake() | ask.RestoreTake():
            library.obey_librarian(turn, command)
        case ask.PlayTake():
            playing.play_take(turn, command)
        case ask.SetPrompt() | ask.SetPromptSlot() | ask.SetNegative() | ask.AskPrompt():
            steering.obey_prompt(turn, command)
        case ask.RecallPreset(preset, origin):
            found = find_preset(state.presets, preset)
            for name, value in found.values.items():
                _set_parameter(turn, name, value, origin, steers=False)  # all at once, with it
            steering.clear_slots(turn, origin)
            steering.set_prompt(turn, found.prompt, origin)
            turn.send(Accepted(0, origin))
        case ask.SetParameter(name, value, origin):
            _set_parameter(turn, name, value, origin)
            turn.send(Accepted(0, origin))
        case ask.TapTempo(origin):
            turn.change(transport=state.transport.tapped(now))
            bpm = turn.state.transport.clocks[ask.ClockSource.INTERNAL].tempo
            if len(turn.state.transport.taps) > 1:
                note_parameter(turn, "tempo", bpm, origin)
        case ask.LearnController(name, origin):
            turn.send(ControllerMapped(parameter(name).name, None, learning=True))
            turn.send(Accepted(0, origin))
        case ask.AskControllers(origin):
            table = controllers.changed(controllers.default_table(), state.controllers)
            for name, controller in controllers.by_parameter(table).items():
                turn.send(ControllerMapped(name, controller, origin=origin, answer=True))
        case ask.MapController(name, controller, origin):
            others = {n: c for n, c in state.controllers.items() if c != controller or c is None}
            mapped = {**others, parameter(name).name: controller}
            turn.change(controllers=MappingProxyType(mapped))
            turn.send(ControllerMapped(name, controller), Accepted(0, origin))
            turn.send(disk.KeepSettings({"controllers": mapped}))
        case ask.MeasureLoopback():
            loopback.measure(turn, command)
        case ask.UseModel(model, origin):
            asked = ModelState(asked=model, loaded=state.model.loaded, origin=origin)
            turn.change(model=asked, problem="")  # remembered when it is loaded
            turn.send(engine.LoadModel(model, state.compute, state.dtype), Accepted(0, origin))
        case ask.SetMelody():
            if set_melody(turn, command):
                steering.steer(turn)
        case ask.SetStyle():
            if set_style(turn, command):
                steering.steer(turn)
        case ask.AskStyle(origin):
            turn.send(style_told(state, origin, answer=True))
        case ask.AskMelody(origin):
            turn.send(melody_told(state, origin, answer=True))
        case ask.UseAdapter():
            use_adapter(turn, command)
        case ask.UseOutput(device, origin):
            turn.asked_to_open("output", origin)
            turn.change(output_wanted=device)
            turn.send(loopback.open_output(turn.state, device), Accepted(0, origin))
            turn.send(disk.KeepSettings({"output": device}))
        case ask.UseInput(device, origin):
            turn.change(input_wanted=device, input="" if device == "none" else state.input)
            turn.asked_to_open("input", origin)
            turn.send(audio.OpenInput(device), Accepted(0, origin))
            turn.send(disk.KeepSettings({"input": device}))
        case ask.AskStatus(origin):
            turn.send(StatusChanged(status_of(state), origin))
        case ask.AskParameter(name, origin):
            value = state.transport.tempo if name == "tempo" else state.values[parameter(name).name]
            turn.send(ParameterChanged(name, value, origin, answer=True))
        case ask.AskAdapters(origin):
            turn.send(adapters_told(state.adapters, origin, answer=True))
        case ask.Ping(payload, origin):
            turn.send(Pong(payload, origin))
        case ask.Subscribe(origin=origin):
            turn.send(Accepted(0, origin), StatusChanged(status_of(state), origin))
        case ask.Unsubscribe(origin=origin):
            turn.send(Accepted(0, origin))
        case ask.Refused(code, text, origin):
            turn.send(Problem(code, text, origin))
        case (
            ask.ClockTempo()
            | ask.ClockPosition()
            | ask.ClockRolling()
            | ask.ClockLost()
            | ask.ClockGone()
            | ask.LinkPeers()
        ):
            hear_clock(turn, command)
        case _:
            assert_never(command)


def _needs_model(turn: Turn) -> None:
    model = turn.state.model
    if model.failed and model.loaded is None:
        raise DawBridgeError(f"no model: {model.failed}")


def _set_parameter(
    turn: Turn, name: str, value: float, origin: ask.Origin, *, steers: bool = True
) -> None:
    checked = parameter(name).checked(value)
    if name == "tempo":
        turn.change(transport=turn.state.transport.set_by_hand(checked, turn.now))
    note_parameter(turn, name, checked, origin)
    if name == "clock":
        turn.change(transport=turn.state.transport.following(int(checked)))
    elif name == "loop":
        switched(turn, on=bool(checked))
    elif name == "latency":
        choose_mode(turn)
    elif name == "buffer":
        loopback.choose_buffer(turn)
    elif name == "gain":
        turn.send(audio.SetGain(checked))
    elif name in ("tempo", "tell_tempo"):
        tell_tempo(turn)
    elif parameter(name).live and steers:
        steering.steer(turn)
