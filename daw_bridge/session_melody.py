"""The melody that a melody model follows: a sound file, read by the disk, heard by the engine."""

from __future__ import annotations

from pathlib import PurePath, PureWindowsPath

from core.errors import BadClip, BadInput
from core.generation.messages import HearMelody, MelodyHeard
from core.generation.params import MAX_MELODY_FRAMES
from daw_bridge.commands import Origin, SetMelody
from daw_bridge.disk_messages import ClipRead, ReadClip
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
    turn.send(Accepted(0, origin))
    if path:
        pending = Pending(Wish.MELODY, origin, None, turn.now, path=whole_path(path))
        seconds = MAX_MELODY_FRAMES * FRAME
        turn.send(ReadClip(turn.new_token(pending), path, seconds, from_start=True))
        return False
    for token, asked in turn.state.pending.items():  # what is still being listened to is late
        if asked.wish is Wish.MELODY:
            turn.take_pending(token)
    turn.change(melody="", melody_path="")
    turn.send(melody_told(turn.state, origin))
    return True


def listen(turn: Turn, pending: Pending, clip: ClipRead) -> None:
    """The file was read."""
    turn.send(HearMelody(turn.new_token(pending), clip.pcm, clip.rate))


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
