"""The melody that a melody model follows: a sound file, read by the disk, or the last bars of the
input; heard by the engine."""

from __future__ import annotations

from pathlib import PurePath, PureWindowsPath

from core.errors import BadClip, BadInput
from core.generation.messages import HearMelody, MelodyHeard, Pcm
from core.generation.params import MAX_MELODY_FRAMES
from daw_bridge.audio.messages import Capture
from daw_bridge.commands import FROM_INPUT, Origin, SetMelody
from daw_bridge.disk_messages import ReadClip
from daw_bridge.events import Accepted, MelodyChanged, Problem
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
    path, origin, loaded = command.path, command.origin, turn.state.model.loaded
    if path and loaded is not None and not loaded.hears_melody:
        raise BadInput(
            f"{loaded.name} follows no melody; load one that does, such as"
            " /musicgen/model facebook/musicgen-melody"
        )
    if path == FROM_INPUT:
        _hear_input(turn, Pending(Wish.TUNE, origin, None, turn.now, path=path))
        return False
    turn.send(Accepted(0, origin))
    if path:
        pending = Pending(Wish.MELODY, origin, None, turn.now, path=whole_path(path))
        seconds = MAX_MELODY_FRAMES * FRAME
        turn.send(ReadClip(turn.new_token(pending), path, seconds, from_start=True))
        return False
    for token, asked in turn.state.pending.items():  # what is still being listened to is late
        if asked.wish in (Wish.MELODY, Wish.TUNE):
            turn.take_pending(token)
    turn.change(melody="", melody_path="")
    turn.send(melody_told(turn.state, origin))
    return True


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
    turn.send(HearMelody(turn.new_token(pending), pcm, rate))


def note_melody(turn: Turn, heard: MelodyHeard) -> bool:
    """Whether there is another melody now, or none any more."""
    pending = turn.take_pending(heard.token)
    if pending is None:
        return False
    if heard.problem:
        turn.send(Problem(BadClip.code, heard.problem, pending.origin))
        return False
    turn.change(melody=heard.melody, melody_path=pending.path)
    turn.send(melody_told(turn.state, pending.origin))
    return True


def melody_told(state: SessionState, origin: Origin, *, answer: bool = False) -> MelodyChanged:
    return MelodyChanged(state.melody_path, FRAME * len(state.melody), origin, answer)
