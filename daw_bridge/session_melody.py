"""The melody that a melody model follows, and the style that a style model does: a sound file, read
by the disk, or the last bars of the input; heard by the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath, PureWindowsPath

from core.errors import BadClip, BadInput
from core.generation.messages import HearMelody, HearStyle, MelodyHeard, Pcm, StyleHeard
from core.generation.params import (
    MAX_MELODY_FRAMES,
    Prompt,
    checked_style_seconds,
    style_in_books,
)
from daw_bridge.audio.messages import Capture
from daw_bridge.commands import FROM_INPUT, Origin, SetMelody, SetStyle
from daw_bridge.disk_messages import ReadClip
from daw_bridge.events import Accepted, MelodyChanged, Problem, StyleChanged
from daw_bridge.session_state import Pending, SessionState, Wish
from daw_bridge.session_turn import Turn

FRAME = 0.128  # seconds of one pitch class


def whole_path(path: str) -> str:
    """A path that came over the network. Raises BadClip for one that is neither whole nor from ~,
    because it would be looked for wherever the program was started."""
    absolute = PurePath(path).is_absolute() or PureWindowsPath(path).is_absolute()
    if not absolute and not path.startswith("~"):
        raise BadClip(f"{path[:200]!r} is not an absolute path; send the whole path, or one from ~")
    return path


def set_melody(turn: Turn, command: SetMelody) -> bool:
    """It is followed once the engine has listened to it; none at once: → whether that is so.

    Raises BadInput and BadClip.
    """
    loaded, origin = turn.state.model.loaded, command.origin
    if command.path and loaded is not None and not loaded.hears_melody:
        raise BadInput(
            f"{loaded.name} follows no melody; load one that does, such as"
            " /musicgen/model facebook/musicgen-melody"
        )
    if _ask(turn, Pending(Wish.MELODY, origin, None, turn.now, path=command.path)):
        return False
    turn.change(melody="", melody_path="")
    turn.send(melody_told(turn.state, origin))
    return True


def set_style(turn: Turn, command: SetStyle) -> bool:
    """As `set_melody`."""
    loaded, origin = turn.state.model.loaded, command.origin
    if command.path and loaded is not None and not loaded.hears_style:
        raise BadInput(
            f"{loaded.name} follows no style; load one that does:"
            " /musicgen/model facebook/musicgen-style"
        )
    seconds = checked_style_seconds(command.seconds)
    pending = Pending(Wish.MELODY, origin, None, turn.now, path=command.path, style=seconds)
    if _ask(turn, pending):
        return False
    turn.change(style="", style_path="", style_seconds=0.0, style_digest="")
    turn.send(style_told(turn.state, origin))
    return True


def _ask(turn: Turn, pending: Pending) -> bool:
    """Whether there is a clip to wait for. Else what is still being listened to is late."""
    if pending.path == FROM_INPUT:
        _hear_input(turn, replace(pending, wish=Wish.TUNE))
        return True
    turn.send(Accepted(0, pending.origin))
    if pending.path:
        path, seconds = whole_path(pending.path), MAX_MELODY_FRAMES * FRAME
        turn.send(ReadClip(turn.new_token(pending), path, seconds, from_start=True))
        return True
    for token, asked in turn.state.pending.items():
        alike = bool(asked.style) == bool(pending.style)
        if asked.wish in (Wish.MELODY, Wish.TUNE) and alike:
            turn.take_pending(token)
    return False


def _hear_input(turn: Turn, pending: Pending) -> None:
    """What was recorded last, else the last bars; whole ones where a clock rolls."""
    state, recorded = turn.state, turn.state.recorded
    if recorded is not None and recorded.clip is not None:
        turn.change(recorded=None)
        listen(turn, pending, recorded.clip, recorded.clip_rate)
    elif not state.input:
        raise BadInput("no input is open; choose one with --input or in the panel")
    else:
        line = state.transport.next_bar(turn.now, beats=state.beats, every=1)
        until = line.at - state.bar_seconds if line is not None else 0.0
        seconds = min(state.values["context"] * state.bar_seconds, state.window_seconds)
        turn.send(Capture(turn.new_token(pending), seconds, until))
    turn.send(Accepted(0, pending.origin))


def listen(turn: Turn, pending: Pending, pcm: Pcm, rate: int) -> None:
    """The file was read, or the input was captured."""
    token, style = turn.new_token(pending), pending.style
    turn.send(HearStyle(token, pcm, rate, style) if style else HearMelody(token, pcm, rate))


def note_heard(turn: Turn, heard: MelodyHeard | StyleHeard) -> bool:
    """Whether there is another melody or style now."""
    pending = turn.take_pending(heard.token)
    if pending is None:
        return False
    if heard.problem:
        turn.send(Problem(BadClip.code, heard.problem, pending.origin))
        return False
    if isinstance(heard, MelodyHeard):
        turn.change(melody=heard.melody, melody_path=pending.path)
        turn.send(melody_told(turn.state, pending.origin))
        return True
    loaded = turn.state.model.loaded
    turn.change(
        style=heard.style,
        style_path=pending.path,
        style_seconds=pending.style,
        style_digest=loaded.digest if loaded else "",
    )
    turn.send(style_told(turn.state, pending.origin, took=heard.took))
    return True


def melody_told(state: SessionState, origin: Origin, *, answer: bool = False) -> MelodyChanged:
    return MelodyChanged(state.melody_path, FRAME * len(state.melody), origin, answer)


def style_told(
    state: SessionState, origin: Origin, *, took: float = 0.0, answer: bool = False
) -> StyleChanged:
    return StyleChanged(state.style_path, state.style_seconds, took, origin, answer)


def hears_style(state: SessionState) -> bool:
    """Whether the model that is loaded follows one."""
    return state.model.loaded is not None and state.model.loaded.hears_style


def clip_of(state: SessionState, prompt: Prompt) -> Prompt:
    """The prompt with what the loaded model follows beside the words."""
    loaded = state.model.loaded
    if loaded is None:
        return prompt
    if loaded.hears_melody:
        return replace(prompt, melody=state.melody)
    if not state.style or loaded.digest != state.style_digest:
        return prompt
    books = int(state.values["style_detail"])
    return replace(prompt, style=style_in_books(state.style, books))
