"""A sound file that a person asks to continue: one of our takes, or a recording."""

from __future__ import annotations

from pathlib import Path

from daw_bridge.clips import read_tail
from daw_bridge.disk_messages import ClipRead, DiskOutcome, ReadClip, TakeFound, TakeRecalled
from daw_bridge.take_chunks import TakeFile
from daw_bridge.takes import TakeLibrary


def read_dropped(takes: TakeLibrary, asked: ReadClip) -> DiskOutcome:
    """A take comes back with its tokens, seed and parent, and with no pass through the encoder.

    One that was edited since is continued as a recording, and so is one whose description is
    damaged. Raises BadClip; BadInput when a take's tokens are gone.
    """
    found: int | TakeFile | None = None
    note = ""
    try:
        path = Path(asked.path).expanduser()
        found = takes.take_of(path) if path.is_file() else None
    except ValueError as damaged:
        note = f"{asked.path} is continued as a recording: {damaged}"
    except (OSError, RuntimeError):
        pass  # read_tail says what is wrong with the path
    if isinstance(found, int):
        return recall(takes, asked.token, found, None)
    if found is not None and not found.edited:
        return TakeFound(asked.token, asked.path)
    if found is not None:
        note = f"{asked.path} was edited since it was made; it is continued as a recording"
    pcm, rate = read_tail(asked.path, asked.seconds)
    return ClipRead(asked.token, pcm, rate, asked.path, note)


def recall(
    takes: TakeLibrary, token: int, take: int, frame: int | None, lead: int = 0
) -> TakeRecalled:
    """A take's tokens up to a frame (None: its end), for what begins `lead` samples before it.

    Raises BadInput.
    """
    codes, record, end = takes.codes_until(take, frame)
    if frame is None or end == record.frames:
        lead = max(lead, record.left_over)  # its sound goes no further
    at_end = frame is None or (end == record.frames and lead == record.left_over)
    return TakeRecalled(token, record, codes, end, at_end, lead)
